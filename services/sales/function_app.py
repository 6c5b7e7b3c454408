"""Sales: every sale and return becomes one retail transaction; see README.md for the operator."""

from __future__ import annotations

from collections.abc import Sequence

import azure.functions as func

from services.sales import handlers, wiring
from shared.bus import Delivery, Outcome
from shared.bus.triggers import subscription_trigger

app = func.Blueprint()  # type: ignore[no-untyped-call]


@subscription_trigger(
    app,
    topic="sale-completed",
    subscription="sales",
    wiring=wiring.collaborators,
    announce=True,
)
async def book_sales(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book completed sales."""
    return await handlers.book(deliveries, collaborators)


@subscription_trigger(
    app,
    topic="sale-returned",
    subscription="sales",
    wiring=wiring.collaborators,
    announce=True,
)
async def book_returns(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book returned sales."""
    return await handlers.book(deliveries, collaborators)
