"""Composite types as a table: a NamedTuple per type, a row of field kinds per type.

One mechanism reads and writes performatives, delivery states, source, target, error and message
sections: AMQP 1.0 defines them all as described lists (1.4). On the wire every field is written,
also trailing nulls: pyamqp before 7.15 indexes them blindly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from struct import Struct
from struct import error as StructError  # noqa: N812 - named like the exception it is
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from infra.local.servicebus.amqp.decode import MAX_DEPTH, compound_bounds, decode_at
from infra.local.servicebus.amqp.encode import (
    NULL,
    Encoder,
    encode_binary,
    encode_boolean,
    encode_described,
    encode_list,
    encode_map,
    encode_string,
    encode_symbol,
    encode_symbols,
    encode_uint,
    encode_ulong,
    encode_value,
)
from infra.local.servicebus.amqp.errors import DecodeError, EncodeError
from infra.local.servicebus.amqp.values import (
    Array,
    Described,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

C = TypeVar("C")


class Kind(NamedTuple):
    """How a field is written, and which Python types it may have when read."""

    encode: Encoder
    accepts: frozenset[type]


def _kind(encode: Encoder, *accepts: type) -> Kind:
    return Kind(encode, frozenset(accepts))


class Layout(NamedTuple):
    """One composite type: encoded descriptor and symbolic name, field kinds, checks per field."""

    head: bytes
    name: str
    encoders: tuple[Encoder, ...]
    accepts: tuple[frozenset[type], ...]
    fields: tuple[str, ...]
    defaults: tuple[Any, ...]
    make: Callable[..., Any]
    seen: set[tuple[type, ...]]


_MALFORMED = (IndexError, StructError, UnicodeDecodeError)
_UINT = Struct(">I").unpack_from
_MOST_SEEN = 256
"""Type signatures remembered per layout; peers use a handful."""

LAYOUTS: dict[type, Layout] = {}
_BY_DESCRIPTOR: dict[Any, Layout] = {}


def composite(code: int, name: str, *kinds: str) -> Callable[[type[C]], type[C]]:
    """Enter the decorated NamedTuple in the table.

    `kinds` names the kind of each field in order; a trailing `!` makes it mandatory (not null)."""

    def enter(kind: type[C]) -> type[C]:
        known = [KINDS[spelled.rstrip("!")] for spelled in kinds]
        fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
        if len(fields) != len(kinds):
            raise TypeError(f"{name} has {len(fields)} fields and {len(kinds)} kinds")
        layout = Layout(
            encode_described(code, b""),
            name,
            tuple(each.encode for each in known),
            tuple(
                each.accepts if spelled.endswith("!") else each.accepts | {type(None)}
                for each, spelled in zip(known, kinds, strict=True)
            ),
            fields,
            tuple(kind._field_defaults.get(field) for field in fields),  # type: ignore[attr-defined]
            partial(tuple.__new__, kind),  # type: ignore[type-var]
            set(),
        )
        LAYOUTS[kind] = _BY_DESCRIPTOR[code] = _BY_DESCRIPTOR[f"amqp:{name}:list"] = layout
        return kind

    return enter


def encode_composite(value: Any) -> bytes:
    """Return a described list with every field. Raises EncodeError."""
    layout = LAYOUTS[type(value)]
    try:
        parts = [
            NULL if field is None else encode(field)
            for encode, field in zip(layout.encoders, value, strict=True)
        ]
    except (StructError, OverflowError, UnicodeEncodeError, AttributeError, TypeError) as error:
        raise EncodeError(f"{layout.name} {value!r:.200} cannot be encoded") from error
    return layout.head + encode_list(parts, len(parts))


def decode_composite(data: bytes, position: int = 0, end: int | None = None) -> tuple[Any, int]:
    """Return the composite at `position` and the position after it.

    Absent trailing fields get their defaults; surplus ones are ignored. Raises DecodeError."""
    end = len(data) if end is None else end
    try:
        if data[position] != 0:
            raise DecodeError("a described list is needed here")
        layout, first = _layout_at(data, position, end)
        if layout is None:
            raise DecodeError(f"unknown descriptor {data[position + 1 : first].hex()}")
        values, after = _decode_fields(data, first, end, 1)
    except _MALFORMED as error:
        raise DecodeError(f"a composite is cut short or malformed: {error}") from error
    return _build(layout, values), after


def reader_of(kind: type) -> Callable[[bytes, int, int], Any]:
    """Return what decodes a `kind` from the position after its descriptor. Raises DecodeError."""
    layout = LAYOUTS[kind]

    def read(data: bytes, position: int, end: int) -> Any:
        try:
            return _build(layout, _decode_fields(data, position, end, 1)[0])
        except _MALFORMED as error:
            raise DecodeError(f"a {layout.name} is cut short or malformed: {error}") from error

    return read


def _layout_at(data: bytes, position: int, end: int) -> tuple[Layout | None, int]:
    """Return the type of the described value at `position`, None when it is none of ours, and
    where its list begins."""
    descriptor: Any
    if data[position + 1] == 0x53:
        descriptor, position = data[position + 2], position + 3
    else:
        descriptor, position = decode_at(data, position + 1, end, 1)
    layout = _BY_DESCRIPTOR.get(descriptor) if isinstance(descriptor, (int, str)) else None
    return layout, position


def _described(data: bytes, position: int, end: int, depth: int) -> tuple[Any, int]:
    """Decode a field that is a described value: a composite, or what only its reader knows."""
    layout, first = _layout_at(data, position, end)
    if layout is None or depth > MAX_DEPTH:
        return decode_at(data, position, end, depth)
    values, after = _decode_fields(data, first, end, depth + 1)
    return _build(layout, values), after


def _decode_fields(data: bytes, position: int, end: int, depth: int) -> tuple[list[Any], int]:
    """Decode a list's elements; the constructors performatives are made of are handled in line,
    because this runs for every frame."""
    if data[position] & 0xEF not in (0xC0, 0x45):
        raise DecodeError("a composite is a described list")
    count, position, stop = compound_bounds(data, position, end)
    values: list[Any] = []
    add = values.append
    for _ in range(count):
        code = data[position]
        if code == 0x40:
            add(None)
            position += 1
        elif code == 0x52:
            add(data[position + 1])
            position += 2
        elif code == 0x70:
            add(_UINT(data, position + 1)[0])
            position += 5
        elif code == 0xA1:
            # Reading past `stop` is noticed below: the position no longer meets it.
            start, position = position + 2, position + 2 + data[position + 1]
            add(data[start:position].decode())
        elif code == 0xA0:
            start, position = position + 2, position + 2 + data[position + 1]
            add(data[start:position])
        elif code == 0x42:
            add(False)
            position += 1
        elif code == 0x41:
            add(True)
            position += 1
        elif code == 0x43:
            add(0)
            position += 1
        else:
            decode = decode_at if code else _described
            value, position = decode(data, position, stop, depth)
            add(value)
    if position != stop:
        raise DecodeError("a composite's fields do not fill its size")
    return values, stop


def _build(layout: Layout, values: list[Any]) -> Any:
    missing = len(layout.defaults) - len(values)
    if missing > 0:
        values += layout.defaults[-missing:]
    elif missing < 0:
        del values[missing:]
    # Which types stand where is checked once per combination, not once per frame.
    signature = tuple(map(type, values))
    if signature not in layout.seen:
        _check(layout, values)
        if len(layout.seen) < _MOST_SEEN:
            layout.seen.add(signature)
    return layout.make(values)


def _check(layout: Layout, values: list[Any]) -> None:
    for name, value, accepts in zip(layout.fields, values, layout.accepts, strict=True):
        if value.__class__ not in accepts:
            what = "missing" if value is None else f"a {type(value).__name__}"
            raise DecodeError(f"{layout.name}: {name} is {what}")


def _nested(value: Any) -> bytes:
    return encode_composite(value) if type(value) in LAYOUTS else encode_value(value)


class _Composites(frozenset[type]):
    """Accepts what a nested field may hold: a composite of the table, or an unknown described
    value, which the state machines then refuse or ignore."""

    def __contains__(self, kind: object) -> bool:
        return kind is Described or kind in LAYOUTS or super().__contains__(kind)

    def __or__(self, other: Any) -> _Composites:
        return _Composites(frozenset(self).union(other))


# int stands for a uint read in line; ubyte and ushort always come from the table of decoders.
KINDS: dict[str, Kind] = {
    "boolean": _kind(encode_boolean, bool),
    "ubyte": _kind(lambda value: b"\x50" + int(value).to_bytes(1), UByte),
    "ushort": _kind(lambda value: b"\x60" + int(value).to_bytes(2), UShort),
    "uint": _kind(encode_uint, int, UInt),
    "ulong": _kind(encode_ulong, ULong),
    "timestamp": _kind(lambda value: b"\x83" + int(value).to_bytes(8, signed=True), Timestamp),
    "binary": _kind(encode_binary, bytes),
    "string": _kind(encode_string, str, Symbol),
    "symbol": _kind(encode_symbol, Symbol, str),
    "symbols": _kind(encode_symbols, Symbol, str, Array, list),
    "map": _kind(encode_map, dict),
    "message-id": _kind(encode_value, str, ULong, UInt, int, bytes, UUID),
    "composite": Kind(_nested, _Composites()),
}
