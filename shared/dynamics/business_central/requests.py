"""Requests to Business Central as values: paths, filters, bodies. No I/O.

Rules of API v2.0: ids are GUIDs without quotes; a change or deletion carries `If-Match`; reads that
may be some seconds old ask for the read-only replica, look-ups before a write must not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from urllib.parse import quote

from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import to_json

REPLICA = (("Data-Access-Intent", "ReadOnly"),)
ACTION = "Microsoft.NAV."

Body = Mapping[str, object]


def rows(
    path: str,
    *,
    where: str = "",
    select: Sequence[str] = (),
    expand: str = "",
    top: int | None = None,
    replica: bool = False,
) -> Operation:
    """Return the GET of a collection; `where` is a filter from `equal` and its like."""
    options = {
        "$filter": where,
        "$select": ",".join(select),
        "$expand": expand,
        "$top": "" if top is None else str(top),
    }
    query = "&".join(f"{name}={quote(text, safe=_PLAIN)}" for name, text in options.items() if text)
    return Operation("GET", f"{path}?{query}" if query else path, b"", REPLICA if replica else ())


def create(path: str, body: Body) -> Operation:
    return Operation("POST", path, to_json(jsonable(body)))


def change(path: str, body: Body, etag: str) -> Operation:
    return Operation("PATCH", path, to_json(jsonable(body)), (("If-Match", etag),))


def delete(path: str, etag: str) -> Operation:
    return Operation("DELETE", path, b"", (("If-Match", etag),))


def act(path: str, action: str) -> Operation:
    """Return the call of a bound action, which has no body."""
    return Operation("POST", f"{path}/{ACTION}{action}")


def one(path: str, identifier: object) -> str:
    """Return the path of the row with this id."""
    return f"{path}({quote(str(identifier), safe='-')})"


def equal(field: str, value: str) -> str:
    doubled = value.replace("'", "''")
    return f"{field} eq '{doubled}'"


def either(field: str, values: Sequence[str]) -> str:
    """One of several values; 'or' is only allowed on one field."""
    return "(" + " or ".join(equal(field, value) for value in values) + ")"


def changed_since(moment: datetime) -> str:
    text = moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return f"lastModifiedDateTime gt {text.replace('+00:00', 'Z')}"


def both(*conditions: str) -> str:
    return " and ".join(each for each in conditions if each)


def jsonable(body: Body) -> dict[str, object]:
    """Return the body with dates as Edm.Date has them: `2026-03-01`, without a time."""
    return {name: _value(value) for name, value in body.items()}


def _value(value: object) -> object:
    match value:
        case datetime() | Decimal():
            return value
        case date():
            return value.isoformat()
        case Mapping():
            return jsonable(value)
        case list() | tuple():
            return [_value(each) for each in value]
        case _:
            return value


_PLAIN = "$'(),:;=-._~"
