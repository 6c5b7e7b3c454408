"""Field types: how each reads a JSON value, and what an unset field answers.

Source: the `$metadata` of API v2.0 (types, lengths) and AL's data types: `Code` is stored in upper
case, an empty date is 0001-01-01, an empty reference the zero GUID, an enum symbol escapes what no
identifier may hold as `_x0020_`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone

Value = str | int | float | bool

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
EMPTY_DATE = "0001-01-01"
EMPTY_MOMENT = "0001-01-01T00:00:00Z"

_ESCAPED = re.compile(r"_x([0-9A-F]{4})_")


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: str
    """guid, text, code, decimal, int, bool, date, moment, enum, stream."""
    length: int | None = None
    symbols: tuple[str, ...] = ()
    """The members of an enum as users see them, without escapes."""
    read_only: bool = False

    @property
    def caption(self) -> str:
        """As error texts call it: `totalTaxAmount` is 'Total Tax Amount'."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", self.name)
        return words[:1].upper() + words[1:]

    @property
    def default(self) -> Value:
        return escape(self.symbols[0]) if self.symbols else _DEFAULTS[self.kind]


_DEFAULTS: Mapping[str, Value] = {
    "guid": EMPTY_GUID,
    "text": "",
    "code": "",
    "decimal": 0,
    "int": 0,
    "bool": False,
    "date": EMPTY_DATE,
    "moment": EMPTY_MOMENT,
}


class TooLong(ValueError):
    """The text has more characters than the field."""


def escape(symbol: str) -> str:
    """Return the symbol as an identifier: `In Review` is `In_x0020_Review`."""
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"_x{ord(found[0]):04X}_", symbol)


def unescape(symbol: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), symbol)


def read_value(field: Field, value: object) -> Value:
    """Return what is stored. Raises TooLong, or ValueError for another type."""
    if value is None:
        return field.default
    if field.symbols:
        shown = unescape(value) if isinstance(value, str) else None
        if shown not in field.symbols:
            raise ValueError
        return escape(shown)
    return _READERS[field.kind](field, value)


def _text(field: Field, value: object) -> Value:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - one error for whatever does not fit
    if field.length is not None and len(value) > field.length:
        raise TooLong(value)
    return value.strip().upper() if field.kind == "code" else value


def _decimal(_: Field, value: object) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError  # noqa: TRY004
    return value


def _int(_: Field, value: object) -> Value:
    if type(value) is not int or not -(2**31) <= value < 2**31:
        raise ValueError
    return value


def _bool(_: Field, value: object) -> Value:
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004
    return value


def _guid(_: Field, value: object) -> Value:
    return str(uuid.UUID(str(value)))


def _date(_: Field, value: object) -> Value:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004
    return date.fromisoformat(value).isoformat()


def _moment(_: Field, value: object) -> Value:
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError
    return format_moment(moment)


def format_moment(moment: datetime) -> str:
    """Return the canonical text: UTC, milliseconds; equal moments have equal texts."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


_READERS: Mapping[str, Callable[[Field, object], Value]] = {
    "guid": _guid,
    "text": _text,
    "code": _text,
    "decimal": _decimal,
    "int": _int,
    "bool": _bool,
    "date": _date,
    "moment": _moment,
}
