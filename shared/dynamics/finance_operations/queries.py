"""Filters as Finance & Operations takes them. No I/O but through the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from shared.dynamics.finance_operations.comparing import comparable
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import literal
from shared.dynamics.service import Entity, Service


def rows_where(
    entity_set: str, fields: Mapping[str, object], select: Sequence[str] = ()
) -> Operation:
    """Return the GET of the rows with these values, in whichever company they name."""
    condition = " and ".join(f"{name} eq {literal(value)}" for name, value in fields.items())
    return rows_of(entity_set, condition, select)


def rows_of(entity_set: str, condition: str, select: Sequence[str] = ()) -> Operation:
    """Return the GET of the rows for which the condition holds; '' means all."""
    query = "?cross-company=true"
    if condition:
        query += f"&$filter={quote(condition, safe=chr(39))}"
    if select:
        query += f"&$select={','.join(select)}"
    return Operation("GET", entity_set + query)


async def find(
    service: Service, entity_set: str, fields: Mapping[str, object], select: Sequence[str]
) -> list[Entity]:
    """Return the rows with exactly these values. Raises DynamicsError.

    A `*` in a value stands for anything in Dynamics' filters; here it is a sign like any other.
    """
    operation = rows_where(entity_set, fields, tuple({**dict.fromkeys(select), **fields}))
    return [
        row
        async for row in service.rows(operation)
        if all(comparable(row.get(name)) == comparable(value) for name, value in fields.items())
    ]
