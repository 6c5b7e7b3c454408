"""Entity sets as tables: names, key fields, typed fields, and how each type reads a JSON value.

A type's `read` returns the canonical JSON value, or raises ValueError. Canonical means: equal
values have equal texts, so that filters and keys may compare what is stored.
Source of the type names: OData 4.0, Common Schema Definition Language, section 4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

Scalar = str | int | float
"""What a field holds once read. A null leaves the field unset: X++ types have no null."""

Row = dict[str, Scalar]

_LARGEST_DECIMAL = 10**16
"""Dynamics reals carry 16 significant digits; beyond, neither they nor a JSON double are exact."""


@dataclass(frozen=True, slots=True)
class EdmType:
    name: str
    """As `$metadata` calls it, such as `Edm.String`."""
    default: Scalar
    """What an unset field answers."""
    read: Callable[[object], Scalar]
    symbols: tuple[str, ...] = ()
    """The members of an enum; empty for every other type."""


def _read_text(value: object) -> Scalar:
    if type(value) is str:
        return value
    raise ValueError


def _read_decimal(value: object) -> Scalar:
    kind = type(value)
    if (kind is float or kind is int) and -_LARGEST_DECIMAL < value < _LARGEST_DECIMAL:  # type: ignore[operator]
        return value  # type: ignore[return-value]
    raise ValueError


def _integer_reader(bits: int) -> Callable[[object], Scalar]:
    limit = 1 << (bits - 1)

    def read(value: object) -> Scalar:
        if type(value) is int and -limit <= value < limit:
            return value
        raise ValueError

    return read


def _read_moment(value: object) -> datetime:
    if type(value) is not str or len(value) < 17:
        raise ValueError
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError from error


def _read_date_time(value: object) -> Scalar:
    return _read_moment(value).isoformat(timespec="seconds").replace("+00:00", "Z")


def _read_date(value: object) -> Scalar:
    """A date lives at noon UTC; an offset that crosses midnight moves the day (dynamics.md 1.1)."""
    return f"{_read_moment(value).date().isoformat()}T12:00:00Z"


TEXT = EdmType("Edm.String", "", _read_text)
DECIMAL = EdmType("Edm.Decimal", 0, _read_decimal)
INT32 = EdmType("Edm.Int32", 0, _integer_reader(32))
INT64 = EdmType("Edm.Int64", 0, _integer_reader(64))
DATE_TIME = EdmType("Edm.DateTimeOffset", "1900-01-01T00:00:00Z", _read_date_time)
DATE = EdmType("Edm.DateTimeOffset", "1900-01-01T12:00:00Z", _read_date)

ENUM_NAMESPACE = "Microsoft.Dynamics.DataEntities"


def enum(name: str, *symbols: str) -> EdmType:
    """An enum whose values are written as symbols; the first symbol is the default."""
    known = frozenset(symbols)

    def read(value: object) -> Scalar:
        if type(value) is str and value in known:
            return value
        raise ValueError

    return EdmType(f"{ENUM_NAMESPACE}.{name}", symbols[0], read, symbols)


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One public entity set."""

    name: str
    """As in the URL: `RetailTransactions`."""
    type_name: str
    """The public entity type without its namespace: `RetailTransaction`."""
    entity: str
    """The internal entity name that error texts use: `RetailTransactionEntity`."""
    label: str
    """The table's label in error texts: `Retail transactions (RetailTransactionTable)`."""
    keys: tuple[str, ...]
    fields: Mapping[str, EdmType]
    parent: EntitySet | None = None
    """The set that must hold a row with the same values in the parent's key fields."""
    related: Mapping[str, str] = field(default_factory=dict)
    """Field name -> name of the related table its value must be found in."""
    table: str = ""
    """Where its rows are, when another set shares them; empty: in a table of its own."""

    @property
    def stored_in(self) -> str:
        return self.table or self.name


def field_table(*groups: tuple[EdmType, str]) -> dict[str, EdmType]:
    """Return a field table from groups of one type and the names, blank separated, that have it."""
    return {name: kind for kind, names in groups for name in names.split()}
