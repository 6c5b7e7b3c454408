"""Rows as the business logic sees them: plain values by set and key, numbers of a sequence."""

from __future__ import annotations

from collections.abc import Iterator

from infra.local.dynamics.odata.entities import INT64, TEXT, EntitySet, Row, field_table
from infra.local.dynamics.odata.keys import Key
from infra.local.dynamics.odata.query import column
from infra.local.dynamics.odata.store import EntityStore

NUMBER_SEQUENCES = EntitySet(
    "_NumberSequences",
    "",
    "",
    "",
    ("dataAreaId", "Name"),
    field_table((TEXT, "dataAreaId Name"), (INT64, "Last")),
)
"""Not served: the last number each company has given out of each sequence."""


class Rows:
    """To be changed inside `store.transaction()` only."""

    def __init__(self, store: EntityStore) -> None:
        self._store = store

    def get(self, entity_set: EntitySet, *key: object) -> Row | None:
        stored = self._store.get(entity_set, key)  # type: ignore[arg-type]
        return None if stored is None else stored.values()

    def add(self, entity_set: EntitySet, row: Row) -> None:
        """Raises odata.store.DuplicateKey."""
        self._store.insert(entity_set, key_of(entity_set, row), row)

    def change(self, entity_set: EntitySet, row: Row, **fields: object) -> None:
        self._store.update(entity_set, key_of(entity_set, row), row | fields)  # type: ignore[arg-type]

    def below(self, entity_set: EntitySet, **fields: object) -> Iterator[Row]:
        """Yield the rows whose fields have these values, in the order they came."""
        where = " AND ".join(f"{column(entity_set, name)}=?" for name in fields)
        values = tuple(fields.values())
        for stored in self._store.select(entity_set, where, "", -1, 0, values):  # type: ignore[arg-type]
            yield stored.values()

    def next_number(self, company: str, name: str) -> int:
        """Count on; a number given to a transaction that fails is given again."""
        row = self.get(NUMBER_SEQUENCES, company, name)
        if row is None:
            self.add(NUMBER_SEQUENCES, {"dataAreaId": company, "Name": name, "Last": 1})
            return 1
        last = int(row["Last"]) + 1
        self.change(NUMBER_SEQUENCES, row, Last=last)
        return last


def key_of(entity_set: EntitySet, row: Row) -> Key:
    return tuple([row.get(name, entity_set.fields[name].default) for name in entity_set.keys])
