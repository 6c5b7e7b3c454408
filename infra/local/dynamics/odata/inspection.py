"""Rows of an EntityStore for the inspection page that all products share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .entities import EntitySet, Row
from .store import EntityStore


class StoredEntities:
    """Implements product.Entities."""

    def __init__(self, store: EntityStore, tables: Mapping[str, EntitySet]) -> None:
        """`tables` by the name they are shown under."""
        self._store = store
        self._tables = tables

    def counts(self) -> Mapping[str, int]:
        return {name: self._store.count(each, "1", ()) for name, each in self._tables.items()}

    def rows(self, name: str, skip: int, top: int) -> Sequence[Row]:
        found = self._store.select(self._tables[name], "1", "", top, skip, ())
        return [each.values() for each in found]
