"""Rows of an EntityStore for the inspection page that all products share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .entities import EntitySet, Row
from .store import EntityStore


class StoredEntities:
    """Implements product.Entities."""

    def __init__(self, store: EntityStore, sets: Iterable[EntitySet]) -> None:
        self._store = store
        self._sets = {each.name: each for each in sets}

    def counts(self) -> Mapping[str, int]:
        return {name: self._store.count(each, "1", ()) for name, each in self._sets.items()}

    def rows(self, name: str, skip: int, top: int) -> Sequence[Row]:
        found = self._store.select(self._sets[name], "1", "", top, skip, ())
        return [each.values() for each in found]
