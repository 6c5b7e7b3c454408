"""Resource paths: `contacts`, `contacts(guid)`, `contacts(key='…')`, a column, a bound action."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from . import errors
from .columns import WrongValue, guid
from .tables import TABLES, Table

_PATH = re.compile(
    r"(?P<set>[A-Za-z_]\w*)(?:\((?P<key>[^/]*)\))?(?:/(?P<rest>[\w.$]+))?", re.DOTALL
)
_PAIR = re.compile(r"(?P<name>\w+)='(?P<value>(?:[^']|'')*)'")
_BROKEN = frozenset("/<>*%&:\\?+")
"""In the value of an alternate key these break reads and writes (dynamics.md 3.2)."""


@dataclass(frozen=True, slots=True)
class Address:
    table: Table
    id: str = ""
    """Of one row, canonical; '' where an alternate key or nothing is named."""
    column: str = ""
    value: str = ""
    """The alternate key."""
    rest: str = ""
    """A column of the row, or an action of the set."""

    @property
    def is_row(self) -> bool:
        return bool(self.id or self.column)


def parse_address(path: str) -> Address:
    """Read a percent-decoded path below the service root. Raises DataverseError."""
    match = _PATH.fullmatch(path)
    table = TABLES.get(match["set"]) if match else None
    if match is None or table is None:
        raise errors.unknown_segment(path.partition("(")[0].partition("/")[0])
    key, rest = match["key"], match["rest"] or ""
    if key is None:
        return Address(table, rest=rest)
    if pair := _PAIR.fullmatch(key):
        column, value = pair["name"], pair["value"].replace("''", "'")
        if column == table.primary:
            key = value
        elif column not in table.keys:
            raise errors.malformed(
                f"The key in the request URI is not valid for resource "
                f"'{table.type_name}'. Ensure that the names and number of key properties match "
                "the declared key properties for the resource."
            )
        elif _BROKEN & set(value):
            raise errors.malformed(f"Bad Request - Error in query syntax: '{value}'.")
        else:
            return Address(table, column=column, value=value, rest=rest)
    try:
        return Address(table, guid(key.partition("=")[2] or key), rest=rest)
    except WrongValue as error:
        raise errors.malformed(f"Error in query syntax: '{key}' is no key.") from error


def parse_reference(reference: object, target: Table) -> Address:
    """Read what `@odata.bind` and `@odata.id` hold: a URL, whole or below the root."""
    path = unquote(urlsplit(reference).path) if isinstance(reference, str) else ""
    address = parse_address(re.sub(r".*/api/data/v9\.\d/", "", path).lstrip("/"))
    if address.table is not target or not address.is_row:
        raise errors.invalid_argument(f"'{reference}' is no {target.logical}.")
    return address
