"""Values survive the wire, in any portions, and hostile bytes only ever raise DecodeError."""

from __future__ import annotations

import contextlib
import math
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus._pyamqp._decode import decode_payload
from azure.servicebus._pyamqp._encode import encode_value as pyamqp_encode
from hypothesis import given
from hypothesis import strategies as st

from infra.local.servicebus.amqp import (
    Array,
    Byte,
    Char,
    Decimal32,
    Decimal64,
    Decimal128,
    DecodeError,
    Described,
    EncodeError,
    Float,
    Int,
    Message,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
    decode_value,
    encode_message,
    encode_value,
)


def whole(kind: Any, bits: int, *, signed: bool = False) -> st.SearchStrategy[Any]:
    low = -(1 << bits - 1) if signed else 0
    return st.integers(low, low + (1 << bits) - 1).map(kind)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
symbols = st.text(st.characters(max_codepoint=127), max_size=300).map(Symbol)
primitives = st.one_of(
    st.none(),
    st.booleans(),
    whole(UByte, 8),
    whole(UShort, 16),
    whole(UInt, 32),
    whole(ULong, 64),
    whole(Byte, 8, signed=True),
    whole(Short, 16, signed=True),
    whole(Int, 32, signed=True),
    whole(int, 64, signed=True),
    whole(Timestamp, 64, signed=True),
    st.floats(),
    st.floats(width=32).map(Float),
    st.characters(exclude_categories=["Cs"]).map(Char),
    st.binary(min_size=4, max_size=4).map(Decimal32),
    st.binary(min_size=8, max_size=8).map(Decimal64),
    st.binary(min_size=16, max_size=16).map(Decimal128),
    st.uuids(),
    st.binary(max_size=300),
    texts,
    symbols,
)
arrays = st.one_of(
    st.lists(texts, max_size=5).map(lambda items: Array(0xB1, items)),
    st.lists(symbols, max_size=5).map(lambda items: Array(0xB3, items)),
    st.lists(st.uuids(), max_size=5).map(lambda items: Array(0x98, items)),
    st.lists(whole(int, 64, signed=True), max_size=5).map(lambda items: Array(0x81, items)),
    st.lists(st.lists(st.booleans(), max_size=3), max_size=5).map(lambda items: Array(0xD0, items)),
)
values = st.recursive(
    primitives | arrays,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(texts, inner, max_size=5),
        st.builds(Described, symbols | whole(ULong, 64), inner),
    ),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    """Equal in value and in AMQP type."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@given(values)
def test_a_value_comes_back_as_what_it_was(value: Any) -> None:
    encoded = encode_value(value)

    decoded, end = decode_value(encoded)

    assert same(decoded, value)
    assert end == len(encoded)


@given(values, st.binary(max_size=20))
def test_what_follows_a_value_is_left_alone(value: Any, tail: bytes) -> None:
    encoded = encode_value(value)

    decoded, end = decode_value(encoded + tail)

    assert same(decoded, value)
    assert end == len(encoded)


@given(values, st.data())
def test_a_value_cut_short_is_no_value(value: Any, data: st.DataObject) -> None:
    encoded = encode_value(value)
    cut = data.draw(st.integers(0, len(encoded) - 1))

    with pytest.raises(DecodeError):
        decode_value(encoded[:cut])


@given(st.binary(max_size=200))
def test_hostile_bytes_never_do_more_than_raise(data: bytes) -> None:
    for read in (decode_value, Message.check):
        with contextlib.suppress(DecodeError):
            read(data)


@given(values, st.integers(0), st.integers(0, 255))
def test_one_flipped_byte_never_does_more_than_raise(value: Any, at: int, octet: int) -> None:
    damaged = bytearray(encode_value(value))
    damaged[at % len(damaged)] = octet

    with contextlib.suppress(DecodeError):
        decode_value(bytes(damaged))


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100,
        b"\xd0\x00\x00\x00\x05\xff\xff\xff\xff\x40",
        b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40",
        b"\xf0\x00\x00\x00\x07\x00\x00\xff\xff\x40\x40\x40",
        b"\xc1\x04\x02\x45\x45\x40",
        b"\x73\x00\x11\x00\x00",
        b"\x56\x02",
        b"\xa1\x01\xff",
    ],
    ids=[
        "nesting",
        "list bomb",
        "array bomb",
        "null array",
        "list as key",
        "char",
        "bool",
        "utf-8",
    ],
)
def test_values_no_peer_may_send_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_value(data)


@pytest.mark.parametrize("value", [2**64, UInt(2**32), UInt(-1), Symbol("é"), object(), Char("ab")])
def test_what_amqp_cannot_carry_is_refused(value: Any) -> None:
    with pytest.raises(EncodeError):
        encode_value(value)


ORACLE = [None, True, False, 0.5, "text", "x" * 300, b"bytes", UUID(int=7), [1, 2], {"a": 1}]


@pytest.mark.parametrize("value", ORACLE, ids=repr)
def test_our_messages_read_the_same_in_the_sdks_codec(value: Any) -> None:
    read = decode_payload(memoryview(encode_message(value=value)))

    assert str(read.value) == str(_as_sdk(value))


def _as_sdk(value: Any) -> Any:
    """The SDK's codec leaves texts as bytes."""
    if isinstance(value, str):
        return value.encode()
    return {key.encode(): item for key, item in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("value", [5, 300, True, 0.5, "text", b"bytes", [1, "a"], {"k": 1}])
def test_we_read_what_the_sdks_codec_writes(value: Any) -> None:
    written = bytearray()
    pyamqp_encode(written, value)

    assert decode_value(bytes(written))[0] == value
