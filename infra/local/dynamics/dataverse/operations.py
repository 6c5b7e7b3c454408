"""One Web API operation: a request in, an answer out, the same alone and inside a batch.

Plain synchronous code over the rows. Writes must be called inside `rows.transaction()`; what they
changed is collected in `changes` until whoever committed takes it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from infra.local.dynamics.clock import Clock
from infra.local.dynamics.odata.messages import Answer, Operation

from . import errors
from .addresses import Address, parse_address, parse_reference
from .bodies import column_value, passed_over, read_object, target_address, targets
from .columns import Row, moment_text
from .pages import json_answer, next_link, page_size
from .query import Aggregate, Query, parse_query
from .representation import compute, etag, members
from .rows import KeyTaken, Rows, Stored
from .tables import BY_LOGICAL, Table

ACTIONS = "Microsoft.Dynamics.CRM."


@dataclass(frozen=True, slots=True)
class Change:
    """One row written: `before` is None for a new one, `after` for one that is gone."""

    table: Table
    id: str
    changed: Row
    """What the request set."""
    before: Stored | None
    after: Stored | None

    @property
    def message(self) -> str:
        if self.before is None:
            return "Create"
        return "Delete" if self.after is None else "Update"


class Operations:
    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self.changes: list[Change] = []

    def execute(self, operation: Operation, root: str) -> Answer:
        """Raises DataverseError. `root` is the service root with its slash."""
        address = parse_address(operation.path)
        method = operation.method
        if address.is_row:
            if address.rest and method == "GET":
                return self._cell(address, root)
            if address.rest and method == "PUT":
                return self._set_cell(address, operation)
            if method == "GET":
                return self._read(address, operation, root)
            if method == "PATCH":
                return self._upsert(address, operation, root)
            if method == "DELETE":
                return self._delete(address, operation)
        elif address.rest.startswith(ACTIONS) and method == "POST":
            return self._multiple(address, operation, root)
        elif not address.rest and method == "POST":
            body = read_object(operation.body)
            stored = self.create(address.table, body)
            return self._written(address.table, stored, operation, root, 201)
        elif not address.rest and method == "GET":
            return self._list(address.table, operation, root)
        raise errors.DataverseError(
            405, "0x80060888", "The requested resource does not support http method "
            f"'{method}'."
        )  # fmt: skip

    # Reading

    def found(self, address: Address) -> Stored:
        """Raises DataverseError 404."""
        if address.id:
            stored = self._rows.get(address.table, address.id)
            if stored is None:
                raise errors.not_found(address.table.logical, address.id)
            return stored
        identifier = self._rows.find(address.table, address.column, address.value)
        stored = self._rows.get(address.table, identifier) if identifier else None
        if stored is None:
            raise errors.no_such_key(address.table.logical)
        return stored

    def _read(self, address: Address, operation: Operation, root: str) -> Answer:
        query = parse_query(address.table, operation.options)
        stored = self.found(address)
        if operation.headers.get("if-none-match") == etag(stored.version):
            return Answer(304)
        context = {"@odata.context": f"{root}$metadata#{address.table.entity_set}/$entity"}
        shown = context | self.shown(address.table, stored, query, operation)
        tag = (("ETag", etag(stored.version)),)
        return json_answer(200, shown, tag)

    def _cell(self, address: Address, root: str) -> Answer:
        table, stored = address.table, self.found(address)
        if address.rest not in table.columns:
            raise errors.unknown_segment(address.rest)
        value = members(table, stored, (address.rest,))[address.rest]
        if value is None:
            return Answer(204)
        context = f"{root}$metadata#{table.entity_set}({stored.id})/{address.rest}"
        return json_answer(200, {"@odata.context": context, "value": value})

    def shown(
        self, table: Table, stored: Stored, query: Query, operation: Operation
    ) -> dict[str, object]:
        formatted = "odata.include-annotations" in operation.headers.get("prefer", "")
        row = members(table, stored, query.select, formatted=formatted)
        for expand in query.expand:
            navigation = table.lookups[expand.navigation]
            target = BY_LOGICAL[navigation.target]
            identifier = stored.row.get(navigation.value)
            related = self._rows.get(target, str(identifier)) if identifier else None
            row[expand.navigation] = (
                None if related is None
                else members(target, related, expand.select, formatted=formatted)
            )  # fmt: skip
        return row

    def _list(self, table: Table, operation: Operation, root: str) -> Answer:
        query = parse_query(table, operation.options)
        if query.aggregate is not None:
            return self._aggregate(table, query, query.aggregate, root)
        size = page_size(operation.headers.get("prefer", ""))
        wanted = size if query.top is None else min(size, max(query.top - query.delivered, 0))
        found = self._rows.select(
            table, query.where, query.order, wanted + 1, query.delivered, query.values
        )
        answer: dict[str, object] = {"@odata.context": f"{root}$metadata#{table.entity_set}"}
        if query.count:
            count = self._rows.value(table, "count(*)", query.where, query.values)
            answer["@odata.count"] = min(int(count or 0), 5000)
        answer["value"] = [self.shown(table, row, query, operation) for row in found[:wanted]]
        delivered = query.delivered + wanted
        if len(found) > wanted and (query.top is None or delivered < query.top):
            answer["@odata.nextLink"] = next_link(
                root, table, query.raw, {"$skiptoken": str(delivered)}
            )
        return json_answer(200, answer)

    def _aggregate(self, table: Table, query: Query, asked: Aggregate, root: str) -> Answer:
        row = {
            alias: self._rows.value(table, sql, query.where, query.values)
            for alias, sql in asked.columns.items()
        }
        return json_answer(
            200, {"@odata.context": f"{root}$metadata#{table.entity_set}", "value": [row]}
        )

    # Writing

    def create(self, table: Table, body: Mapping[str, object]) -> Stored:
        """Raises DataverseError."""
        changed = self._values(table, body)
        identifier = str(changed.pop(table.primary, None) or uuid.uuid4())
        return self._insert(table, identifier, changed)

    def _insert(self, table: Table, identifier: str, changed: Row) -> Stored:
        if self._rows.get(table, identifier) is not None:
            raise errors.exists()
        now = moment_text(self._clock())
        row = {"statecode": 0, "statuscode": 1, **changed, "createdon": now, "modifiedon": now}
        return self._put(table, identifier, changed, None, row)

    def _update(self, table: Table, before: Stored, changed: Row) -> Stored:
        row = {**before.row, **changed, "modifiedon": moment_text(self._clock())}
        return self._put(table, before.id, changed, before, row)

    def _put(
        self, table: Table, identifier: str, changed: Row, before: Stored | None, row: Row
    ) -> Stored:
        compute(table, row)
        try:
            stored = self._rows.put(table, identifier, row)
        except KeyTaken as error:
            raise errors.key_exists(error.column) from error
        self.changes.append(Change(table, identifier, changed, before, stored))
        return stored

    def _upsert(self, address: Address, operation: Operation, root: str) -> Answer:
        stored, created = self.upsert(
            address,
            read_object(operation.body),
            operation.headers.get("if-match", ""),
            operation.headers.get("if-none-match", ""),
        )
        return self._written(address.table, stored, operation, root, 201 if created else 200)

    def upsert(
        self, address: Address, body: Mapping[str, object], if_match: str, if_none_match: str
    ) -> tuple[Stored, bool]:
        """Return the row and whether it is new. Raises DataverseError."""
        table = address.table
        if address.column in body:
            raise errors.key_in_body(address.column)
        try:
            before = self.found(address)
        except errors.DataverseError:
            if if_match:
                raise
            before = None
        if before is None:
            changed = self._values(table, body)
            if address.column:
                changed[address.column] = address.value
            identifier = address.id or str(changed.get(table.primary) or uuid.uuid4())
            changed.pop(table.primary, None)
            return self._insert(table, identifier, changed), True
        if if_none_match == "*":
            raise errors.exists()
        if if_match not in ("", "*", etag(before.version)):
            raise errors.stale()
        changed = self._values(table, body)
        if changed.pop(table.primary, before.id) != before.id:
            raise errors.invalid_argument("The primary key of a row cannot be changed.")
        return self._update(table, before, changed), False

    def _set_cell(self, address: Address, operation: Operation) -> Answer:
        value = read_object(operation.body).get("value")
        before = self.found(address)
        self._update(address.table, before, self._values(address.table, {address.rest: value}))
        return Answer(204)

    def _delete(self, address: Address, operation: Operation) -> Answer:
        stored = self.found(address)
        if operation.headers.get("if-match", "*") not in ("*", etag(stored.version)):
            raise errors.stale()
        self._rows.delete(address.table, stored.id)
        self.changes.append(Change(address.table, stored.id, {}, stored, None))
        return Answer(204)

    def _multiple(self, address: Address, operation: Operation, root: str) -> Answer:
        """All targets or none: standard tables (dynamics.md 3.3)."""
        table, action = address.table, address.rest.removeprefix(ACTIONS)
        rows = list(targets(table, read_object(operation.body)))
        if action == "CreateMultiple":
            ids = [self.create(table, each).id for each in rows]
            context = f"{root}$metadata#{ACTIONS}CreateMultipleResponse"
            return json_answer(200, {"@odata.context": context, "Ids": ids})
        if action not in ("UpdateMultiple", "UpsertMultiple"):
            raise errors.unknown_segment(address.rest)
        for each in rows:
            self.upsert(
                target_address(table, each), each, "*" if action == "UpdateMultiple" else "", ""
            )
        return Answer(204)

    def _written(
        self, table: Table, stored: Stored, operation: Operation, root: str, status: int
    ) -> Answer:
        url = f"{root}{table.entity_set}({stored.id})"
        if "return=representation" not in operation.headers.get("prefer", ""):
            return Answer(204, (("Location", url), ("OData-EntityId", url)))
        query = parse_query(table, operation.options)
        context = {"@odata.context": f"{root}$metadata#{table.entity_set}/$entity"}
        shown = context | self.shown(table, stored, query, operation)
        headers = (
            ("Location", url),
            ("OData-EntityId", url),
            ("ETag", etag(stored.version)),
            ("Preference-Applied", "return=representation"),
        )
        return json_answer(status, shown, headers)

    def _values(self, table: Table, body: Mapping[str, object]) -> Row:
        """The columns a body sets. Raises DataverseError."""
        row: Row = {}
        for name, value in body.items():
            if name.endswith("@odata.bind"):
                row |= self._bound(table, name.removesuffix("@odata.bind"), value)
            elif "@" not in name and name not in passed_over(table):
                row[name] = column_value(table, name, value)
        return row

    def _bound(self, table: Table, name: str, reference: object) -> Row:
        navigation = table.lookups.get(name)
        if navigation is None:
            raise errors.payload(
                table.entity_set,
                f"An undeclared property '{name}' which only has property annotations in the "
                "payload but no property value was found in the payload. In OData, only declared "
                "navigation properties and declared named streams can be represented as "
                "properties without values.",
            )
        if reference is None:
            return {navigation.value: None}
        target = self.found(parse_reference(reference, BY_LOGICAL[navigation.target]))
        return {navigation.value: target.id}
