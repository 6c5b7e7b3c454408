"""Bytes to values (AMQP 1.0 part 1).

Theory: every value starts with a constructor byte; a table of 256 entries maps it to a function
`(data, position, end, depth) -> (value, next position)`. Compound values state their size, so `end`
narrows on the way down and nothing reads past what its parent claimed.

Limits against hostile peers: nesting, and never more elements than the compound has bytes, so what
is built stays proportional to what was received. (An array of zero-width elements, such as null,
may therefore hold at most as many as it has bytes; no known peer sends more.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import methodcaller
from struct import Struct
from struct import error as StructError  # noqa: N812 - named like the exception it is
from typing import Any
from uuid import UUID

from infra.local.servicebus.amqp.errors import DecodeError
from infra.local.servicebus.amqp.values import (
    Array,
    Byte,
    Char,
    Decimal32,
    Decimal64,
    Decimal128,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

MAX_DEPTH = 64
"""Compound values inside each other; the SDKs allow as many."""

Decoder = Callable[[bytes, int, int, int], tuple[Any, int]]

_UINT = Struct(">I").unpack_from


def decode_value(data: bytes, position: int = 0, end: int | None = None) -> tuple[Any, int]:
    """Return the value at `position` and the position after it.

    `end` bounds what may be read (default: all of `data`). Raises DecodeError."""
    end = len(data) if end is None else end
    try:
        value, after = decode_at(data, position, end, 0)
    except (IndexError, StructError, UnicodeDecodeError) as error:
        raise DecodeError(f"a value is cut short or malformed: {error}") from error
    if after > end:
        raise DecodeError("a value is longer than the bytes that should hold it")
    return value, after


def decode_at(data: bytes, position: int, end: int, depth: int) -> tuple[Any, int]:
    """As decode_value, but lets IndexError, struct.error and UnicodeDecodeError through."""
    return _DECODERS[data[position]](data, position + 1, end, depth)


def compound_bounds(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """Return (element count, position of the first element, end) of the list or map constructor at
    `position`. Raises DecodeError for anything else."""
    code = data[position]
    if code == _LIST0:
        return 0, position + 1, position + 1
    if code in (0xC0, 0xC1, 0xE0):
        size, count, first = data[position + 1], data[position + 2], position + 3
        stop = position + 2 + size
    elif code in (0xD0, 0xD1, 0xF0):
        size, count = _UINT(data, position + 1)[0], _UINT(data, position + 5)[0]
        first, stop = position + 9, position + 5 + size
    else:
        raise DecodeError(f"constructor 0x{code:02x} where a list or map is needed")
    if stop > end or first > stop or count > size:
        raise DecodeError("a compound value claims more than its bytes can hold")
    return count, first, stop


def _unknown(data: bytes, position: int, _end: int, _depth: int) -> tuple[Any, int]:
    raise DecodeError(f"unknown constructor 0x{data[position - 1]:02x}")


def _constant(value: Any) -> Decoder:
    return lambda _data, position, _end, _depth: (value, position)


def _fixed(form: str, of: Callable[[Any], Any] | None = None) -> Decoder:
    layout = Struct(">" + form)
    unpack, width = layout.unpack_from, layout.size
    if of is None:
        return lambda data, position, _end, _depth: (unpack(data, position)[0], position + width)
    return lambda data, position, _end, _depth: (of(unpack(data, position)[0]), position + width)


def _variable(width: int, of: Callable[[bytes], Any]) -> Decoder:
    def short(data: bytes, position: int, end: int, _depth: int) -> tuple[Any, int]:
        start = position + 1
        stop = start + data[position]
        if stop > end:
            raise _too_long()
        return of(data[start:stop]), stop

    def long(data: bytes, position: int, end: int, _depth: int) -> tuple[Any, int]:
        start = position + 4
        stop = start + int(_UINT(data, position)[0])
        if stop > end:
            raise _too_long()
        return of(data[start:stop]), stop

    return short if width == 1 else long


def _too_long() -> DecodeError:
    return DecodeError("a string or binary is longer than the bytes that should hold it")


def _char(code_point: int) -> Char:
    try:
        return Char(chr(code_point))
    except (ValueError, OverflowError) as error:
        raise DecodeError(f"no Unicode character has the number {code_point}") from error


def _boolean(octet: int) -> bool:
    if octet > 1:
        raise DecodeError(f"a boolean is 0 or 1, not {octet}")
    return octet == 1


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise DecodeError(f"values are nested deeper than {MAX_DEPTH}")
    return depth + 1


def _list(data: bytes, position: int, end: int, depth: int) -> tuple[list[Any], int]:
    depth = _deeper(depth)
    count, position, stop = compound_bounds(data, position - 1, end)
    return _elements(data, position, stop, count, depth), stop


def _map(data: bytes, position: int, end: int, depth: int) -> tuple[dict[Any, Any], int]:
    depth = _deeper(depth)
    count, position, stop = compound_bounds(data, position - 1, end)
    if count % 2:
        raise DecodeError("a map has a key without a value")
    each = iter(_elements(data, position, stop, count, depth))
    try:
        return dict(zip(each, each, strict=True)), stop
    except TypeError as error:
        raise DecodeError("a list or map cannot be a map key here") from error


def _elements(data: bytes, position: int, stop: int, count: int, depth: int) -> list[Any]:
    """Decode what a list or map holds. Short texts, which most of it is, are read in line."""
    elements: list[Any] = []
    add = elements.append
    for _ in range(count):
        code = data[position]
        if code == 0xA1:
            # Reading past `stop` is noticed below: the position no longer meets it.
            start, position = position + 2, position + 2 + data[position + 1]
            add(data[start:position].decode())
        elif code == 0xA3:
            start, position = position + 2, position + 2 + data[position + 1]
            add(_short_symbol(data[start:position]))
        else:
            element, position = _DECODERS[code](data, position + 1, stop, depth)
            add(element)
    if position != stop:
        raise DecodeError("a compound value's elements do not fill its size")
    return elements


def _array(data: bytes, position: int, end: int, depth: int) -> tuple[Array, int]:
    depth = _deeper(depth)
    count, position, stop = compound_bounds(data, position - 1, end)
    descriptor = None
    if data[position] == _DESCRIBED:
        descriptor, position = decode_at(data, position + 1, stop, depth)
    code = data[position]
    decode = _DECODERS[code]
    if decode is _unknown or code == _DESCRIBED:  # also of an array without elements
        raise DecodeError(f"an array of constructor 0x{code:02x}")
    # A compound element repeats no constructor, but its decoder looks one byte back for it.
    element = _array_compound(code) if code in _COMPOUNDS else decode
    array = Array(code, (), descriptor)
    position += 1
    for _ in range(count):
        item, position = element(data, position, stop, depth)
        array.append(item)
    if position != stop:
        raise DecodeError("an array's elements do not fill its size")
    return array, stop


def _array_compound(code: int) -> Decoder:
    def decode(data: bytes, position: int, end: int, depth: int) -> tuple[Any, int]:
        size = data[position] + 1 if code & 0x10 == 0 else _UINT(data, position)[0] + 4
        if position + size > end:
            raise DecodeError("a compound value claims more than its bytes can hold")
        alone = bytes([code]) + data[position : position + size]
        value, used = _DECODERS[code](alone, 1, len(alone), depth)
        return value, position + used - 1

    return decode


def _described(data: bytes, position: int, end: int, depth: int) -> tuple[Described, int]:
    depth = _deeper(depth)
    descriptor, position = _DECODERS[data[position]](data, position + 1, end, depth)
    value, position = _DECODERS[data[position]](data, position + 1, end, depth)
    return Described(descriptor, value), position


_string = methodcaller("decode", "utf-8")


def _symbol(data: bytes) -> Symbol:
    return Symbol(data.decode("ascii"))


_short_symbol = lru_cache(maxsize=1024)(_symbol)  # names: few, and the same ones again and again


def _uuid(data: bytes) -> UUID:
    return UUID(bytes=data)


_DESCRIBED = 0x00
_LIST0 = 0x45
_COMPOUNDS = frozenset({0xC0, 0xC1, 0xD0, 0xD1, 0xE0, 0xF0})
_DECODERS: list[Decoder] = [_unknown] * 256
for _code, _decoder in {
    _DESCRIBED: _described,
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(UInt(0)),
    0x44: _constant(ULong(0)),
    _LIST0: lambda _data, position, _end, _depth: ([], position),
    0x50: _fixed("B", UByte),
    0x51: _fixed("b", Byte),
    0x52: _fixed("B", UInt),
    0x53: _fixed("B", ULong),
    0x54: _fixed("b", Int),
    0x55: _fixed("b"),
    0x56: _fixed("B", _boolean),
    0x60: _fixed("H", UShort),
    0x61: _fixed("h", Short),
    0x70: _fixed("I", UInt),
    0x71: _fixed("i", Int),
    0x72: _fixed("f", Float),
    0x73: _fixed("I", _char),
    0x74: _fixed("4s", Decimal32),
    0x80: _fixed("Q", ULong),
    0x81: _fixed("q"),
    0x82: _fixed("d"),
    0x83: _fixed("q", Timestamp),
    0x84: _fixed("8s", Decimal64),
    0x94: _fixed("16s", Decimal128),
    0x98: _fixed("16s", _uuid),
    0xA0: _variable(1, bytes),
    0xA1: _variable(1, _string),
    0xA3: _variable(1, _short_symbol),
    0xB0: _variable(4, bytes),
    0xB1: _variable(4, _string),
    0xB3: _variable(4, _symbol),
    0xC0: _list,
    0xD0: _list,
    0xC1: _map,
    0xD1: _map,
    0xE0: _array,
    0xF0: _array,
}.items():
    _DECODERS[_code] = _decoder
