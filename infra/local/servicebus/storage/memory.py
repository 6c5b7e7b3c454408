"""Storage that keeps nothing: everything ends with the process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from infra.local.servicebus.broker.changes import Change


class MemoryStorage:
    """For tests and `--in-memory`: commits at once, a restart begins empty."""

    def load(self) -> Iterable[Change]:
        return ()

    async def commit(self, changes: Sequence[Change]) -> None:
        return None

    async def aclose(self) -> None:
        return None
