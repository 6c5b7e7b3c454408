"""A stored message as the bytes of a delivery: the broker's stamp, then the sender's sections."""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

from infra.local.servicebus.amqp.composites import encode_composite
from infra.local.servicebus.amqp.encode import encode_string, encode_symbol, encode_value
from infra.local.servicebus.amqp.message import (
    APPLICATION_PROPERTIES,
    BODY,
    DELIVERY_ANNOTATIONS,
    HEADER,
    LONGEST_HEADER_TTL,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
    Header,
    Message,
    Properties,
    encode_annotations,
    encode_application_properties,
)

_HOP = frozenset({HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS})
_CHANGEABLE = frozenset({PROPERTIES, APPLICATION_PROPERTIES})

# What the broker adds to every delivery (reference: Service Bus protocol guide, "Message
# annotations"), in this order.
_FIXED_LAYOUT = (
    ("x-opt-sequence-number", 0x81),
    ("x-opt-enqueue-sequence-number", 0x81),
    ("x-opt-enqueued-time", 0x83),
    ("x-opt-message-state", 0x71),
)
_FORMS = {0x81: "q", 0x83: "q", 0x71: "i"}


def _long_entry(name: str, code: int) -> bytes:
    return encode_symbol(name) + bytes([code])


# The section's descriptor and map32 head, then name and value of each.
_FIXED = Struct(">4sII" + "".join(f"{len(n) + 3}s{_FORMS[c]}" for n, c in _FIXED_LAYOUT))
_FIXED_HEAD = b"\x00\x53\x72\xd1"
_FIXED_MAP_BYTES = _FIXED.size - len(_FIXED_HEAD) - 4  # what the map's own size counts
_ENTRIES = tuple(_long_entry(name, code) for name, code in _FIXED_LAYOUT)
_LOCKED_UNTIL = _long_entry("x-opt-locked-until", 0x83)
_SCHEDULED_TIME = _long_entry("x-opt-scheduled-enqueue-time", 0x83)
_PARTITION_KEY = encode_symbol("x-opt-partition-key")
_DEAD_LETTER_SOURCE = encode_symbol("x-opt-deadletter-source")
_FRESH_HEADER = encode_composite(Header(delivery_count=0))
_SIGNED = Struct(">q").pack
_OURS = frozenset(
    {name for name, _ in _FIXED_LAYOUT}
    | {
        "x-opt-locked-until",
        "x-opt-scheduled-enqueue-time",
        "x-opt-partition-key",
        "x-opt-deadletter-source",
    }
)


class Stamp(NamedTuple):
    """What the broker says of a message in one delivery. Times are int ms since the epoch, UTC."""

    sequence_number: int
    enqueued_sequence_number: int
    enqueued_time: int
    state: int = 0
    delivery_count: int = 0
    time_to_live: int | None = None
    locked_until: int | None = None
    scheduled_enqueue_time: int | None = None
    partition_key: str | None = None
    dead_letter_source: str | None = None
    lock_token: UUID | None = None


def encode_delivery(
    payload: bytes,
    stamp: Stamp,
    application_properties: Mapping[str, Any] | None = None,
    property_changes: Mapping[str, Any] | None = None,
    *,
    with_body: bool = True,
) -> bytes:
    """Return the bytes to deliver: header and annotations by the broker, the rest as it was sent.

    `application_properties` replaces the sender's, `property_changes` overrides fields of the
    sender's properties section; None leaves them alone. `with_body` False leaves the body out
    (a peek may ask for that; receivers then see an empty message)."""
    message = Message.parse(payload)
    changed = application_properties is not None or bool(property_changes)
    parts = [_delivery_header(message, stamp), _delivery_annotations(message, stamp)]
    if stamp.lock_token is not None:
        parts += encode_annotations(DELIVERY_ANNOTATIONS, {"x-opt-lock-token": stamp.lock_token})
    if changed:
        parts += _changed_sections(message, application_properties, property_changes)
    left_out = _HOP | _CHANGEABLE if changed else _HOP
    if not with_body:
        left_out |= BODY
    kept_from = 0
    for code, start, _, end in message.sections:
        if code in left_out:
            parts.append(payload[kept_from:start])
            kept_from = end
    parts.append(payload[kept_from:])
    return b"".join(parts)


def _delivery_header(message: Message, stamp: Stamp) -> bytes:
    sent, life = message.header, stamp.time_to_live
    if sent is None and life is None and not stamp.delivery_count:
        return _FRESH_HEADER
    sent = sent or Header()
    return encode_composite(
        Header(
            sent.durable,
            sent.priority,
            None if life is None else min(life, LONGEST_HEADER_TTL),
            None,
            stamp.delivery_count,
        )
    )


def _delivery_annotations(message: Message, stamp: Stamp) -> bytes:
    more = []
    if stamp.locked_until is not None:
        more.append(_LOCKED_UNTIL + _SIGNED(stamp.locked_until))
    if stamp.scheduled_enqueue_time is not None:
        more.append(_SCHEDULED_TIME + _SIGNED(stamp.scheduled_enqueue_time))
    if stamp.partition_key is not None:
        more.append(_PARTITION_KEY + encode_string(stamp.partition_key))
    if stamp.dead_letter_source is not None:
        more.append(_DEAD_LETTER_SOURCE + encode_string(stamp.dead_letter_source))
    for key, value in (message.message_annotations or {}).items():
        if key not in _OURS:
            more.append(encode_value(key) + encode_value(value))
    rest = b"".join(more)
    one, two, three, four = _ENTRIES
    fixed = _FIXED.pack(
        _FIXED_HEAD,
        _FIXED_MAP_BYTES + len(rest),
        2 * (len(_ENTRIES) + len(more)),
        one,
        stamp.sequence_number,
        two,
        stamp.enqueued_sequence_number,
        three,
        stamp.enqueued_time,
        four,
        stamp.state,
    )
    return fixed + rest


def _changed_sections(
    message: Message,
    application_properties: Mapping[str, Any] | None,
    property_changes: Mapping[str, Any] | None,
) -> list[bytes]:
    properties = message.properties
    if property_changes:
        properties = (properties or Properties())._replace(**property_changes)
    if application_properties is None:
        application_properties = message.application_properties
    parts = [] if properties is None else [encode_composite(properties)]
    if application_properties:
        parts.append(encode_application_properties(application_properties))
    return parts
