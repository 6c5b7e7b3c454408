"""Bodies of writes and options of reads, checked against the entity table."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from pydantic_core import from_json

from infra.local.dynamics.odata.entities import EntitySet, Row
from infra.local.dynamics.odata.messages import Operation
from infra.local.dynamics.odata.query import BadQuery, Query, parse_query

from . import errors
from .master_data import DEFAULT_COMPANY

JSON_TYPE = "application/json; odata.metadata=minimal; charset=utf-8"

PAGE_SIZE = 10_000
"""Rows of the largest page (dynamics.md, section 0)."""


def read_body(entity_set: EntitySet, body: bytes) -> Row:
    """Return the fields a body sets; raises ODataError."""
    try:
        values = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise errors.malformed(f"The body is not JSON: {error}") from error
    if type(values) is not dict:
        raise errors.malformed("The body is not a JSON object.")
    return typed(entity_set, values)


def typed(entity_set: EntitySet, values: Mapping[str, object]) -> Row:
    """Return the values as the fields' types keep them; raises ODataError."""
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


def company_in_reach(operation: Operation) -> str | None:
    """The one company the operation sees, or None when it sees all."""
    asked = operation.options.get("cross-company", "false").lower() == "true"
    return None if asked else DEFAULT_COMPANY


def query_of(entity_set: EntitySet, operation: Operation) -> Query:
    options = {name: text for name, text in operation.options.items() if name != "$expand"}
    try:
        return parse_query(entity_set, options, company_in_reach(operation))
    except BadQuery as error:
        raise errors.malformed(str(error)) from error


def page_size(prefer: str) -> int:
    for preference in prefer.replace(";", ",").split(","):
        name, _, value = preference.strip().partition("=")
        if name in ("odata.maxpagesize", "maxpagesize") and value.isdecimal() and int(value) > 0:
            return min(int(value), PAGE_SIZE)
    return PAGE_SIZE


def next_link(root: str, entity_set: EntitySet, options: Mapping[str, str], delivered: int) -> str:
    query = urlencode({**options, "$skiptoken": str(delivered)}, safe="$", quote_via=quote)
    return f"{root}{entity_set.name}?{query}"
