"""Rows as the Web API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .columns import Row, Value
from .rows import Stored
from .tables import Table

FORMATTED = "OData.Community.Display.V1.FormattedValue"


def etag(version: int) -> str:
    return f'W/"{version}"'


def members(
    table: Table, stored: Stored, select: Sequence[str] = (), *, formatted: bool = False
) -> dict[str, object]:
    """One row's JSON object: ETag, the chosen columns, the primary key always."""
    names = [*select, *([] if table.primary in select else [table.primary])] if select else [
        name for name, column in table.columns.items() if not column.write_only
    ]  # fmt: skip
    found: dict[str, object] = {"@odata.etag": etag(stored.version)}
    for name in names:
        value = cell(table, stored, name)
        label = table.columns[name].labels.get(value) if isinstance(value, int) else None
        if formatted and label is not None:
            found[f"{name}@{FORMATTED}"] = label
        found[name] = value
    return found


def cell(table: Table, stored: Stored, name: str) -> Value:
    if name == table.primary:
        return stored.id
    if name == "versionnumber":
        return stored.version
    return None if table.columns[name].write_only else stored.row.get(name)


def removed(root: str, table: Table, identifier: str) -> Mapping[str, object]:
    """A deleted row in a delta (dynamics.md 3.4)."""
    return {
        "@odata.context": f"{root}$metadata#{table.entity_set}/$deletedEntity",
        "id": identifier,
        "reason": "deleted",
    }


def compute(table: Table, row: Row) -> None:
    """Set the column that is made of others."""
    if table.computed:
        parts = (row.get("firstname"), row.get("lastname"))
        row[table.computed] = " ".join(str(part) for part in parts if part) or None
