"""Answers of rows: JSON, pages, links to what follows."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from pydantic_core import to_json

from infra.local.dynamics.odata.messages import Answer

from .errors import JSON_TYPE
from .query import PAGE_SIZE
from .tables import Table

_TOKENS = ("$skiptoken", "$deltatoken")


def json_answer(
    status: int, body: Mapping[str, object], headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    return Answer(status, (("Content-Type", JSON_TYPE), *headers), to_json(body))


def page_size(prefer: str) -> int:
    for preference in prefer.replace(";", ",").split(","):
        name, _, value = preference.strip().partition("=")
        if name == "odata.maxpagesize" and value.isdecimal() and int(value) > 0:
            return min(int(value), PAGE_SIZE)
    return PAGE_SIZE


def next_link(root: str, table: Table, options: Mapping[str, str], more: Mapping[str, str]) -> str:
    kept = {name: value for name, value in options.items() if name not in _TOKENS}
    return f"{root}{table.entity_set}?{urlencode({**kept, **more}, safe='$', quote_via=quote)}"
