"""One OData operation: a request in, an answer out, the same alone and inside a batch.

Nothing here knows HTTP servers; `execute` is plain synchronous code over the store. Writes must be
called inside `store.transaction()`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, urlencode

from pydantic_core import from_json

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
from infra.local.dynamics.odata.query import BadQuery, Query, parse_query
from infra.local.dynamics.odata.store import DuplicateKey, EntityStore, StoredRow

from . import errors
from .entity_sets import COMPANIES, ENTITY_SETS, OPERATING_UNITS
from .master_data import CURRENCIES, DEFAULT_COMPANY
from .representation import entity_text, etag, members

PAGE_SIZE = 10_000
"""Rows of the largest page (dynamics.md, section 0)."""

JSON_TYPE = "application/json; odata.metadata=minimal; charset=utf-8"


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
        self._looked_up = {"Companies": COMPANIES}
        if strict_operating_units:
            self._looked_up["Operating units"] = OPERATING_UNITS

    def execute(self, operation: Operation, root: str, known: KnownRows) -> Answer:
        """Raises ODataError. `root` is the service root with its slash: `http://host/data/`."""
        entity_set, key = self.target(operation)
        if key is None:
            if operation.method == "POST":
                return self._create(entity_set, operation, root, known)
            if operation.method == "GET":
                return self._list(entity_set, operation, root)
        elif operation.method == "GET":
            return self._read(entity_set, key, operation, root)
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

    def _create(
        self, entity_set: EntitySet, operation: Operation, root: str, known: KnownRows
    ) -> Answer:
        row = _read_body(entity_set, operation.body)
        if "dataAreaId" in entity_set.fields:
            row.setdefault("dataAreaId", DEFAULT_COMPANY)
        key = self._checked_key(entity_set, row)
        self._check_related(entity_set, row, known)
        if entity_set.parent is not None:
            parent_key = key[: len(entity_set.parent.keys)]
            if not known.has(self._store, entity_set.parent, parent_key):
                raise errors.missing_parent(entity_set, describe(entity_set, key))
        try:
            stored = self._store.insert(entity_set, key, row)
        except DuplicateKey as error:
            raise errors.duplicate_key(entity_set, describe(entity_set, key)) from error
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

    def _checked_key(self, entity_set: EntitySet, row: Row) -> Key:
        key = tuple([row.get(name, "") for name in entity_set.keys])
        if "" in key:
            raise errors.must_be_filled_in(entity_set, entity_set.keys[key.index("")])
        return key

    def _check_related(self, entity_set: EntitySet, row: Row, known: KnownRows) -> None:
        for name, table in entity_set.related.items():
            value = row.get(name, "")
            if value == "":
                continue
            if table == "Currencies":
                exists = str(value).upper() in CURRENCIES
            else:
                looked_up = self._looked_up.get(table)
                exists = looked_up is None or known.has(self._store, looked_up, (value,))
            if not exists:
                raise errors.not_related(entity_set, name, value, table)

    def _found(self, entity_set: EntitySet, key: Key, operation: Operation) -> StoredRow:
        stored = self._store.get(entity_set, key)
        company = _company_in_reach(operation)
        elsewhere = (
            company is not None
            and entity_set.keys[0] == "dataAreaId"
            and str(key[0]).lower() != company
        )
        if stored is None or elsewhere:
            raise errors.not_found(f"No row has the key '{operation.path}'.")
        expected = operation.headers.get("if-match", "*")
        if expected not in ("*", etag(stored)):
            raise errors.stale()
        return stored

    def _read(self, entity_set: EntitySet, key: Key, operation: Operation, root: str) -> Answer:
        query = _query(entity_set, operation)
        stored = self._found(entity_set, key, operation)
        text = entity_text(entity_set, stored, stored.values(), root, query.select)
        return Answer(200, (("Content-Type", JSON_TYPE),), text.encode())

    def _change(self, entity_set: EntitySet, key: Key, operation: Operation) -> Answer:
        stored = self._found(entity_set, key, operation)
        changes = _read_body(entity_set, operation.body)
        row = stored.values()
        for name in entity_set.keys:
            if changes.get(name, row[name]) != row[name]:
                raise errors.write_failed(
                    entity_set, f"Error: Field '{name}' is part of the key and cannot be changed"
                )
        self._check_related(entity_set, changes, KnownRows())
        self._store.update(entity_set, key, row | changes)
        return Answer(204)

    def _delete(self, entity_set: EntitySet, key: Key, operation: Operation) -> Answer:
        self._found(entity_set, key, operation)
        self._store.delete(entity_set, key)
        for child in ENTITY_SETS.values():
            if child.parent is entity_set:
                self._store.delete_below(child, key)
        return Answer(204)

    def _list(self, entity_set: EntitySet, operation: Operation, root: str) -> Answer:
        query = _query(entity_set, operation)
        size = _page_size(operation.headers.get("prefer", ""))
        wanted = size if query.top is None else min(size, max(query.top - query.delivered, 0))
        rows = self._store.select(
            entity_set,
            query.where,
            query.order,
            wanted + 1,
            query.skip + query.delivered,
            query.values,
        )
        parts = [f'"@odata.context":"{root}$metadata#{entity_set.name}"']
        if query.count:
            parts.append(
                f'"@odata.count":{self._store.count(entity_set, query.where, query.values)}'
            )
        values = ",".join(
            "{" + members(entity_set, row, row.values(), query.select) + "}"
            for row in rows[:wanted]
        )
        parts.append(f'"value":[{values}]')
        delivered = query.delivered + wanted
        if len(rows) > wanted and (query.top is None or delivered < query.top):
            link = _next_link(root, entity_set, operation.options, delivered)
            parts.append(f'"@odata.nextLink":{json.dumps(link)}')
        return Answer(200, (("Content-Type", JSON_TYPE),), ("{" + ",".join(parts) + "}").encode())


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


def _read_body(entity_set: EntitySet, body: bytes) -> Row:
    try:
        values = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise errors.malformed(f"The body is not JSON: {error}") from error
    if type(values) is not dict:
        raise errors.malformed("The body is not a JSON object.")
    row: Row = {}
    types = entity_set.fields
    for name, value in values.items():
        kind = types.get(name)
        if kind is None:
            if "@" in name:
                continue
            raise errors.unknown_property(entity_set, name)
        if value is None:
            continue
        try:
            row[name] = kind.read(value)
        except ValueError as error:
            raise errors.wrong_value(name, kind, value) from error
    return row


def _company_in_reach(operation: Operation) -> str | None:
    """The one company the operation sees, or None when it sees all."""
    asked = operation.options.get("cross-company", "false").lower() == "true"
    return None if asked else DEFAULT_COMPANY


def _query(entity_set: EntitySet, operation: Operation) -> Query:
    try:
        return parse_query(entity_set, operation.options, _company_in_reach(operation))
    except BadQuery as error:
        raise errors.malformed(str(error)) from error


def _page_size(prefer: str) -> int:
    for preference in prefer.replace(";", ",").split(","):
        name, _, value = preference.strip().partition("=")
        if name in ("odata.maxpagesize", "maxpagesize") and value.isdecimal() and int(value) > 0:
            return min(int(value), PAGE_SIZE)
    return PAGE_SIZE


def _next_link(root: str, entity_set: EntitySet, options: Mapping[str, str], delivered: int) -> str:
    query = urlencode({**options, "$skiptoken": str(delivered)}, safe="$", quote_via=quote)
    return f"{root}{entity_set.name}?{query}"
