"""A Retail Server that answers what it is told and keeps what it was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shared.dynamics.commerce import CommerceSettings
from shared.dynamics.commerce.rules import RULES
from shared.dynamics.service import Service

SETTINGS = CommerceSettings.model_validate(
    {
        "url": "https://csu.example",
        "company": "usrt",
        "operating_unit": "101",
        "channel_id": 5637144592,
        "store": "STORE101",
        "terminal": "T1",
    }
)


def service(answer: Callable[[httpx.Request], httpx.Response]) -> Service:
    return Service(
        httpx.AsyncClient(transport=httpx.MockTransport(answer)),
        "https://csu.example/Commerce",
        clock=lambda: datetime(2026, 3, 2, tzinfo=UTC),
        timeout=timedelta(seconds=5),
        rules=RULES,
    )


def operation(request: httpx.Request) -> str:
    """Return `Set/Operation`, without arguments and query."""
    return re.sub(r"\(.*", "", request.url.path.removeprefix("/Commerce/"))


def members(request: httpx.Request) -> set[str]:
    """Return what a request carries, as the table of members names it."""
    if request.method == "GET":
        return set(re.findall(r"(\w+)=", request.url.path))
    return set(paths(json.loads(request.content)))


def paths(value: object, prefix: str = "") -> Iterator[str]:
    """Yield every member of a JSON value with a dot between levels, lists without an index."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{prefix}{name}"
            yield from paths(inner, f"{prefix}{name}.")
    elif isinstance(value, list):
        for each in value:
            yield from paths(each, prefix)


def only(value: Any, names: frozenset[str], prefix: str = "") -> Any:
    """Return a JSON value without the members that `names` does not have."""
    if isinstance(value, list):
        return [only(each, names, prefix) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: only(inner, names, f"{prefix}{name}.")
        for name, inner in value.items()
        if f"{prefix}{name}" in names or any(n.startswith(f"{prefix}{name}.") for n in names)
    }
