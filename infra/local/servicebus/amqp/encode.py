"""Values to bytes (AMQP 1.0 part 1), always in the shortest encoding.

Descriptors are written as smallulong (`00 53 xx`): pyamqp reads no other form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from struct import error as StructError  # noqa: N812 - named like the exception it is
from typing import Any
from uuid import UUID

from infra.local.servicebus.amqp.errors import EncodeError
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

Encoder = Callable[[Any], bytes]

NULL = b"\x40"
_OCTETS = [bytes([octet]) for octet in range(256)]
_SMALL_UINTS = [b"\x43", *(b"\x52" + octet for octet in _OCTETS[1:])]
_UINT = Struct(">I").pack
_SIZE_AND_COUNT = Struct(">II").pack
_U8_MAX = 0xFF


def encode_value(value: Any) -> bytes:
    """Return the encoding of a Python value, see `values` for which type becomes which.

    Raises EncodeError for a type or number that AMQP cannot carry."""
    try:
        return _encoder(type(value))(value)
    except (StructError, OverflowError, UnicodeEncodeError, RecursionError) as error:
        raise EncodeError(f"{type(value).__name__} {value!r:.60} cannot be encoded") from error


def _encoder(kind: type) -> Encoder:
    encoder = _ENCODERS.get(kind)
    if encoder is None:
        encoder = next((_ENCODERS[base] for base in kind.__mro__ if base in _ENCODERS), None)
        if encoder is None:
            raise EncodeError(f"a {kind.__name__} has no AMQP encoding")
        _ENCODERS[kind] = encoder
    return encoder


def encode_uint(value: int) -> bytes:
    return _SMALL_UINTS[value] if 0 <= value <= _U8_MAX else b"\x70" + _UINT(value)


def encode_ulong(value: int) -> bytes:
    if value == 0:
        return b"\x44"
    if 0 < value <= _U8_MAX:
        return b"\x53" + _OCTETS[value]
    return b"\x80" + value.to_bytes(8)


def encode_boolean(value: bool) -> bytes:
    return b"\x41" if value else b"\x42"


def encode_binary(value: bytes) -> bytes:
    return _sized(0xA0, 0xB0, value)


def encode_string(value: str) -> bytes:
    return _sized(0xA1, 0xB1, value.encode())


def encode_symbol(value: str) -> bytes:
    return _sized(0xA3, 0xB3, value.encode("ascii"))


def encode_list(parts: Iterable[bytes], count: int) -> bytes:
    """Return a list of `count` already encoded elements."""
    return _compound(0xC0, 0xD0, b"".join(parts), count) if count else b"\x45"


def encode_map(entries: Mapping[Any, Any]) -> bytes:
    parts: list[bytes] = []
    for key, value in entries.items():
        parts += (encode_value(key), encode_value(value))
    return _compound(0xC1, 0xD1, b"".join(parts), len(parts))


def encode_described(code: int, value: bytes) -> bytes:
    """Put the descriptor `code` before an already encoded value."""
    return b"\x00" + encode_ulong(code) + value


def encode_symbols(value: Any) -> bytes:
    """A field that holds one symbol or several (AMQP 1.0, 1.4 'multiple')."""
    if isinstance(value, str):
        return encode_symbol(value)
    return encode_value(Array(0xB3, value))


def _sized(short: int, long: int, data: bytes) -> bytes:
    size = len(data)
    if size <= _U8_MAX:
        return _OCTETS[short] + _OCTETS[size] + data
    return _OCTETS[long] + _UINT(size) + data


def _compound(short: int, long: int, body: bytes, count: int) -> bytes:
    if len(body) < _U8_MAX and count <= _U8_MAX:
        return bytes((short, len(body) + 1, count)) + body
    return _OCTETS[long] + _SIZE_AND_COUNT(len(body) + 4, count) + body


def _long(value: int) -> bytes:
    if -128 <= value <= 127:
        return b"\x55" + value.to_bytes(1, signed=True)
    return b"\x81" + value.to_bytes(8, signed=True)


def _int(value: int) -> bytes:
    if -128 <= value <= 127:
        return b"\x54" + int(value).to_bytes(1, signed=True)
    return b"\x71" + int(value).to_bytes(4, signed=True)


def _packed(code: int, form: str) -> Encoder:
    pack, prefix = Struct(">" + form).pack, _OCTETS[code]
    return lambda value: prefix + pack(value)


def _raw(code: int, width: int) -> Encoder:
    prefix = _OCTETS[code]

    def encode(value: bytes) -> bytes:
        if len(value) != width:
            raise EncodeError(f"{width} bytes needed, not {len(value)}")
        return prefix + value

    return encode


def _char(value: str) -> bytes:
    if len(value) != 1:
        raise EncodeError("a char is exactly one character")
    return b"\x73" + _UINT(ord(value))


def _list(value: Iterable[Any]) -> bytes:
    parts = [encode_value(item) for item in value]
    return encode_list(parts, len(parts))


def _array(array: Array) -> bytes:
    """The element constructor is the array's own, so that what was read is written the same."""
    element = _ELEMENTS.get(array.code)
    if element is None:
        raise EncodeError(f"arrays of constructor 0x{array.code:02x} are not supported")
    prefix = b"" if array.descriptor is None else b"\x00" + encode_value(array.descriptor)
    body = prefix + _OCTETS[array.code] + b"".join([element(item) for item in array])
    return _compound(0xE0, 0xF0, body, len(array))


def _described(value: Described) -> bytes:
    return b"\x00" + encode_value(value.descriptor) + encode_value(value.value)


_ENCODERS: dict[type, Encoder] = {
    type(None): lambda _: NULL,
    bool: encode_boolean,
    int: _long,
    float: _packed(0x82, "d"),
    str: encode_string,
    bytes: encode_binary,
    bytearray: lambda value: encode_binary(bytes(value)),
    memoryview: lambda value: encode_binary(bytes(value)),
    UUID: lambda value: b"\x98" + value.bytes,
    list: _list,
    tuple: _list,
    dict: encode_map,
    Symbol: encode_symbol,
    Char: _char,
    UByte: _packed(0x50, "B"),
    UShort: _packed(0x60, "H"),
    UInt: encode_uint,
    ULong: encode_ulong,
    Byte: _packed(0x51, "b"),
    Short: _packed(0x61, "h"),
    Int: _int,
    Timestamp: _packed(0x83, "q"),
    Float: _packed(0x72, "f"),
    Decimal32: _raw(0x74, 4),
    Decimal64: _raw(0x84, 8),
    Decimal128: _raw(0x94, 16),
    Array: _array,
    Described: _described,
}


def _element_of(form: str) -> Encoder:
    return Struct(">" + form).pack


def _element_sized(width: int, data_of: Callable[[Any], bytes]) -> Encoder:
    def encode(value: Any) -> bytes:
        data = data_of(value)
        return len(data).to_bytes(width) + data

    return encode


def _element_compound(width: int) -> Encoder:
    """A list, map or array without its constructor, in the given width."""

    def encode(value: Any) -> bytes:
        encoded = encode_value(value)
        code = encoded[0]
        if code == 0x45:
            return (width).to_bytes(width) + (0).to_bytes(width)
        wide = code & 0x10
        size = len(encoded) - (9 if wide else 3)
        count = int.from_bytes(encoded[5:9]) if wide else encoded[2]
        return (
            (size + width).to_bytes(width) + count.to_bytes(width) + encoded[len(encoded) - size :]
        )

    return encode


def _utf8(value: str) -> bytes:
    return value.encode()


def _ascii(value: str) -> bytes:
    return value.encode("ascii")


# How an element of an array is written, by the array's element constructor.
_ELEMENTS: dict[int, Encoder] = {
    **{code: lambda _: b"" for code in (0x40, 0x41, 0x42, 0x43, 0x44, 0x45)},
    **{code: _element_of("B") for code in (0x50, 0x52, 0x53)},
    **{code: _element_of("b") for code in (0x51, 0x54, 0x55)},
    0x56: _element_of("?"),
    0x60: _element_of("H"),
    0x61: _element_of("h"),
    0x70: _element_of("I"),
    0x71: _element_of("i"),
    0x72: _element_of("f"),
    0x73: lambda value: _UINT(ord(value)),
    0x74: bytes,
    0x80: _element_of("Q"),
    0x81: _element_of("q"),
    0x82: _element_of("d"),
    0x83: _element_of("q"),
    0x84: bytes,
    0x94: bytes,
    0x98: lambda value: value.bytes,
    0xA0: _element_sized(1, bytes),
    0xA1: _element_sized(1, _utf8),
    0xA3: _element_sized(1, _ascii),
    0xB0: _element_sized(4, bytes),
    0xB1: _element_sized(4, _utf8),
    0xB3: _element_sized(4, _ascii),
    **{code: _element_compound(1) for code in (0xC0, 0xC1, 0xE0)},
    **{code: _element_compound(4) for code in (0xD0, 0xD1, 0xF0)},
}
