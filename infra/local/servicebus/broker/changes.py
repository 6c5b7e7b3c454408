"""The journal: what storage must write so that a restart finds the same namespace.

Rows are complete, so that storage writes them without looking anything up and applying one twice
does no harm. Entities are named by address.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from infra.local.servicebus.settings import (
    RuleConfig,
)


class PayloadPut(NamedTuple):
    number: int
    data: bytes


class PayloadRemoved(NamedTuple):
    number: int


class MessagePut(NamedTuple):
    """A message as it is now, new or changed; locks are not durable and not here."""

    entity: str
    sequence_number: int
    enqueued_sequence_number: int
    enqueued_time: int
    payload: int
    state: int
    delivery_count: int
    expires_at: int | None
    scheduled_enqueue_time: int | None
    session_id: str | None
    partition_key: str | None
    dead_letter_source: str | None
    application_properties: dict[str, Any] | None
    property_changes: dict[str, Any] | None


class MessageRemoved(NamedTuple):
    entity: str
    sequence_number: int


class SequenceReached(NamedTuple):
    """The highest sequence number the entity has given so far."""

    entity: str
    sequence_number: int


class DuplicateNoted(NamedTuple):
    entity: str
    message_id: str
    at: int


class DuplicatesForgotten(NamedTuple):
    """Ids noted at or before `until` no longer refuse anything."""

    entity: str
    until: int


class RulePut(NamedTuple):
    entity: str
    rule: RuleConfig


class RuleRemoved(NamedTuple):
    entity: str
    name: str


Change = (
    PayloadPut
    | PayloadRemoved
    | MessagePut
    | MessageRemoved
    | SequenceReached
    | DuplicateNoted
    | DuplicatesForgotten
    | RulePut
    | RuleRemoved
)
