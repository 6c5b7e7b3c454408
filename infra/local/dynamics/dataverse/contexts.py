"""The body a step sends: a RemoteExecutionContext as JSON (dynamics.md 3.4, payloads/dataverse)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import datetime

from pydantic_core import to_json

from .columns import INTEGER, MOMENT, MONEY, Row, Value
from .operations import Change
from .rows import Stored
from .tables import Table

_CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"

_NIL = "00000000-0000-0000-0000-000000000000"
_LOOKUP = re.compile(r"_(\w+)_value")

LARGE = ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages")
"""What a body that is too large is sent without."""


def context(
    change: Change, step_id: str, images: Mapping[str, tuple[bool, frozenset[str]]], now: datetime
) -> dict[str, object]:
    """`images`: alias -> (whether after the write, columns; empty means all)."""
    table = change.table
    target: object = entity(table, change.id, dict(change.changed), None)
    if change.message == "Delete":
        target = reference(table.logical, change.id)
    taken = {True: change.after, False: change.before}
    shown: dict[bool, list[object]] = {True: [], False: []}
    for alias, (after, columns) in images.items():
        stored = taken[after]
        if stored is not None:
            shown[after].append({"key": alias, "value": _image(table, stored, columns)})
    operation = str(uuid.uuid4())
    return {
        "BusinessUnitId": _NIL,
        "CorrelationId": str(uuid.uuid4()),
        "Depth": 1,
        "InitiatingUserId": _NIL,
        "InputParameters": [{"key": "Target", "value": target}],
        "IsInTransaction": False,
        "MessageName": change.message,
        "Mode": 1,
        "OperationCreatedOn": _date(now),
        "OperationId": operation,
        "OrganizationName": "local",
        "OutputParameters": [],
        "OwningExtension": reference("sdkmessageprocessingstep", step_id),
        "ParentContext": None,
        "PostEntityImages": shown[True],
        "PreEntityImages": shown[False],
        "PrimaryEntityId": change.id,
        "PrimaryEntityName": table.logical,
        "RequestId": operation,
        "SecondaryEntityName": "none",
        "SharedVariables": [],
        "Stage": 40,
        "UserId": _NIL,
    }


def fitting(body: dict[str, object], most: int) -> dict[str, object]:
    """The body as it is, or without its large properties when it has more bytes than allowed."""
    if len(to_json(body)) <= most:
        return body
    return {name: value for name, value in body.items() if name not in LARGE}


def _image(table: Table, stored: Stored, columns: frozenset[str]) -> dict[str, object]:
    row: Row = {
        name: value
        for name, value in stored.row.items()
        if value is not None and (not columns or attribute(name) in columns)
    }
    return entity(table, stored.id, row, stored.version)


def entity(table: Table, identifier: str, row: Row, version: int | None) -> dict[str, object]:
    attributes = [
        {"key": attribute(name), "value": _value(table, name, value)}
        for name, value in {**row, table.primary: identifier}.items()
    ]
    return {
        "__type": f"Entity:{_CONTRACTS}",
        "Attributes": attributes,
        "EntityState": None,
        "FormattedValues": [],
        "Id": identifier,
        "KeyAttributes": [],
        "LogicalName": table.logical,
        "RelatedEntities": [],
        "RowVersion": None if version is None else str(version),
    }


def reference(logical: str, identifier: str) -> dict[str, object]:
    return {
        "__type": f"EntityReference:{_CONTRACTS}",
        "Id": identifier,
        "KeyAttributes": [],
        "LogicalName": logical,
        "Name": None,
        "RowVersion": None,
    }


def attribute(name: str) -> str:
    """The column as the SDK calls it: lookups without what the Web API puts around them."""
    match = _LOOKUP.fullmatch(name)
    return match[1] if match else name


def _value(table: Table, name: str, value: Value) -> object:
    if value is None or name == table.primary:
        return value
    if match := _LOOKUP.fullmatch(name):
        found = next(each for each in table.lookups.values() if each.column == match[1])
        return reference(found.target, str(value))
    column = table.columns[name]
    if column.kind is MOMENT:
        return _date(datetime.fromisoformat(str(value)))
    if column.kind is MONEY:
        return {"__type": f"Money:{_CONTRACTS}", "Value": value}
    if column.kind is INTEGER and column.labels:
        return {"__type": f"OptionSetValue:{_CONTRACTS}", "Value": value}
    return value


def _date(moment: datetime) -> str:
    return f"/Date({int(moment.timestamp() * 1000)})/"
