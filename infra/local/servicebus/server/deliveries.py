"""A stored message as the bytes a client gets."""

from __future__ import annotations

from uuid import UUID

from infra.local.servicebus.amqp import Stamp, encode_delivery
from infra.local.servicebus.broker import BrokerMessage


def delivery_bytes(
    message: BrokerMessage, *, lock_token: UUID | None = None, with_body: bool = True
) -> bytes:
    """`lock_token` is written as a delivery annotation, for messages that come in an answer
    instead of a transfer with a tag."""
    return encode_delivery(
        message.payload,
        Stamp(
            message.sequence_number,
            message.enqueued_sequence_number,
            message.enqueued_time,
            int(message.state),
            message.delivery_count,
            message.time_to_live,
            message.locked_until,
            message.scheduled_enqueue_time,
            message.partition_key,
            message.dead_letter_source,
            lock_token,
        ),
        message.application_properties,
        message.property_changes,
        with_body=with_body,
    )
