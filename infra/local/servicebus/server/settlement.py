"""Outcomes on the wire to what happens to a message (Service Bus protocol guide, "Message
settlement"). Defer and abandon differ by undeliverable-here alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Error,
    Modified,
    Outcome,
    Rejected,
    Released,
)
from infra.local.servicebus.broker import BrokerError, Queue
from infra.local.servicebus.server.errors import NOT_IMPLEMENTED, error_of

REASON = "DeadLetterReason"
DESCRIPTION = "DeadLetterErrorDescription"


def settle(queue: Queue, token: UUID, state: Any, now: int) -> Outcome:
    """Apply the outcome; return the one to echo: of the same type when it was done (a bare
    rejected for a dead letter), rejected with an error when it was refused."""
    action = _ACTIONS.get(type(state))
    if action is None:
        named = type(state).__name__
        return Rejected(Error(NOT_IMPLEMENTED, f"The delivery state {named} is not served."))
    try:
        return action(queue, token, state, now)
    except BrokerError as refusal:
        return Rejected(error_of(refusal))


def _accepted(queue: Queue, token: UUID, state: Accepted, now: int) -> Outcome:
    queue.complete(token, now)
    return state


def _released(queue: Queue, token: UUID, state: Released, now: int) -> Outcome:
    queue.release(token, now)
    return state


def _modified(queue: Queue, token: UUID, state: Modified, now: int) -> Outcome:
    properties = property_changes(state.message_annotations)
    if state.undeliverable_here:
        queue.defer(token, now, properties)
    else:
        queue.abandon(token, now, properties)
    return Modified(state.delivery_failed, state.undeliverable_here)


def _rejected(queue: Queue, token: UUID, state: Rejected, now: int) -> Outcome:
    error = state.error if isinstance(state.error, Error) else None
    info = property_changes(None if error is None else error.info)
    reason, description = text(info.pop(REASON, None)), text(info.pop(DESCRIPTION, None))
    if description is None and error is not None:
        description = error.description
    queue.dead_letter(token, now, reason, description, info)
    return Rejected()


def _nothing(_queue: Queue, _token: UUID, _state: None, _now: int) -> Outcome:
    """Settled without an outcome: the lock runs out by itself (AMQP 1.0, 2.6.12)."""
    return Released()


def property_changes(entries: dict[Any, Any] | None) -> dict[str, Any]:
    """Symbols name annotations, strings name application properties."""
    return {str(name): value for name, value in (entries or {}).items()}


def text(value: Any) -> str | None:
    """Reasons are texts; some SDK versions send them as binary."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(value)


_ACTIONS: dict[type, Callable[[Queue, UUID, Any, int], Outcome]] = {
    Accepted: _accepted,
    Released: _released,
    Modified: _modified,
    Rejected: _rejected,
    type(None): _nothing,
}
