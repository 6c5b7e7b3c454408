"""Forwarding: what enters a queue that forwards goes on at once, as part of what brought it in.

Where it cannot go on it is dead-lettered, in the source's dead-letter queue; a dead-letter queue
that forwards keeps it until its target is there again. Sources: Microsoft's "Chaining Service Bus
entities with autoforwarding" and "Dead-letter queues"; that it is the plain dead-letter queue and
not the transfer one: MicrosoftDocs/azure-docs issue 111251 and Azure/azure-service-bus issue 33;
that what went too far is not forwarded as a dead letter either: Azure/azure-service-bus issue 249.

Hops are counted from where a message was sent, activated or dead-lettered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infra.local.servicebus.amqp.message import Properties
from infra.local.servicebus.broker.errors import (
    BrokerError,
    EntityDisabled,
    EntityNotFound,
    NoSession,
    QuotaExceeded,
)
from infra.local.servicebus.broker.incoming import Incoming
from infra.local.servicebus.broker.messages import BrokerMessage, ParsedMessage
from infra.local.servicebus.broker.runtime import Runtime
from infra.local.servicebus.settings import DEAD_LETTER_QUEUE

if TYPE_CHECKING:
    from infra.local.servicebus.broker.entity import Entity
    from infra.local.servicebus.broker.queue import Queue

MOST_HOPS = 4
HOPS_EXCEEDED = "MaxTransferHopCountExceeded"
NO_SESSION = "Session ID is null."
TRANSFER_FAILED = "TransferFailed"  # ours: Azure's wording is not documented

STRANDING = (EntityNotFound, EntityDisabled, QuotaExceeded)
"""What keeps a message of a transaction from getting on from the entity it travels via (Microsoft:
dead-letter queues, "Dead-lettering in send via scenarios")."""


class Changed:
    """A message as it reads after rules or settlements changed its properties."""

    def __init__(self, parsed: ParsedMessage, message: BrokerMessage) -> None:
        self.header = parsed.header
        self.message_annotations = parsed.message_annotations
        self.properties = parsed.properties
        if message.property_changes:
            self.properties = (parsed.properties or Properties())._replace(
                **message.property_changes
            )
        self.application_properties: Mapping[str, Any] | None = message.application_properties
        if self.application_properties is None:
            self.application_properties = parsed.application_properties


def forward(
    runtime: Runtime, source: Queue, message: BrokerMessage, now: int, hops: int = 0
) -> bool:
    """Hand on a message that enters or waits in `source`; False when it stays, because `source`
    is a dead-letter queue whose target takes nothing."""
    if hops >= MOST_HOPS:
        return _failed(
            runtime,
            source,
            message,
            now,
            HOPS_EXCEEDED,
            f"A message is forwarded {MOST_HOPS} times at most.",
        )
    payload = message.stored
    try:
        target = _target(runtime, source)
        incoming = _incoming(runtime, source, message, now, hops + 1)
        target.check_send()
        target.refuse(incoming)
        target.check_room(len(message.payload))
    except NoSession as refusal:
        return _failed(runtime, source, message, now, NO_SESSION, refusal.text)
    except BrokerError as refusal:
        return _failed(runtime, source, message, now, TRANSFER_FAILED, refusal.text)
    payload.references += 1
    target.take_over(incoming, payload, now)
    runtime.let_go(payload)
    return True


def _target(runtime: Runtime, source: Queue) -> Entity:
    path = source.config.forward_to or ""
    found: Entity | None = runtime.entities.get(path.lower())
    if found is None:
        raise EntityNotFound(path)
    return found


def _incoming(
    runtime: Runtime, source: Queue, message: BrokerMessage, now: int, hops: int
) -> Incoming:
    parsed = runtime.parse(message.payload)
    if message.application_properties is not None or message.property_changes:
        parsed = Changed(parsed, message)
    carried: dict[str, Any] = {
        "hops": hops,
        "enqueued_sequence_number": message.enqueued_sequence_number,
        "application_properties": message.application_properties,
        "property_changes": message.property_changes,
        "dead_letter_source": message.dead_letter_source,
    }
    if source.dead_letter_queue is None:
        carried["dead_letter_source"] = source.address.removesuffix(f"/{DEAD_LETTER_QUEUE}")
    life = None if message.expires_at is None else max(message.expires_at - now, 0)
    return Incoming(
        message.payload,
        parsed,
        life,
        message.scheduled_enqueue_time,
        message.partition_key,
        carried,
    )


def _failed(
    runtime: Runtime,
    source: Queue,
    message: BrokerMessage,
    now: int,
    reason: str,
    description: str,
) -> bool:
    if source.dead_letter_queue is None:
        runtime.stuck[source] = None
        return False
    # Dead letters of a way too long go no further; others go where the source's dead letters go.
    hops = MOST_HOPS if reason == HOPS_EXCEEDED else 0
    source.to_dead_letters(message, now, reason, description, hops)
    return True
