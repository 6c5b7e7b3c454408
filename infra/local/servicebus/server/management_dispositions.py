"""What `update-disposition` does to a message, by the guide's names for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from infra.local.servicebus.broker import Queue
from infra.local.servicebus.server.management_body import Body
from infra.local.servicebus.server.settlement import property_changes, text


def _complete(queue: Queue, _body: Body, token: UUID, now: int) -> None:
    queue.complete(token, now)


def _abandon(queue: Queue, body: Body, token: UUID, now: int) -> None:
    queue.abandon(token, now, _to_modify(body))


def _defer(queue: Queue, body: Body, token: UUID, now: int) -> None:
    queue.defer(token, now, _to_modify(body))


def _dead_letter(queue: Queue, body: Body, token: UUID, now: int) -> None:
    reason, description = (
        text(body.get(f"deadletter-{part}")) for part in ("reason", "description")
    )
    queue.dead_letter(token, now, reason, description, _to_modify(body))


# The guide's own spelling of 'deferred' is 'defered'.
DISPOSITIONS: dict[str, Callable[[Queue, Body, UUID, int], None]] = {
    "completed": _complete,
    "abandoned": _abandon,
    "defered": _defer,
    "suspended": _dead_letter,
}


def _to_modify(body: Body) -> dict[str, Any]:
    changes = body.get("properties-to-modify")
    return property_changes(changes if isinstance(changes, dict) else None)
