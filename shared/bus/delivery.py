"""One valid fact as a handler sees it, and the shape of a handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.bus.outcomes import Outcome
from shared.events import DocumentRejected, Event


@dataclass(frozen=True, slots=True)
class Delivery:
    """A decoded event with the history of its deliveries to this subscription.

    `attempt` counts our own delayed retries, 1 = first; the broker's delivery count is another
    number and counts crashes. `first_seen` (aware UTC) is when the first attempt began.
    `event.traceparent` names the span open for this delivery, so that whatever the handler does
    for it can be recorded below it. `waited_out` is the key the fact was parked under until its
    deadline passed, None where it was not. `event.lane` says whether it comes late in bulk.
    """

    event: Event[Any]
    attempt: int
    first_seen: datetime
    message_id: str
    waited_out: str | None = None


Handler = Callable[[Sequence[Delivery]], Awaitable[Sequence[Outcome]]]
"""Takes deliveries, returns one outcome for each, in the same order."""

InvalidNote = Callable[[Sequence[DocumentRejected]], Awaitable[None]]
"""Takes what is known of messages that are no valid event, which are completed when it returns."""
