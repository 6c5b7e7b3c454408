"""Bodies of writes: one row, or the targets of a multiple."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from pydantic_core import from_json

from . import errors
from .addresses import Address, parse_reference
from .columns import TooLong, Value, WrongValue, guid
from .tables import Table


def read_object(body: bytes) -> dict[str, object]:
    """Raises DataverseError."""
    try:
        values = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise errors.payload("", f"The body is not JSON: {error}") from error
    if type(values) is not dict:
        raise errors.payload("", "The body is not a JSON object.")
    return values


@cache
def passed_over(table: Table) -> frozenset[str]:
    """Columns whose values in a body change nothing."""
    return frozenset(name for name, column in table.columns.items() if column.read_only)


def column_value(table: Table, name: str, value: object) -> Value:
    """Raises DataverseError."""
    column = table.columns.get(name)
    if column is None:
        raise errors.invalid_property(table.entity_set, table.logical, name)
    try:
        return column.read(value)
    except TooLong as error:
        raise errors.too_long(table.logical, name, column.length) from error
    except WrongValue as error:
        raise errors.wrong_type(table.entity_set, value, column.kind.name) from error


def targets(table: Table, body: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The rows of a multiple. Raises DataverseError."""
    found = body.get("Targets")
    if not isinstance(found, Sequence) or not found:
        raise errors.invalid_argument("Required field 'Targets' is missing for unknown.")
    for target in found:
        if not isinstance(target, dict) or target.get("@odata.type") != table.type_name:
            raise errors.payload(table.entity_set, "A target must name its type by '@odata.type'.")
        yield target


def target_address(table: Table, target: Mapping[str, object]) -> Address:
    """The row that a target of an upsert or update means. Raises DataverseError."""
    if "@odata.id" in target:
        return parse_reference(target["@odata.id"], table)
    try:
        return Address(table, guid(target.get(table.primary)))
    except WrongValue as error:
        raise errors.invalid_argument("A target has neither '@odata.id' nor a key.") from error
