"""Orders: web orders become sales orders, payments customer payments; see README.md."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import azure.functions as func

from services.orders import handlers, wiring
from shared.bus import Delivery, Outcome
from shared.bus.triggers import parking_timer, subscription_trigger

app = func.Blueprint()  # type: ignore[no-untyped-call]

SUBSCRIPTION = "orders"

_fact_trigger = partial(
    subscription_trigger,
    app,
    subscription=SUBSCRIPTION,
    wiring=wiring.collaborators,
    announce=True,
)


@_fact_trigger(topic="order-placed", effect="order", archive=True)
async def place_orders(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Check orders and book them."""
    return await handlers.book_orders(deliveries, collaborators)


@_fact_trigger(topic="order-changed", effect="order", archive=True)
async def change_orders(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Check changed orders and replace what stands."""
    return await handlers.book_orders(deliveries, collaborators)


@_fact_trigger(topic="order-cancelled", effect="order", archive=True)
async def cancel_orders(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Cancel orders."""
    return await handlers.cancel_orders(deliveries, collaborators)


@_fact_trigger(topic="payment-captured", effect="payment", archive=True)
async def book_payments(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book payments once their order is."""
    return await handlers.book_payments(deliveries, collaborators)


parking_timer(app, subscriptions=(SUBSCRIPTION,), wiring=wiring.collaborators)
