"""Bringing back what storage kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any

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
from infra.local.servicebus.broker.entity import Entity
from infra.local.servicebus.broker.messages import BrokerMessage, MessageState, Payload
from infra.local.servicebus.broker.queue import Queue
from infra.local.servicebus.broker.runtime import Runtime
from infra.local.servicebus.broker.topic import Subscription

if TYPE_CHECKING:
    from infra.local.servicebus.broker.directory import Directory


class Absent:
    """What storage keeps of entities that are not there, until they are."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Any, Payload | None]]] = {}  # by lower-case address
        self.counts: Counter[str] = Counter()  # messages by address

    def keep(self, row: Any, payload: Payload | None) -> None:
        self._rows.setdefault(row.entity.lower(), []).append((row, payload))
        if payload is not None:
            # This reference keeps the payload in storage meanwhile.
            payload.references += 1
            self.counts[row.entity] += 1

    def give_back(self, entity: Entity) -> None:
        """The entity is there again: it gets what it had."""
        for row, payload in self._rows.pop(entity.address.lower(), ()):
            _apply(entity, row, payload)
            self.counts.pop(row.entity, None)
            if payload is not None:
                payload.references -= 1


def restore(changes: Iterable[Change], directory: Directory, runtime: Runtime) -> None:
    """Apply loaded rows; those of addresses not in the directory wait in its `absent`.

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
    payloads: dict[int, Payload] = {}
    for change in rows:
        if isinstance(change, PayloadPut):
            payloads[change.number] = Payload(change.number, change.data)
            runtime.last_payload = max(runtime.last_payload, change.number)
            continue
        if not isinstance(change, _STATE):
            raise TypeError(f"storage loaded a {type(change).__name__}, which is no state")
        payload = payloads[change.payload] if isinstance(change, MessagePut) else None
        entity = runtime.entities.get(change.entity.lower())
        if entity is None:
            directory.absent.keep(change, payload)
        else:
            _apply(entity, change, payload)


def _apply(entity: Entity, row: Any, payload: Payload | None) -> None:
    if payload is not None:
        entity.keep(_message(row, payload))
    else:
        _APPLY[type(row)](entity, row)


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


_STATE = MessagePut | SequenceReached | DuplicateNoted | SessionStatePut | RulePut | RuleRemoved
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
        _STATES[row.state],
        row.delivery_count,
        row.expires_at,
        row.scheduled_enqueue_time,
        row.session_id,
        row.partition_key,
        row.dead_letter_source,
        row.application_properties,
        row.property_changes,
    )


_STATES = tuple(MessageState)  # quicker than calling MessageState
