"""What the broker needs of a durable store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from infra.local.servicebus.broker.changes import Change


class StorageError(Exception):
    """The store cannot be read or written; the text names the file and the cause."""


class Storage(Protocol):
    def load(self) -> Iterable[Change]:
        """Return what a new Namespace needs in restore(); nothing for a new store.
        Blocking; read to its end before the first commit. Raises StorageError, also on the way."""
        ...

    async def commit(self, changes: Sequence[Change]) -> None:
        """Return when these changes and all of earlier commits are durable; many may wait at once
        and share one transaction. Raises StorageError: nothing may be acknowledged then; the
        changes are kept and written first by the next commit, so memory and disk do not part."""
        ...

    async def aclose(self) -> None:
        """Write what is pending and let go of the file."""
        ...
