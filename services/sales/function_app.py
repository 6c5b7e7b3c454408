"""Sales: what tills sell, take back and move becomes documents; see README.md for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import azure.functions as func

from services.sales import handlers, reversing, ripening, wiring
from shared.bus import Delivery, Outcome
from shared.bus.triggers import left_to_owner, parking_timer, service_timer, subscription_trigger

app = func.Blueprint()  # type: ignore[no-untyped-call]

SUBSCRIPTION = "sales"

_fact_trigger = partial(
    subscription_trigger,
    app,
    subscription=SUBSCRIPTION,
    wiring=wiring.collaborators,
    announce=True,
)


@_fact_trigger(topic="sale-completed", effect="ledger", lanes=True)
async def book_sales(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book completed sales."""
    return await handlers.book(deliveries, collaborators)


@_fact_trigger(topic="sale-returned", effect="ledger", lanes=True)
async def book_returns(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book returned sales."""
    return await handlers.book(deliveries, collaborators)


@_fact_trigger(topic="cash-moved", effect="cash")
async def book_cash_movements(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book what went into drawers and out of them."""
    return await handlers.book_cash(deliveries, collaborators)


@_fact_trigger(topic="tender-declared", effect="cash")
async def book_tender_declarations(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book what was counted in drawers."""
    return await handlers.book_cash(deliveries, collaborators)


@_fact_trigger(topic="store-day-closed", effect="cash")
async def sum_up_days(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book the aggregates and statements of closed days."""
    return await handlers.close_days(deliveries, collaborators)


@_fact_trigger(topic="reversal-ordered", note_invalid=left_to_owner)
async def reverse_bookings(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Take back what an operator ordered to be taken back."""
    return await reversing.reverse(deliveries, collaborators)


parking_timer(app, subscriptions=(SUBSCRIPTION,), wiring=wiring.collaborators)


@service_timer(app, schedule="30 * * * * *", wiring=wiring.collaborators)
async def book_ripe_aggregates(collaborators: wiring.Wired) -> None:
    """Every minute, book what late tickets and forgotten days have left."""
    await ripening.post_ripe(collaborators)
