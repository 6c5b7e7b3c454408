"""Columns: how each kind reads a JSON value, and what `$metadata` calls it.

Source of types and of the two errors: Microsoft, "Column data types in Microsoft Dataverse".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

Value = str | int | float | bool | None
Row = dict[str, Value]
"""Column name -> value; columns nobody set are null."""

_GUID = re.compile(r"\{?([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?")


class WrongValue(ValueError):
    """The value is none of the column's type."""


class TooLong(ValueError):
    """The text is longer than the column."""


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    """As `$metadata` calls it."""
    read: Callable[[object], Value]


@dataclass(frozen=True, slots=True)
class Column:
    kind: Kind
    length: int = 0
    """Characters a text may have; 0 for every other kind."""
    read_only: bool = False
    write_only: bool = False
    """Never answered, such as secrets."""
    labels: Mapping[int, str] = field(default_factory=dict)
    """Choice -> label, for formatted values; also the only values allowed where not empty."""

    def read(self, value: object) -> Value:
        """Return the canonical value. Raises WrongValue and TooLong."""
        if value is None:
            return None
        found = self.kind.read(value)
        if self.labels and found not in self.labels:
            raise WrongValue
        if self.length and len(str(found)) > self.length:
            raise TooLong
        return found


def _text(value: object) -> Value:
    if type(value) is str:
        return value
    raise WrongValue


def _integer(value: object) -> Value:
    if type(value) is int and -(1 << 31) <= value < 1 << 31:
        return value
    raise WrongValue


def _number(most: int) -> Callable[[object], Value]:
    def read(value: object) -> Value:
        if (type(value) is int or type(value) is float) and abs(value) <= most:
            return int(value) if value == int(value) else value
        raise WrongValue

    return read


def _boolean(value: object) -> Value:
    if type(value) is bool:
        return value
    raise WrongValue


def _moment(value: object) -> Value:
    """Whole seconds, as Dataverse keeps them."""
    try:
        moment = datetime.fromisoformat(str(_text(value)))
    except ValueError as error:
        raise WrongValue from error
    if moment.tzinfo is None:
        raise WrongValue
    return moment_text(moment)


def moment_text(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def guid(value: object) -> str:
    """Canonical: lower case, no braces. Raises WrongValue."""
    match = _GUID.fullmatch(value) if type(value) is str else None
    if match is None:
        raise WrongValue
    return str(uuid.UUID(match[1]))


TEXT = Kind("Edm.String", _text)
INTEGER = Kind("Edm.Int32", _integer)
BIG_INTEGER = Kind("Edm.Int64", _integer)
DECIMAL = Kind("Edm.Decimal", _number(100_000_000_000))
MONEY = Kind("Edm.Decimal", _number(922_337_203_685_477))
BOOLEAN = Kind("Edm.Boolean", _boolean)
MOMENT = Kind("Edm.DateTimeOffset", _moment)
GUID = Kind("Edm.Guid", guid)


def text(length: int, *, read_only: bool = False, write_only: bool = False) -> Column:
    return Column(TEXT, length, read_only, write_only)
