"""Inventory: what moves and is counted in the stores, as stock; see README.md for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import azure.functions as func

from services.inventory import handlers, wiring
from services.inventory.pruning import prune
from shared.bus import Delivery, Outcome
from shared.bus.triggers import left_to_owner, parking_timer, service_timer, subscription_trigger

app = func.Blueprint()  # type: ignore[no-untyped-call]

SUBSCRIPTION = "inventory"

_fact_trigger = partial(
    subscription_trigger,
    app,
    subscription=SUBSCRIPTION,
    wiring=wiring.collaborators,
    announce=True,
)


@_fact_trigger(topic="sale-completed", effect="stock", note_invalid=left_to_owner, lanes=True)
async def book_sold(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Take what was sold out of stock."""
    return await handlers.book(deliveries, collaborators)


@_fact_trigger(topic="sale-returned", effect="stock", note_invalid=left_to_owner, lanes=True)
async def book_returned(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Put what came back into stock."""
    return await handlers.book(deliveries, collaborators)


@_fact_trigger(topic="inventory-adjusted", effect="stock", archive=True)
async def book_adjustments(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book receipts, damage, shrinkage, adjustments and transfers."""
    return await handlers.book(deliveries, collaborators)


@_fact_trigger(topic="stock-counted", effect="stock", archive=True)
async def book_counts(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book what was counted."""
    return await handlers.book(deliveries, collaborators)


@_fact_trigger(topic="reversal-ordered", effect="stock", note_invalid=left_to_owner)
async def take_back(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Take back what a fact did to stock."""
    return await handlers.take_back(deliveries, collaborators)


parking_timer(app, subscriptions=(SUBSCRIPTION,), wiring=wiring.collaborators)


@service_timer(app, schedule="0 30 3 * * *", wiring=wiring.collaborators)
async def forget_movements(collaborators: wiring.Wired) -> None:
    """Forget movements older than any count that is still taken."""
    await prune(collaborators.records, collaborators.clock(), collaborators.horizon)
