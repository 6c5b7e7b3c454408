"""Single OData requests as values: method, path below the service root, JSON body.

Rules of Finance & Operations' OData (Microsoft: "Open Data Protocol (OData)", "Cross-company
behavior"): every key field goes into the key; `dataAreaId` in the body chooses the company of a
create, `cross-company=true` lets a read reach companies other than the user's default one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import quote

from shared.dynamics.odata.messages import Operation


def create(entity_set: str, body: Mapping[str, object]) -> Operation:
    """Return the POST that creates one entity."""
    return Operation("POST", entity_set, to_json(body))


def read(entity_set: str, key: Mapping[str, object], select: Sequence[str] = ()) -> Operation:
    """Return the GET of one entity by its key, in whichever company the key names."""
    query = "?cross-company=true" + (f"&$select={','.join(select)}" if select else "")
    return Operation("GET", entity_path(entity_set, key) + query)


def entity_path(entity_set: str, key: Mapping[str, object]) -> str:
    """Return `Set(a='1',b=2)`, percent-encoded so that no key value can end the segment."""
    pairs = (f"{name}={quote(literal(value), safe=chr(39))}" for name, value in key.items())
    return f"{entity_set}({','.join(pairs)})"


def literal(value: object) -> str:
    """Return an OData literal (OData 4.01 URL conventions, 5.1.1.14.1): quotes are doubled."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return str(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            raise TypeError(f"no OData literal for a {type(value).__name__}")


def to_json(body: Mapping[str, object] | Sequence[Mapping[str, object]]) -> bytes:
    """Return the body as one line of JSON; a `Decimal` becomes a JSON number, exactly.

    One line matters: an escaped body can never contain a multipart boundary line.
    """
    return json.dumps(body, default=_plain, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return exact_number(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            # Midnight shifts to the day before for users west of Greenwich; noon survives.
            return f"{value.isoformat()}T12:00:00Z"
        case _:
            raise TypeError(f"no JSON for a {type(value).__name__}")


def exact_number(value: Decimal) -> int | float:
    """Return the int or float whose JSON text denotes exactly `value`; ValueError when none does.

    Fifteen significant digits always fit, which no amount of money in retail exceeds.
    """
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:
        raise ValueError(f"{value} has more digits than a JSON number carries")
    return number
