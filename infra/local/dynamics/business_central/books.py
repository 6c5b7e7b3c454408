"""The rows of every company: found, inserted, changed; numbers drawn from series.

A row is stored with every field it has, and with fields of the simulator's own that begin with an
underscore: `_company`, `_parent` and what an entity's rules keep for themselves. `_etag` is in
every row handed out and in none that is stored.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from infra.local.dynamics.clock import Clock
from infra.local.dynamics.odata.entities import EntitySet, Scalar
from infra.local.dynamics.odata.store import DuplicateKey, EntityStore, StoredRow

from . import errors
from .custom_entities import ALL
from .entities import Entity
from .types import EMPTY_GUID, Value, format_moment

Row = dict[str, Value]

_SERIES = EntitySet("numberSeries", "", "", "", ("company", "series"), {})
NO_COMPANY = ""
"""The company of rows that belong to none: companies and subscriptions."""


@dataclass(frozen=True, slots=True)
class Change:
    entity: Entity
    company: str
    identifier: str
    kind: str
    """created, updated or deleted."""


class Books:
    """Writes must happen inside `transaction()`; `on_change` hears of them once they are kept."""

    def __init__(self, store: EntityStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.on_change: Callable[[Sequence[Change]], None] = lambda _: None
        self._changes: list[Change] = []
        for entity in ALL.values():
            for name in ("_parent", *entity.unique, *entity.indexed):
                store.index(entity.table, f"{_COMPANY}, {column(name)}")
            for name in _LINE_NUMBERS & entity.fields.keys():
                store.index(entity.table, f"{_COMPANY}, {column('_parent')}, {column(name)}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._changes = []
        with self.store.transaction():
            yield
        changes, self._changes = self._changes, []
        if changes:
            self.on_change(changes)

    def now(self) -> str:
        return format_moment(self.clock())

    def insert(self, entity: Entity, company: str, row: Mapping[str, Value]) -> Row:
        """Complete the row, give it an id where it has none, and keep it. Raises same_key."""
        full: Row = {name: field.default for name, field in entity.fields.items()
                     if field.kind != "stream"}  # fmt: skip
        full |= row
        if full[entity.key] in ("", EMPTY_GUID):
            full[entity.key] = str(uuid.uuid4())
        full["_company"] = company
        full.setdefault("_parent", str(full.get(entity.parent_field, "")))
        if "lastModifiedDateTime" in entity.fields:
            full["lastModifiedDateTime"] = self.now()
        self._check_unique(entity, company, full, None)
        try:
            stored = self.store.insert(entity.table, (company, _stored_key(entity, full)), full)
        except DuplicateKey as error:
            raise errors.same_key(entity.caption, f"{entity.key}='{full[entity.key]}'") from error
        self._note(entity, company, full, "created")
        return {**full, "_etag": etag(stored)}

    def update(self, entity: Entity, row: Row) -> None:
        company = str(row["_company"])
        if "lastModifiedDateTime" in entity.fields:
            row["lastModifiedDateTime"] = self.now()
        self._check_unique(entity, company, row, str(row[entity.key]))
        key = (company, _stored_key(entity, row))
        self.store.update(entity.table, key, {k: v for k, v in row.items() if k != "_etag"})
        if (stored := self.store.get(entity.table, key)) is not None:
            row["_etag"] = etag(stored)
        self._note(entity, company, row, "updated")

    def delete(self, entity: Entity, row: Row) -> None:
        """Delete the row with everything below it."""
        company, identifier = str(row["_company"]), str(row[entity.key])
        for name in entity.children:
            child = ALL.get(name)
            if child is not None:
                for below in self.children(child, company, identifier):
                    self.delete(child, below)
        self.store.delete(entity.table, (company, _stored_key(entity, row)))
        self._note(entity, company, row, "deleted")

    def get(self, entity: Entity, company: str, identifier: str) -> Row | None:
        """`identifier` is `parent/id` where an id repeats below every parent."""
        stored = self.store.get(entity.table, (company, identifier))
        return None if stored is None else row_of(stored)

    def find(self, entity: Entity, company: str, **values: Value) -> Row | None:
        return next(iter(self.rows(entity, company, **values)), None)

    def rows(self, entity: Entity, company: str, **values: Value) -> list[Row]:
        """The rows whose fields have these values, in order of insertion."""
        where = " AND ".join([f"{_COMPANY}=?", *(f"{column(name)}=?" for name in values)])
        found = self.store.select(
            entity.table, where, "", -1, 0, (company, *map(_scalar, values.values()))
        )
        return [row_of(stored) for stored in found]

    def children(self, entity: Entity, company: str, parent: str) -> list[Row]:
        return self.rows(entity, company, _parent=parent)

    def next_line(self, entity: Entity, company: str, parent: str, field: str) -> int:
        """Return the number of a new last line: they go up by 10,000."""
        where = f"{_COMPANY}=? AND {column('_parent')}=?"
        order = f"{_COMPANY} DESC, {column('_parent')} DESC, {column(field)} DESC"
        last = self.store.select(entity.table, where, order, 1, 0, (company, parent))
        return 10_000 + (int(last[0].values()[field]) if last else 0)

    def next_number(self, company: str, series: str, first: int) -> str:
        """Draw the next number: `S-INV` and 102001 give S-INV102001, S-INV102002, …"""
        key = (company, series)
        stored = self.store.get(_SERIES, key)
        if stored is None:
            self.store.insert(_SERIES, key, {"next": first + 1})
            return f"{series}{first}"
        number = int(stored.values()["next"])
        self.store.update(_SERIES, key, {"next": number + 1})
        return f"{series}{number}"

    def _check_unique(self, entity: Entity, company: str, row: Row, own: str | None) -> None:
        if not entity.unique:
            return
        values = {name: row[name] for name in entity.unique}
        for other in self.rows(entity, company, **values):
            if str(other[entity.key]) != own or entity.key in entity.unique:
                shown = ",".join(
                    f"{entity.fields[name].caption}='{value}'" for name, value in values.items()
                )
                raise errors.same_key(entity.caption, shown)

    def _note(self, entity: Entity, company: str, row: Row, kind: str) -> None:
        self._changes.append(Change(entity, company, str(row[entity.key]), kind))


def tables(entities: Iterable[Entity] = ALL.values()) -> list[EntitySet]:
    return [*(entity.table for entity in entities), _SERIES]


def column(name: str) -> str:
    """The SQL expression of a field; indexes are on the same text."""
    return f"json_extract(body, '$.{name}')"


_COMPANY = column("_company")
_LINE_NUMBERS = {"lineNumber", "sequence"}


def etag(stored: StoredRow) -> str:
    """A weak ETag as the recorded samples write it: base64 of `'<digits>;<number>;00;'`."""
    digest = hashlib.sha256(f"{stored.record_id} {stored.version}".encode()).digest()
    number = str(int.from_bytes(digest[:8], "big") | 1 << 62)
    text = f"'{len(number)};{number};00;'"
    return f'W/"{base64.b64encode(text.encode()).decode()}"'


def row_of(stored: StoredRow) -> Row:
    row: Row = dict(stored.values())
    row["_etag"] = etag(stored)
    return row


def _stored_key(entity: Entity, row: Row) -> str:
    # One dimension is in many sets, each below its own parent.
    parent = f"{row['_parent']}/" if entity.parent == "*" else ""
    return parent + str(row[entity.key])


def _scalar(value: Value) -> Scalar:
    return int(value) if isinstance(value, bool) else value
