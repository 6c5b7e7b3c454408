"""A received message as AMQP bytes again, for the deferred binding that decodes it itself.

The SDK hands over values without their AMQP types: strings come as bytes, every integer as int.
Known fields get the type the standard gives them, others the likeliest (text, long).
"""

from collections.abc import Mapping
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType, AmqpMessageHeader, AmqpMessageProperties

from infra.local.servicebus.amqp import Header, Properties, Timestamp, ULong, encode_message

_TIMES = {
    b"x-opt-enqueued-time",
    b"x-opt-locked-until",
    b"x-opt-scheduled-enqueue-time",
}


def encode_received(message: ServiceBusReceivedMessage, delivery_count: int) -> bytes:
    """Return the message's sections; `delivery_count` replaces the header's."""
    raw = message.raw_amqp_message
    annotations = {_text(k): _annotation(k, v) for k, v in (raw.annotations or {}).items()}
    properties = {_text(k): _typed(v) for k, v in (raw.application_properties or {}).items()}
    return encode_message(
        header=_header(raw.header, delivery_count),
        message_annotations=annotations or None,
        properties=None if raw.properties is None else _properties(raw.properties),
        application_properties=properties or None,
        **_body(raw.body_type, raw.body),
    )


def _header(header: AmqpMessageHeader | None, delivery_count: int) -> Header:
    if header is None:
        return Header(delivery_count=delivery_count)
    return Header(
        header.durable, header.priority, header.time_to_live, header.first_acquirer, delivery_count
    )


def _properties(properties: AmqpMessageProperties) -> Properties:
    user_id = properties.user_id
    return Properties(
        _message_id(properties.message_id),
        user_id.encode() if isinstance(user_id, str) else user_id,
        _optional_text(properties.to),
        _optional_text(properties.subject),
        _optional_text(properties.reply_to),
        _message_id(properties.correlation_id),
        _optional_text(properties.content_type),
        _optional_text(properties.content_encoding),
        properties.absolute_expiry_time,
        properties.creation_time,
        _optional_text(properties.group_id),
        properties.group_sequence,
        _optional_text(properties.reply_to_group_id),
    )


def _body(kind: AmqpMessageBodyType, body: Any) -> dict[str, Any]:
    """Return the body as the argument of `encode_message` for its kind of section."""
    match kind:
        case AmqpMessageBodyType.DATA:
            return {"data": body}
        case AmqpMessageBodyType.SEQUENCE:
            return {"sequence": [_typed(part) for part in body]}
        case _:
            return {"value": _typed(body)}


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


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)
