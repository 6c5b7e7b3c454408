"""One stored message and what the broker reads from the sender's bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple, Protocol
from uuid import UUID


class MessageState(IntEnum):
    """Values of the `x-opt-message-state` annotation."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


class ParsedMessage(Protocol):
    """What the broker reads of a sender's message; `amqp.message.Message` is the real one.

    A missing section is `None`. `header.ttl` is ms. `properties` has the fields of AMQP 3.2.4 by
    their snake_case names. Annotation keys are plain strings, timestamps int ms since the epoch.
    """

    @property
    def header(self) -> Any: ...
    @property
    def message_annotations(self) -> Mapping[Any, Any] | None: ...
    @property
    def properties(self) -> Any: ...
    @property
    def application_properties(self) -> Mapping[str, Any] | None: ...


Parse = Callable[[bytes], ParsedMessage]
"""Reads one complete encoded message; raises ValueError when the bytes are not one."""


class Payload:
    """A sender's encoded message, kept once however many subscriptions hold a copy."""

    __slots__ = ("data", "number", "references")

    def __init__(self, number: int, data: bytes) -> None:
        self.number = number
        self.data = data
        self.references = 0


@dataclass(slots=True, eq=False)
class BrokerMessage:
    """A message in one queue. Times are int ms since the epoch, UTC.

    `sequence_number`: given by this queue, ascending.
    `enqueued_sequence_number`: the number it had where it entered: the topic's for a subscription's
        copy, the source queue's for a dead letter, else its own.
    `delivery_count`: failed deliveries so far (the header's delivery-count), 0 for a new message.
    `expires_at`: when its time to live ends; None = never.
    `locked_until`, `lock_token`: None while not locked.
    `application_properties`: the complete application properties where abandon, defer, dead-letter
        or a rule action changed them; None = the sender's section is still right, send it as it is.
    `property_changes`: fields of the `properties` section (AMQP 3.2.4 names: `to`, `subject`, …)
        that a rule action set or (value None) removed; None = the sender's section is right.
    """

    sequence_number: int
    enqueued_sequence_number: int
    enqueued_time: int
    stored: Payload
    state: MessageState = MessageState.ACTIVE
    delivery_count: int = 0
    expires_at: int | None = None
    scheduled_enqueue_time: int | None = None
    session_id: str | None = None
    partition_key: str | None = None
    dead_letter_source: str | None = None
    application_properties: dict[str, Any] | None = None
    property_changes: dict[str, Any] | None = None
    locked_until: int | None = None
    lock_token: UUID | None = None
    timer: list[Any] | None = field(default=None, repr=False)

    @property
    def payload(self) -> bytes:
        """The sender's complete encoded message, byte for byte."""
        return self.stored.data

    @property
    def time_to_live(self) -> int | None:
        """Effective ms to live from enqueueing: the smaller of the sender's and the entity's."""
        return None if self.expires_at is None else self.expires_at - self.enqueued_time


class Delivery(NamedTuple):
    """One message handed out. `lock_token` is also the delivery tag; with `settle_on_delivery` it
    names no lock."""

    lock_token: UUID
    message: BrokerMessage


class Counts(NamedTuple):
    """What a queue holds now; locked messages count as active, as in Azure. Forwarding is part of
    what caused it, so `transfer`, messages on their way, is always 0."""

    active: int
    locked: int
    deferred: int
    scheduled: int
    dead_letter: int
    transfer: int
    transfer_dead_letter: int
