"""Orders: web orders become sales orders, payments customer payments; see README.md."""

from __future__ import annotations

from collections.abc import Sequence

import azure.functions as func

from services.orders import handlers, wiring
from shared.bus import Delivery, Outcome
from shared.bus.triggers import parking_timer, subscription_trigger

app = func.Blueprint()  # type: ignore[no-untyped-call]

SUBSCRIPTION = "orders"


@subscription_trigger(
    app,
    topic="order-placed",
    subscription=SUBSCRIPTION,
    wiring=wiring.collaborators,
    announce=True,
    effect="order",
    archive=True,
)
async def place_orders(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Check orders and book them."""
    return await handlers.book_orders(deliveries, collaborators)


@subscription_trigger(
    app,
    topic="order-changed",
    subscription=SUBSCRIPTION,
    wiring=wiring.collaborators,
    announce=True,
    effect="order",
    archive=True,
)
async def change_orders(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Check changed orders and replace what stands."""
    return await handlers.book_orders(deliveries, collaborators)


@subscription_trigger(
    app,
    topic="order-cancelled",
    subscription=SUBSCRIPTION,
    wiring=wiring.collaborators,
    announce=True,
    effect="order",
    archive=True,
)
async def cancel_orders(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Cancel orders."""
    return await handlers.cancel_orders(deliveries, collaborators)


@subscription_trigger(
    app,
    topic="payment-captured",
    subscription=SUBSCRIPTION,
    wiring=wiring.collaborators,
    announce=True,
    effect="payment",
    archive=True,
)
async def book_payments(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book payments once their order is."""
    return await handlers.book_payments(deliveries, collaborators)


parking_timer(app, subscriptions=(SUBSCRIPTION,), wiring=wiring.collaborators)
