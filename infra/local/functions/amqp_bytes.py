"""A received message as AMQP bytes again, for the deferred binding that decodes it itself.

The SDK hands over values without their AMQP types: strings come as bytes, every integer as int.
Known fields get the type the standard gives them, others the likeliest (text, long).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType, AmqpMessageHeader, AmqpMessageProperties

from infra.local.servicebus.amqp.encode import (
    encode_binary,
    encode_described,
    encode_list,
    encode_map,
    encode_value,
)
from infra.local.servicebus.amqp.values import Symbol, Timestamp, UByte, UInt, ULong

# Descriptor codes of the sections, AMQP 1.0 part 3.2.
_HEADER, _ANNOTATIONS, _PROPERTIES, _APPLICATION_PROPERTIES = 0x70, 0x72, 0x73, 0x74
_DATA, _SEQUENCE, _VALUE = 0x75, 0x76, 0x77
_TIMES = {
    b"x-opt-enqueued-time",
    b"x-opt-locked-until",
    b"x-opt-scheduled-enqueue-time",
}


def encode_received(message: ServiceBusReceivedMessage, delivery_count: int) -> bytes:
    """Return the message's sections; `delivery_count` replaces the header's."""
    raw = message.raw_amqp_message
    sections = [_header(raw.header, delivery_count)]
    if raw.annotations:
        annotations = {_symbol(k): _annotation(k, v) for k, v in raw.annotations.items()}
        sections.append(encode_described(_ANNOTATIONS, encode_map(annotations)))
    if raw.properties is not None:
        sections.append(_properties(raw.properties))
    if raw.application_properties:
        properties = {_text(k): _typed(v) for k, v in raw.application_properties.items()}
        sections.append(encode_described(_APPLICATION_PROPERTIES, encode_map(properties)))
    sections.extend(_body(raw.body_type, raw.body))
    return b"".join(sections)


def _header(header: AmqpMessageHeader | None, delivery_count: int) -> bytes:
    durable = priority = time_to_live = first_acquirer = None
    if header is not None:
        durable, first_acquirer = header.durable, header.first_acquirer
        priority, time_to_live = header.priority, header.time_to_live
    return _described_list(
        _HEADER,
        durable,
        None if priority is None else UByte(priority),
        None if time_to_live is None else UInt(time_to_live),
        first_acquirer,
        UInt(delivery_count),
    )


def _properties(properties: AmqpMessageProperties) -> bytes:
    group_sequence = properties.group_sequence
    return _described_list(
        _PROPERTIES,
        _message_id(properties.message_id),
        properties.user_id,
        _optional_text(properties.to),
        _optional_text(properties.subject),
        _optional_text(properties.reply_to),
        _message_id(properties.correlation_id),
        None if properties.content_type is None else _symbol(properties.content_type),
        None if properties.content_encoding is None else _symbol(properties.content_encoding),
        _optional_time(properties.absolute_expiry_time),
        _optional_time(properties.creation_time),
        _optional_text(properties.group_id),
        None if group_sequence is None else UInt(group_sequence),
        _optional_text(properties.reply_to_group_id),
    )


def _body(kind: AmqpMessageBodyType, body: Any) -> Iterable[bytes]:
    match kind:
        case AmqpMessageBodyType.DATA:
            return (encode_described(_DATA, encode_binary(bytes(part))) for part in body)
        case AmqpMessageBodyType.SEQUENCE:
            return (encode_described(_SEQUENCE, encode_value(_typed(part))) for part in body)
        case _:
            return (encode_described(_VALUE, encode_value(_typed(body))),)


def _described_list(code: int, *fields: object) -> bytes:
    return encode_described(code, encode_list([encode_value(f) for f in fields], len(fields)))


def _annotation(key: object, value: Any) -> Any:
    return Timestamp(value) if key in _TIMES and isinstance(value, int) else _typed(value)


def _typed(value: Any) -> Any:
    """Return the value as text where it can be text; containers with their contents."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value
    if isinstance(value, Mapping):
        return {_typed(k): _typed(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_typed(item) for item in value]
    return value


def _message_id(value: Any) -> Any:
    return ULong(value) if isinstance(value, int) else _typed(value)


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _optional_time(value: int | None) -> Timestamp | None:
    return None if value is None else Timestamp(value)


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _symbol(value: Any) -> Symbol:
    return Symbol(_text(value))
