"""Web API requests as values. Source: Microsoft, "Use the Microsoft Dataverse Web API"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from shared.dynamics.dataverse.tables import Table
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import entity_path, literal, to_json

HEADERS = {"OData-Version": "4.0", "OData-MaxVersion": "4.0"}
ONLY_NEW = ("If-None-Match", "*")
_ACTION = "Microsoft.Dynamics.CRM."


def by_id(entity_set: str, identifier: str) -> str:
    """Return the path of a row by its primary key."""
    return f"{entity_set}({identifier})"


def by_key(entity_set: str, column: str, value: str) -> str:
    """Return the path of a row by an alternate key of one column."""
    return entity_path(entity_set, {column: value})


def read(path: str, select: Sequence[str] = (), **options: str) -> Operation:
    """Return a GET; `options` are query options by name without their dollar."""
    chosen = {"select": ",".join(select)} if select else {}
    pairs = ((name, text) for name, text in {**chosen, **options}.items() if text)
    query = "&".join(f"${name}={quote(text, safe=_UNESCAPED)}" for name, text in pairs)
    return Operation("GET", f"{path}?{query}" if query else path)


def equal(**values: str) -> str:
    """Return the condition that each column has its value."""
    return " and ".join(f"{name} eq {literal(value)}" for name, value in values.items())


def create(entity_set: str, body: Mapping[str, object]) -> Operation:
    return Operation("POST", entity_set, to_json(body))


def write(path: str, body: Mapping[str, object], *headers: tuple[str, str]) -> Operation:
    """Return the PATCH that creates or changes a row."""
    return Operation("PATCH", path, to_json(body), headers)


def multiple(action: str, table: Table, targets: Sequence[Mapping[str, object]]) -> Operation:
    """Return CreateMultiple or UpsertMultiple: all targets or none."""
    typed = [{"@odata.type": table.type_name, **target} for target in targets]
    return Operation("POST", f"{table.entity_set}/{_ACTION}{action}", to_json({"Targets": typed}))


_UNESCAPED = "$,()'/:@="
