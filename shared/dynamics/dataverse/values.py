"""Port values and columns: compare them, tell what differs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any


def differences(
    ours: Mapping[str, object], theirs: Mapping[str, Any], columns: Mapping[str, str]
) -> str:
    """Return `field: theirs there, ours here` for each field that differs, else ''.

    Fields we leave empty say nothing; `columns`: field -> column."""
    return "; ".join(
        f"{name}: {theirs.get(column)} there, {ours[name]} here"
        for name, column in columns.items()
        if name in ours and _comparable(ours[name]) != _comparable(theirs.get(column), ours[name])
    )


def _comparable(value: object, like: object = None) -> object:
    if isinstance(value, str) and isinstance(like, datetime):
        value = datetime.fromisoformat(value)
    match value:
        case datetime():
            # Dataverse keeps whole seconds.
            return value.astimezone(UTC).replace(microsecond=0)
        case str():
            return value.rstrip().casefold()
        case int() if not isinstance(value, bool):
            return Decimal(value)
        case _:
            return value


def named(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Return a row's values by port field; columns that are null or missing are left out."""
    values = ((name, row.get(column)) for name, column in columns.items())
    return {name: value for name, value in values if value is not None}
