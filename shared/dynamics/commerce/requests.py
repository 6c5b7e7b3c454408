"""Retail Server's operations as values: actions are posted, functions are got. No I/O."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

from shared.dynamics.odata.errors import MissingParent
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import literal, to_json
from shared.dynamics.odata.responses import json_object
from shared.dynamics.service import Entity, Service

API_VERSION = "api-version=7.3"
PAGE = 100
"""Rows asked for at once; what the server allows is not published ([U])."""


def action(path: str, body: Mapping[str, object], query: str = "") -> Operation:
    return Operation("POST", f"{path}?{query}{API_VERSION}", to_json(body))


def function(path: str, arguments: Mapping[str, object], query: str = "") -> Operation:
    named = (f"{name}={quote(literal(value), safe='')}" for name, value in arguments.items())
    return Operation("GET", f"{path}({','.join(named)})?{query}{API_VERSION}")


def entity(entity_set: str, key: str) -> Operation:
    return Operation("GET", f"{entity_set}({quote(literal(key), safe='')})?{API_VERSION}")


def window(skip: int, top: int) -> str:
    """Return the beginning of a query that asks for some of the rows."""
    return f"$top={top}&$skip={skip}&"


async def one(service: Service, operation: Operation) -> Entity | None:
    """Return what an operation finds, None where it finds nothing: how that is said is not
    published ([U]), so an error, no content and null all count. Raises DynamicsError."""
    try:
        response = await service.read(operation)
    except MissingParent:
        return None
    return None if response.body.strip() in (b"", b"null") else json_object(response)


async def rows_of(service: Service, path: str, body: Mapping[str, object]) -> AsyncIterator[Entity]:
    """Yield what an action answers, page after page. Raises DynamicsError."""
    skip = 0
    while True:
        page = json_object(await service.read(action(path, body, window(skip, PAGE))))
        rows = page.get("value") or []
        for row in rows:
            yield row
        skip += len(rows)
        if len(rows) < PAGE:
            return
