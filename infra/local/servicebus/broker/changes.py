"""The journal: what storage must write so that a restart finds the same namespace.

Rows are complete, so that storage writes them without looking anything up and applying one twice
does no harm. Entities are named by address.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from infra.local.servicebus.settings import EntityConfig, RuleConfig


class EntityPut(NamedTuple):
    """An entity as it is now, without its subscriptions and rules. Times are int ms.

    `config` None: the configuration file names it, but it was deleted. `configured`: what the file
    said of it then; None when it does not name it."""

    entity: str
    config: EntityConfig | None
    created_at: int
    updated_at: int
    configured: EntityConfig | None


class EntityRemoved(NamedTuple):
    """The entity is gone with its messages, duplicates, session states and rules, but not with
    the payloads of its messages."""

    entity: str


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


class SessionStatePut(NamedTuple):
    """The session's state and when it was set; None: it has none any more."""

    entity: str
    session_id: str
    state: bytes | None
    at: int


class RulePut(NamedTuple):
    entity: str
    rule: RuleConfig


class RuleRemoved(NamedTuple):
    entity: str
    name: str


Change = (
    EntityPut
    | EntityRemoved
    | PayloadPut
    | PayloadRemoved
    | MessagePut
    | MessageRemoved
    | SequenceReached
    | DuplicateNoted
    | DuplicatesForgotten
    | SessionStatePut
    | RulePut
    | RuleRemoved
)
