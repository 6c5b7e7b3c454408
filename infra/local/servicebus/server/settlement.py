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
from infra.local.servicebus.broker.queue import DESCRIPTION, REASON
from infra.local.servicebus.server.errors import NOT_ALLOWED, NOT_IMPLEMENTED, error_of, refused

Action = Callable[[Queue, UUID, Any, int], None]


def settle(queue: Queue, token: UUID, state: Any, now: int) -> Outcome:
    """Apply the outcome; return the one to echo: of the same type when it was done (a bare
    rejected for a dead letter), rejected with an error when it was refused."""
    try:
        apply(queue, token, state, now)
    except BrokerError as refusal:
        return Rejected(error_of(refusal))
    return confirmation(state)


def check(queue: Queue, token: UUID, state: Any, now: int) -> None:
    """Raise what `apply` would raise; changes nothing."""
    _action(state)
    queue.check_lock(token, now)
    if isinstance(state, Rejected) and queue.dead_letter_queue is None:
        raise refused(NOT_ALLOWED, f"'{queue.address}' has no dead-letter queue of its own.")


def apply(queue: Queue, token: UUID, state: Any, now: int) -> None:
    """Raises BrokerError, changing nothing."""
    _action(state)(queue, token, state, now)


def confirmation(state: Any) -> Outcome:
    """Return the outcome that says that this one holds."""
    if isinstance(state, Modified):
        return Modified(state.delivery_failed, state.undeliverable_here)
    if isinstance(state, Rejected):
        return Rejected()
    return Released() if state is None else state


def _action(state: Any) -> Action:
    action = _ACTIONS.get(type(state))
    if action is None:
        raise refused(NOT_IMPLEMENTED, f"The delivery state {type(state).__name__} is not served.")
    return action


def _modified(queue: Queue, token: UUID, state: Modified, now: int) -> None:
    change = queue.defer if state.undeliverable_here else queue.abandon
    change(token, now, property_changes(state.message_annotations))


def _rejected(queue: Queue, token: UUID, state: Rejected, now: int) -> None:
    error = state.error if isinstance(state.error, Error) else None
    info = property_changes(None if error is None else error.info)
    reason, description = text(info.pop(REASON, None)), text(info.pop(DESCRIPTION, None))
    if description is None and error is not None:
        description = error.description
    queue.dead_letter(token, now, reason, description, info)


def property_changes(entries: dict[Any, Any] | None) -> dict[str, Any]:
    """Symbols name annotations, strings name application properties."""
    return {str(name): value for name, value in (entries or {}).items()}


def text(value: Any) -> str | None:
    """Reasons are texts; some SDK versions send them as binary."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value is None else str(value)


_ACTIONS: dict[type, Action] = {
    Accepted: lambda queue, token, _state, now: queue.complete(token, now),
    Released: lambda queue, token, _state, now: queue.release(token, now),
    Modified: _modified,
    Rejected: _rejected,
    # Settled without an outcome: the lock runs out by itself (AMQP 1.0, 2.6.12).
    type(None): lambda _queue, _token, _state, _now: None,
}
