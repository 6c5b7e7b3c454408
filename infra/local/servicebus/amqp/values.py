"""Python types for the AMQP primitive types that Python has no type of its own for (AMQP 1.0, 1.6).

Plain Python stands for: None null, bool boolean, int long, float double, str string, bytes binary,
UUID uuid, list list, dict map. Everything below keeps its AMQP type when it is encoded again, and
otherwise behaves as the Python type it derives from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple


class Symbol(str):
    """ASCII name from a constrained domain; equal to the str of the same characters."""

    __slots__ = ()


class Char(str):
    """One Unicode character."""

    __slots__ = ()


class UByte(int):
    __slots__ = ()


class UShort(int):
    __slots__ = ()


class UInt(int):
    __slots__ = ()


class ULong(int):
    __slots__ = ()


class Byte(int):
    __slots__ = ()


class Short(int):
    __slots__ = ()


class Int(int):
    __slots__ = ()


class Timestamp(int):
    """Milliseconds since the Unix epoch, UTC."""

    __slots__ = ()


class Float(float):
    """32-bit IEEE 754."""

    __slots__ = ()


class Decimal32(bytes):
    """4 bytes IEEE 754-2008 decimal, kept as they came."""

    __slots__ = ()


class Decimal64(bytes):
    """8 bytes IEEE 754-2008 decimal, kept as they came."""

    __slots__ = ()


class Decimal128(bytes):
    """16 bytes IEEE 754-2008 decimal, kept as they came."""

    __slots__ = ()


class Array(list[Any]):
    """Values of one type; `code` is the constructor of every element (AMQP 1.0, 1.2.2).

    `descriptor` is set when the elements are described values."""

    __slots__ = ("code", "descriptor")

    def __init__(self, code: int, items: Iterable[Any] = (), descriptor: Any = None) -> None:
        super().__init__(items)
        self.code = code
        self.descriptor = descriptor


class Described(NamedTuple):
    """A value with a descriptor that names its meaning, usually a ULong or a Symbol."""

    descriptor: Any
    value: Any
