"""One OData operation: a request in, an answer out, the same alone and inside a batch.

Nothing here knows HTTP servers; `execute` is plain synchronous code over the store. Writes must be
called inside `store.transaction()`.
"""

from __future__ import annotations

from functools import lru_cache

from infra.local.dynamics.odata.entities import EntitySet, Row
from infra.local.dynamics.odata.keys import (
    Key,
    MalformedResource,
    Resource,
    WrongKey,
    format_key,
    parse_resource,
    read_key,
)
from infra.local.dynamics.odata.messages import Answer, Operation
from infra.local.dynamics.odata.store import DuplicateKey, EntityStore, StoredRow

from . import errors, reading
from .bodies import JSON_TYPE, read_body
from .entity_sets import COMPANIES, ENTITY_SETS, OPERATING_UNITS, parties, places, products
from .logic import RULES, complete, parent_row, refuse_final, refuse_read_only
from .master_data import CURRENCIES, DEFAULT_COMPANY
from .representation import entity_text
from .rows import Rows

_PER_COMPANY = {
    "Customers": parties.CUSTOMERS,
    "Released products": products.RELEASED_PRODUCTS,
    "Warehouses": places.WAREHOUSES,
}
_COMMON = {"Companies": COMPANIES, "Loyalty cards": parties.LOYALTY_CARDS}


class KnownRows:
    """Rows found to exist in this transaction: 40 lines look up their header and company once.

    Rows deleted later in the same transaction stay known; only a sender that deletes a header and
    adds lines to it in one changeset could tell.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, Key]] = set()

    def has(self, store: EntityStore, entity_set: EntitySet, key: Key) -> bool:
        row = (entity_set.name, key)
        if row in self._seen:
            return True
        if not store.has(entity_set, key):
            return False
        self._seen.add(row)
        return True


class Operations:
    """Executes operations against one store."""

    def __init__(self, store: EntityStore, *, strict_operating_units: bool) -> None:
        self._store = store
        self._rows = Rows(store)
        self._looked_up = dict(_COMMON)
        if strict_operating_units:
            self._looked_up["Operating units"] = OPERATING_UNITS

    def execute(self, operation: Operation, root: str, known: KnownRows) -> Answer:
        """Raises ODataError. `root` is the service root with its slash: `http://host/data/`."""
        entity_set, key = self.target(operation)
        if key is None:
            if operation.method == "POST":
                return self._create(entity_set, operation, root, known)
            if operation.method == "GET":
                return reading.listing(self._store, entity_set, operation, root)
        elif operation.method == "GET":
            return reading.read(self._store, entity_set, key, operation, root)
        elif operation.method == "PATCH":
            return self._change(entity_set, key, operation)
        elif operation.method == "DELETE":
            return self._delete(entity_set, key, operation)
        raise errors.method_not_allowed(operation.method)

    def target(self, operation: Operation) -> tuple[EntitySet, Key | None]:
        try:
            resource = _resource(operation.path)
        except MalformedResource as error:
            raise errors.not_found(f"No resource matches '{operation.path}'.") from error
        entity_set = ENTITY_SETS.get(resource.set_name)
        if entity_set is None:
            raise errors.not_found(f"No resource matches '{operation.path}'.")
        if resource.predicate is None:
            return entity_set, None
        try:
            return entity_set, read_key(entity_set, resource.predicate)
        except WrongKey as error:
            raise errors.malformed(str(error)) from error

    def upsert(self, entity_set: EntitySet, row: Row) -> None:
        """Create the row, or change the one with its key: what a data package does."""
        key = tuple([row.get(name, "") for name in entity_set.keys])
        stored = None if "" in key else self._store.get(entity_set, key)
        if stored is None:
            self._insert(entity_set, row, KnownRows())
        else:
            self._merge(entity_set, key, stored.values(), row)

    def _create(
        self, entity_set: EntitySet, operation: Operation, root: str, known: KnownRows
    ) -> Answer:
        row = read_body(entity_set, operation.body)
        key, stored = self._insert(entity_set, row, known)
        location = root + format_key(entity_set, key)
        if "return=minimal" in operation.headers.get("prefer", ""):
            return Answer(
                204,
                (
                    ("Location", location),
                    ("OData-EntityId", location),
                    ("Preference-Applied", "return=minimal"),
                ),
            )
        return Answer(
            201,
            (("Location", location), ("Content-Type", JSON_TYPE)),
            entity_text(entity_set, stored, row, root).encode(),
        )

    def _insert(self, entity_set: EntitySet, row: Row, known: KnownRows) -> tuple[Key, StoredRow]:
        if "dataAreaId" in entity_set.fields:
            row.setdefault("dataAreaId", DEFAULT_COMPANY)
        rules = RULES.get(entity_set.name)
        optional = frozenset[str]()
        if rules is not None:
            self._check_related(entity_set, row, known)
            complete(entity_set, rules, row, self._rows)
            optional = rules.optional
        key = self._checked_key(entity_set, row, optional)
        if rules is None:
            self._check_related(entity_set, row, known)
        if entity_set.parent is not None:
            by = rules.parent_by if rules is not None else ()
            parent_key = (
                tuple(row[name] for name in by) if by else key[: len(entity_set.parent.keys)]
            )
            if not known.has(self._store, entity_set.parent, parent_key):
                raise errors.missing_parent(entity_set, describe(entity_set, key))
        try:
            stored = self._store.insert(entity_set, key, row)
        except DuplicateKey as error:
            raise errors.duplicate_key(entity_set, describe(entity_set, key)) from error
        if rules is not None and rules.after is not None:
            rules.after(entity_set, row, self._rows)
        return key, stored

    def _checked_key(self, entity_set: EntitySet, row: Row, optional: frozenset[str]) -> Key:
        key = tuple([row.get(name, "") for name in entity_set.keys])
        if "" in key:
            if not optional:
                raise errors.must_be_filled_in(entity_set, entity_set.keys[key.index("")])
            for name in entity_set.keys:
                if name in optional:
                    row.setdefault(name, entity_set.fields[name].default)
                elif row.get(name, "") == "":
                    raise errors.must_be_filled_in(entity_set, name)
            key = tuple([row[name] for name in entity_set.keys])
        return key

    def _check_related(self, entity_set: EntitySet, row: Row, known: KnownRows) -> None:
        for name, table in entity_set.related.items():
            value = row.get(name, "")
            if value == "":
                continue
            if table == "Currencies":
                exists = str(value).upper() in CURRENCIES
            elif table in _PER_COMPANY:
                key = (row.get("dataAreaId", DEFAULT_COMPANY), value)
                exists = known.has(self._store, _PER_COMPANY[table], key)
            else:
                looked_up = self._looked_up.get(table)
                exists = looked_up is None or known.has(self._store, looked_up, (value,))
            if not exists:
                raise errors.not_related(entity_set, name, value, table)

    def _change(self, entity_set: EntitySet, key: Key, operation: Operation) -> Answer:
        stored = reading.found(self._store, entity_set, key, operation)
        self._merge(entity_set, key, stored.values(), read_body(entity_set, operation.body))
        return Answer(204)

    def _merge(self, entity_set: EntitySet, key: Key, row: Row, changes: Row) -> None:
        for name in entity_set.keys:
            if changes.get(name, row[name]) != row[name]:
                raise errors.write_failed(
                    entity_set, f"Error: Field '{name}' is part of the key and cannot be changed"
                )
        rules = RULES.get(entity_set.name)
        if rules is not None:
            refuse_read_only(
                entity_set, rules, {n: v for n, v in changes.items() if v != row.get(n)}
            )
            self._refuse_ended(entity_set, row)
        self._check_related(entity_set, {**changes, **_company(row)}, KnownRows())
        self._store.update(entity_set, key, row | changes)

    def _delete(self, entity_set: EntitySet, key: Key, operation: Operation) -> Answer:
        stored = reading.found(self._store, entity_set, key, operation)
        self._refuse_ended(entity_set, stored.values())
        self._store.delete(entity_set, key)
        for child in {each.stored_in: each for each in ENTITY_SETS.values()}.values():
            if child.parent is None or child.parent.stored_in != entity_set.stored_in:
                continue
            rules = RULES.get(child.name)
            if rules is not None and rules.parent_by:
                fields = dict(zip(rules.parent_by, key, strict=True))
                for row in list(self._rows.below(child, **fields)):
                    self._store.delete(child, tuple([row[name] for name in child.keys]))
            else:
                self._store.delete_below(child, key)
        return Answer(204)

    def _refuse_ended(self, entity_set: EntitySet, row: Row) -> None:
        """Nothing of what is posted, invoiced or cancelled changes, its lines included."""
        refuse_final(entity_set, row)
        rules = RULES.get(entity_set.name)
        if rules is not None and entity_set.parent is not None:
            parent = parent_row(entity_set, rules, row, self._rows)
            if parent is not None:
                refuse_final(entity_set.parent, parent)


def _company(row: Row) -> Row:
    return {"dataAreaId": row["dataAreaId"]} if "dataAreaId" in row else {}


def describe(entity_set: EntitySet, key: Key) -> str:
    """The key as error texts show it: `OperatingUnitNumber: 052, Terminal: T1`."""
    return ", ".join(
        f"{name}: {value}"
        for name, value in zip(entity_set.keys, key, strict=True)
        if name != "dataAreaId"
    )


@lru_cache(maxsize=4096)
def _resource(path: str) -> Resource:
    return parse_resource(path)
