"""Customers: who they are, their points, gift cards and feedback; see README.md for operators."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import azure.functions as func

from services.customers import (
    decisions,
    feedback,
    gift_cards,
    handlers,
    points,
    reversals,
    sale_points,
    wiring,
)
from shared.bus import Delivery, Outcome
from shared.bus.triggers import left_to_owner, parking_timer, service_timer, subscription_trigger

app = func.Blueprint()  # type: ignore[no-untyped-call]

SUBSCRIPTION = "customers"

_fact_trigger = partial(
    subscription_trigger,
    app,
    subscription=SUBSCRIPTION,
    wiring=wiring.collaborators,
    announce=True,
)


@_fact_trigger(topic="customer-registered", effect="customer", archive=True)
async def register_customers(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book new customers."""
    return await handlers.update_customers(deliveries, collaborators)


@_fact_trigger(topic="customer-updated", effect="customer", archive=True)
async def update_customers(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book changes of customers."""
    return await handlers.update_customers(deliveries, collaborators)


@_fact_trigger(topic="loyalty-earned", effect="points", archive=True)
async def book_points_earned(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book points that tills say were earned."""
    return await points.book_points(deliveries, collaborators)


@_fact_trigger(topic="loyalty-redeemed", effect="points", archive=True)
async def book_points_redeemed(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book points that were spent."""
    return await points.book_points(deliveries, collaborators)


@_fact_trigger(topic="gift-card-sold", effect="gift-card", archive=True)
async def book_gift_cards_sold(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book gift cards issued and topped up."""
    return await gift_cards.book_gift_cards(deliveries, collaborators)


@_fact_trigger(topic="gift-card-redeemed", effect="gift-card", archive=True)
async def book_gift_cards_redeemed(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book gift cards that paid."""
    return await gift_cards.book_gift_cards(deliveries, collaborators)


@_fact_trigger(topic="feedback-given", effect="note", archive=True)
async def note_feedback(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Note what customers said."""
    return await feedback.note_feedback(deliveries, collaborators)


@_fact_trigger(topic="sale-completed", effect="points", note_invalid=left_to_owner, lanes=True)
async def give_points_for_sales(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Book the points sales earn, where the company's rate says how many."""
    return await sale_points.book_sale_points(deliveries, collaborators)


@_fact_trigger(topic="sale-returned", effect="points", note_invalid=left_to_owner, lanes=True)
async def take_points_back_for_returns(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Take back the points that what was returned has earned."""
    return await sale_points.book_sale_points(deliveries, collaborators)


@_fact_trigger(topic="reversal-ordered", archive=True)
async def reverse_customer_effects(
    deliveries: Sequence[Delivery], collaborators: wiring.Wired
) -> Sequence[Outcome]:
    """Take back points, gift-card entries and notes, as operators order."""
    return await reversals.reverse(deliveries, collaborators)


parking_timer(app, subscriptions=(SUBSCRIPTION,), wiring=wiring.collaborators)


@service_timer(app, schedule="15 * * * * *", wiring=wiring.collaborators)
async def carry_out_decisions(collaborators: wiring.Wired) -> None:
    """Every minute, carry out what people decided on conflicts."""
    await decisions.carry_out(collaborators)
