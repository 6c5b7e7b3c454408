"""What an order to take something back speaks of."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from shared.bus import Rejected
from shared.events import Event, InvalidEvent, Reason, ReversalOrdered, decode
from shared.store.inbox import Inbox


async def ordered_back(order: ReversalOrdered, inbox: Inbox) -> Event[Any] | Rejected:
    """Return the event whose effect is to be taken back, or why it cannot be.

    `inbox` is that of the effect. Raises StoreUnavailable.
    """
    if not await inbox.results([order.fact_id]):
        return not_reversible(f"the effect {order.effect} of {order.fact_id} is not booked")
    try:
        event = decode(to_json(order.event))
    except InvalidEvent as error:
        # Its detail may quote the fact, and persons with it.
        return not_reversible(f"the event of {order.fact_id} cannot be read: {error.reason}")
    if event.id != order.fact_id:
        return not_reversible(f"the event enclosed is {event.id}, not {order.fact_id}")
    return event


def not_reversible(detail: str) -> Rejected:
    """Return the outcome of an order that cannot be carried out."""
    return Rejected(Reason.NOT_REVERSIBLE, detail)
