"""Storage in one SQLite file with group commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from infra.local.servicebus.broker.changes import Change


class SqliteStorage:
    def __init__(self, path: Path, *, survive_power_loss: bool = True) -> None:
        raise NotImplementedError

    def load(self) -> Iterable[Change]:
        raise NotImplementedError

    async def commit(self, changes: Sequence[Change]) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        raise NotImplementedError
