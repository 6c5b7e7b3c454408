"""AMQP 1.0 without I/O: values, messages, frames, and the state machines of a listening peer."""

from infra.local.servicebus.amqp.connection import Connection
from infra.local.servicebus.amqp.decode import decode_value
from infra.local.servicebus.amqp.delivery import Stamp, encode_delivery
from infra.local.servicebus.amqp.encode import encode_value
from infra.local.servicebus.amqp.errors import AmqpError, DecodeError, EncodeError
from infra.local.servicebus.amqp.message import (
    BATCH_FORMAT,
    Header,
    Message,
    Properties,
    encode_message,
    split_batch,
)
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

__all__ = [
    "BATCH_FORMAT",
    "AmqpError",
    "Array",
    "Byte",
    "Char",
    "Connection",
    "Decimal32",
    "Decimal64",
    "Decimal128",
    "DecodeError",
    "Described",
    "EncodeError",
    "Float",
    "Header",
    "Int",
    "Message",
    "Properties",
    "Short",
    "Stamp",
    "Symbol",
    "Timestamp",
    "UByte",
    "UInt",
    "ULong",
    "UShort",
    "decode_value",
    "encode_delivery",
    "encode_message",
    "encode_value",
    "split_batch",
]
