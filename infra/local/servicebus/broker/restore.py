"""Bringing back what storage kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

from infra.local.servicebus.broker.changes import (
    Change,
    DuplicateNoted,
    EntityPut,
    MessagePut,
    PayloadPut,
    RulePut,
    RuleRemoved,
    SequenceReached,
    SessionStatePut,
)
from infra.local.servicebus.broker.directory import Directory
from infra.local.servicebus.broker.entity import Entity
from infra.local.servicebus.broker.messages import BrokerMessage, MessageState, Payload
from infra.local.servicebus.broker.queue import Queue
from infra.local.servicebus.broker.runtime import Runtime
from infra.local.servicebus.broker.topic import Subscription


def restore(changes: Iterable[Change], directory: Directory, runtime: Runtime) -> dict[str, int]:
    """Apply loaded rows; return how many messages belong to addresses not in the directory.

    Rows may come in any order, except that entities come first, payloads before the messages that
    use them, and messages and duplicates of one entity in ascending order."""
    rows = iter(changes)
    definitions: list[EntityPut] = []
    for change in rows:
        if not isinstance(change, EntityPut):
            rows = chain((change,), rows)
            break
        definitions.append(change)
    directory.adopt(definitions)
    return _contents(rows, runtime.entities, runtime)


def _contents(
    changes: Iterable[Change], entities: Mapping[str, Entity], runtime: Runtime
) -> dict[str, int]:
    payloads: dict[int, Payload] = {}
    orphans: Counter[str] = Counter()
    for change in changes:
        if isinstance(change, PayloadPut):
            payloads[change.number] = Payload(change.number, change.data)
            runtime.last_payload = max(runtime.last_payload, change.number)
            continue
        if isinstance(change, MessagePut):
            payload = payloads[change.payload]
            entity = entities.get(change.entity.lower())
            if entity is None:
                # Its reference keeps the payload in storage while the entity is away.
                payload.references += 1
                orphans[change.entity] += 1
            else:
                entity.keep(_message(change, payload))
            continue
        apply = _APPLY.get(type(change))
        if apply is None:
            raise TypeError(f"storage loaded a {type(change).__name__}, which is no state")
        entity = entities.get(change.entity.lower())  # type: ignore[union-attr]
        if entity is not None:
            apply(entity, change)
    return dict(orphans)


def _reached(entity: Entity, row: SequenceReached) -> None:
    entity.last_sequence_number = row.sequence_number


def _noted(entity: Entity, row: DuplicateNoted) -> None:
    if entity.duplicates is not None:
        entity.duplicates.restore(row.message_id, row.at)


def _session(entity: Entity, row: SessionStatePut) -> None:
    if isinstance(entity, Queue) and entity.sessions is not None:
        entity.sessions.restore_state(row.session_id, row.state, row.at)


def _rule(entity: Entity, row: RulePut) -> None:
    if isinstance(entity, Subscription):
        entity.rule_set.put(row.rule)


def _no_rule(entity: Entity, row: RuleRemoved) -> None:
    if isinstance(entity, Subscription):
        entity.rule_set.remove(row.name, missing_ok=True)


_APPLY: dict[type[Change], Callable[[Entity, Any], None]] = {
    SequenceReached: _reached,
    DuplicateNoted: _noted,
    SessionStatePut: _session,
    RulePut: _rule,
    RuleRemoved: _no_rule,
}


def _message(row: MessagePut, payload: Payload) -> BrokerMessage:
    return BrokerMessage(
        row.sequence_number,
        row.enqueued_sequence_number,
        row.enqueued_time,
        payload,
        state=MessageState(row.state),
        delivery_count=row.delivery_count,
        expires_at=row.expires_at,
        scheduled_enqueue_time=row.scheduled_enqueue_time,
        session_id=row.session_id,
        partition_key=row.partition_key,
        dead_letter_source=row.dead_letter_source,
        application_properties=row.application_properties,
        property_changes=row.property_changes,
    )
