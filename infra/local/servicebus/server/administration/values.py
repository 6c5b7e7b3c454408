"""Property values with their type: `<Value i:type="d6p1:int">7</Value>`.

Used by correlation filters and the parameters of SQL expressions. A number's width is that of its
value, as in the SDK for Python; the SDK for Node cannot read `long` and `duration`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from xml.etree.ElementTree import Element

from infra.local.servicebus.amqp import Described, Symbol, Timestamp
from infra.local.servicebus.broker import InvalidArgument
from infra.local.servicebus.durations import format_duration, parse_duration
from infra.local.servicebus.server.administration.atom import instant
from infra.local.servicebus.server.administration.kinds import parse_truth, truth
from infra.local.servicebus.server.administration.xml import (
    SCHEMA,
    element,
    find,
    find_all,
    text_of,
    type_of,
)

TIME_SPAN = Symbol("com.microsoft:timespan")
"""How .NET sends a TimeSpan in a message: this descriptor and ticks of 100 ns."""

_TICKS = 10_000  # in one ms
_YEAR_1, _YEAR_10_000 = -62_135_596_800_000, 253_402_300_800_000  # ms since the epoch
_PAIR = "KeyValueOfstringanyType"


def _timestamp(text: str) -> Timestamp:
    at = datetime.fromisoformat(text)
    aware = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return Timestamp(round(aware.timestamp() * 1000))


def _time_span(text: str) -> Described:
    milliseconds = parse_duration(text)
    return Described(TIME_SPAN, 2**63 - 1 if milliseconds is None else milliseconds * _TICKS)


def _whole(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError("the number does not fit 64 bits")
    return number


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "boolean": parse_truth,
    "int": _whole,
    "long": _whole,
    "double": float,
    "dateTime": _timestamp,
    "duration": _time_span,
}


def read_pairs(parent: Element, name: str) -> dict[str, Any]:
    """Return the pairs of a child element; empty when it is missing. Raises InvalidArgument."""
    holder = find(parent, name)
    pairs = [] if holder is None else find_all(holder, _PAIR)
    return dict(_pair(pair, name) for pair in pairs)


def _pair(source: Element, name: str) -> tuple[str, Any]:
    key, value = find(source, "Key"), find(source, "Value")
    if key is None or value is None:
        raise InvalidArgument(f"{name}: a pair needs a Key and a Value.")
    kind = type_of(value)
    if kind not in _READERS:
        allowed = ", ".join(_READERS)
        raise InvalidArgument(f"{name}, {text_of(key)}: '{kind}' is none of the types {allowed}.")
    try:
        return text_of(key), _READERS[kind](text_of(value))
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(f"{name}, {text_of(key)}: {error}.") from error


_NOT_FINITE = {"inf": "INF", "-inf": "-INF", "nan": "NaN"}  # XML Schema's names


def write_pairs(name: str, pairs: Mapping[str, Any]) -> Element:
    return element(
        name, [element(_PAIR, [element("Key", key), _value(pairs[key])]) for key in pairs]
    )


def _value(value: Any) -> Element:
    kind, text = _typed(value)
    # Node takes the type from behind the fifth character, so this prefix it has to be.
    return element("Value", text, {"i:type": f"d6p1:{kind}", "xmlns:d6p1": SCHEMA})


def _typed(value: Any) -> tuple[str, str]:
    """Values of other types, which only rules added over AMQP have, are shown as what is nearest:
    numbers or text."""
    match value:
        case bool():
            return "boolean", truth(value)
        case Timestamp() if _YEAR_1 <= value < _YEAR_10_000:
            return "dateTime", instant(value)
        case int():
            return "int" if -(2**31) <= value < 2**31 else "long", str(value)
        case float():
            return "double", _NOT_FINITE.get(repr(value), repr(value))
        case Described(descriptor, int(ticks)) if descriptor == TIME_SPAN and ticks >= 0:
            return "duration", format_duration(ticks // _TICKS)
        case _:
            return "string", str(value)
