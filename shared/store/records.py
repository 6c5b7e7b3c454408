"""Small records by kind and key, each with a version: what services remember of single things.

The last version of a customer, the state of an order, a conflict waiting for a person, a ticket
that waits for its aggregate, a movement of stock: a kind is one service's, its text is that
service's JSON.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class Record:
    """`version` counts from 1; `state` is a word one can search by; `at` (aware UTC) is the
    writer's and may order what has no other order."""

    kind: str
    key: str
    version: int
    state: str
    text: str
    at: datetime


class Records(ABC):
    """Records by (kind, key), keys in the order of their characters' code points.

    * An absent record is simply not in an answer.
    * `write` is kept whole or not at all, and outlives any crash once it has returned. A record is
      written if its version is exactly one above what is stored (1 above nothing); else nothing of
      the call is written and what stood in the way is returned. So two writers who have read the
      same cannot both win. One call names a record once.
    * What `write` returned is seen by every `read` and `find` that begins afterwards, from any
      process.

    Every method raises `StoreUnavailable` when the database cannot be reached.
    """

    @abstractmethod
    async def read(self, kind: str, keys: Iterable[str]) -> dict[str, Record]:
        """Return those that exist, by key."""

    @abstractmethod
    async def find(
        self,
        kind: str,
        *,
        prefix: str = "",
        state: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> list[Record]:
        """Return records by key, those with the prefix, in the state, beyond the key `after`.

        Every character of the prefix stands for itself."""

    @abstractmethod
    async def kinds(self) -> list[str]:
        """Return the kinds there are records of, sorted."""

    @abstractmethod
    async def write(self, records: Sequence[Record]) -> list[Record | None]:
        """Write all, or return what stood in the way, in the order of the call: the stored records,
        None for an absent one whose version was not 1. Empty when all are written."""

    @abstractmethod
    async def delete(self, kind: str, keys: Iterable[str]) -> None:
        """Forget them; absent ones make no difference."""


class MemoryRecords(Records):
    """The definition, and a stand-in for tests: forgets everything with its process."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], Record] = {}

    async def read(self, kind: str, keys: Iterable[str]) -> dict[str, Record]:
        known = ((key, self._records.get((kind, key))) for key in keys)
        return {key: record for key, record in known if record is not None}

    async def find(
        self,
        kind: str,
        *,
        prefix: str = "",
        state: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> list[Record]:
        found = (
            record
            for (of, key), record in self._records.items()
            if of == kind and key.startswith(prefix) and (not after or key > after)
            if state is None or record.state == state
        )
        return sorted(found, key=attrgetter("key"))[:limit]

    async def kinds(self) -> list[str]:
        return sorted({kind for kind, _ in self._records})

    async def write(self, records: Sequence[Record]) -> list[Record | None]:
        in_the_way: list[Record | None] = []
        for record in records:
            stored = self._records.get((record.kind, record.key))
            if record.version != (stored.version if stored else 0) + 1:
                in_the_way.append(stored)
        if not in_the_way:
            self._records |= {(record.kind, record.key): record for record in records}
        return in_the_way

    async def delete(self, kind: str, keys: Iterable[str]) -> None:
        for key in keys:
            self._records.pop((kind, key), None)
