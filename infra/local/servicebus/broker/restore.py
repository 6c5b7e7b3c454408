"""Bringing back what storage kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from infra.local.servicebus.broker.changes import (
    Change,
    DuplicateNoted,
    MessagePut,
    PayloadPut,
    RulePut,
    RuleRemoved,
    SequenceReached,
)
from infra.local.servicebus.broker.entity import Entity
from infra.local.servicebus.broker.messages import BrokerMessage, MessageState, Payload
from infra.local.servicebus.broker.runtime import Runtime
from infra.local.servicebus.broker.topic import Subscription


def restore(
    changes: Iterable[Change], entities: Mapping[str, Entity], runtime: Runtime
) -> dict[str, int]:
    """Apply loaded rows; return how many messages belong to addresses not in `entities`.

    Rows may come in any order, except that payloads come before the messages that use them and
    messages and duplicates of one entity in ascending order."""
    payloads: dict[int, Payload] = {}
    orphans: Counter[str] = Counter()
    for change in changes:
        if isinstance(change, PayloadPut):
            payloads[change.number] = Payload(change.number, change.data)
            runtime.last_payload = max(runtime.last_payload, change.number)
            continue
        if not isinstance(
            change, MessagePut | SequenceReached | DuplicateNoted | RulePut | RuleRemoved
        ):
            raise TypeError(f"storage loaded a {type(change).__name__}, which is no state")
        entity = entities.get(change.entity.lower())
        if isinstance(change, MessagePut):
            payload = payloads[change.payload]
            if entity is None:
                # Its reference keeps the payload in storage while the entity is away.
                payload.references += 1
                orphans[change.entity] += 1
            else:
                entity.keep(_message(change, payload))
        elif isinstance(change, SequenceReached) and entity is not None:
            entity.last_sequence_number = change.sequence_number
        elif isinstance(change, DuplicateNoted) and entity is not None:
            if entity.duplicates is not None:
                entity.duplicates.restore(change.message_id, change.at)
        elif isinstance(entity, Subscription):
            if isinstance(change, RulePut):
                entity.rule_set.put(change.rule)
            elif isinstance(change, RuleRemoved):
                entity.rule_set.remove(change.name, missing_ok=True)
    return dict(orphans)


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
