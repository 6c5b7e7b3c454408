"""Take back one effect of a fact, as an operator ordered: the opposite, under a key of its own.

A note is withdrawn by another. What customers are called and where they live cannot be taken back
by a document, and effects of other services are theirs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from services.customers.collaborators import Collaborators
from services.customers.entries import Entries, Prepared
from services.customers.feedback import feedback_note, no_notes, note_plan, notes_book
from services.customers.gift_cards import book_gift_card_entries, gift_card_entry
from services.customers.point_reversals import reversed_sale_points
from services.customers.points import book_point_entries, points_entry
from shared.booking import Booker, Plan, configured, not_reversible, ordered_back
from shared.bus import Delivery, Done, Outcome, Rejected, or_later
from shared.dynamics.ports.loyalty import CardMovement, GiftCardEntry, PointsEntry, PointsKind
from shared.dynamics.ports.notes import Note
from shared.events import (
    ERASED,
    Effect,
    Event,
    FeedbackGiven,
    GiftCardRedeemed,
    GiftCardSold,
    LoyaltyEarned,
    LoyaltyRedeemed,
    ReversalOrdered,
    SaleCompleted,
    SaleReturned,
)

_OPPOSITE: Final[Mapping[CardMovement, CardMovement]] = {
    CardMovement.ISSUED: CardMovement.CASHED_OUT,
    CardMovement.ADDED: CardMovement.CASHED_OUT,
    CardMovement.REDEEMED: CardMovement.REFUNDED,
}


async def reverse(deliveries: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    """Return one outcome per delivery; done at once where the effect is another service's."""
    return await or_later(_reverse(deliveries, collaborators), len(deliveries))


async def _reverse(deliveries: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    outcomes: list[Outcome] = [Done()] * len(deliveries)
    by_effect: dict[Effect, list[int]] = {}
    for place, delivery in enumerate(deliveries):
        by_effect.setdefault(delivery.event.data.effect, []).append(place)
    for effect, places in by_effect.items():
        if effect in _REVERSING:
            orders = [deliveries[place] for place in places]
            answers = await _REVERSING[effect](orders, collaborators)
            for place, answer in zip(places, answers, strict=True):
                outcomes[place] = answer
    return outcomes


async def _points(orders: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    prepared: dict[UUID, Prepared[PointsEntry]] = {}
    for order in orders:
        event = await _event(order, collaborators)
        prepared[order.event.id] = (
            event
            if isinstance(event, Rejected)
            else await _reversed_points(event, order, collaborators)
        )
    return await book_point_entries(orders, prepared, collaborators)


async def _reversed_points(
    event: Event[Any], order: Delivery, collaborators: Collaborators
) -> Prepared[PointsEntry]:
    fact = event.data
    if isinstance(fact, SaleCompleted | SaleReturned):
        return await reversed_sale_points(fact, order, collaborators)
    if not isinstance(fact, LoyaltyEarned | LoyaltyRedeemed):
        return not_reversible(f"no points are booked for a {event.type}")
    if fact.card == ERASED:
        return not_reversible("the card has been erased; take the points back by hand")
    settings = collaborators.companies[fact.transaction.company]
    booked = points_entry(fact, settings)
    is_earning = booked.kind is PointsKind.EARNED
    entry = PointsEntry(
        company=booked.company,
        key=f"reversal/{order.event.id}",
        card=booked.card,
        kind=PointsKind.EARNING_REVERSED if is_earning else PointsKind.ADJUSTED,
        points=-booked.points,
        reward=booked.reward,
        at=order.event.data.ordered_at,
    )
    book = collaborators.loyalty[settings.loyalty]
    return Entries(fact.transaction.company, book, (entry,))


async def _gift_cards(orders: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    prepared: dict[UUID, Prepared[GiftCardEntry]] = {}
    for order in orders:
        event = await _event(order, collaborators)
        prepared[order.event.id] = (
            event
            if isinstance(event, Rejected)
            else _reversed_gift_card(event, order, collaborators)
        )
    return await book_gift_card_entries(orders, prepared, collaborators)


def _reversed_gift_card(
    event: Event[Any], order: Delivery, collaborators: Collaborators
) -> Prepared[GiftCardEntry]:
    fact = event.data
    if not isinstance(fact, GiftCardSold | GiftCardRedeemed):
        return not_reversible(f"no gift card is booked for a {event.type}")
    settings = collaborators.companies[fact.transaction.company]
    booked = gift_card_entry(fact, settings)
    entry = GiftCardEntry(
        company=booked.company,
        key=f"reversal/{order.event.id}",
        card=booked.card,
        movement=_OPPOSITE[booked.movement],
        amount=-booked.amount,
        currency=booked.currency,
        at=order.event.data.ordered_at,
    )
    return Entries(
        fact.transaction.company,
        collaborators.gift_cards[settings.gift_cards],
        (entry,),
        amount=entry.amount,
        currency=entry.currency,
    )


async def _notes(orders: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    events = {order.event.id: await _event(order, collaborators) for order in orders}

    def prepare(order: Delivery) -> Plan[Note] | Outcome:
        event = events[order.event.id]
        return event if isinstance(event, Rejected) else _withdrawal(event, order, collaborators)

    booker = Booker("note", collaborators.inbox("note"), collaborators.clock)
    return await booker.book(orders, prepare)


def _withdrawal(
    event: Event[Any], order: Delivery, collaborators: Collaborators
) -> Plan[Note] | Outcome:
    fact = event.data
    if not isinstance(fact, FeedbackGiven):
        return not_reversible(f"no note is booked for a {event.type}")
    if fact.customer == ERASED:
        return not_reversible("the customer has been erased, and the notes with them")
    settings = collaborators.companies[fact.company]
    book = notes_book(settings, collaborators)
    if book is None:
        return no_notes(fact.company)
    noted = feedback_note(fact, settings, fact.is_person)
    note = Note(
        company=noted.company,
        key=f"reversal/{order.event.id}",
        customer=noted.customer,
        subject=f"Withdrawn: {noted.subject}",
        text=f"The feedback {fact.feedback} is withdrawn. {order.event.data.reason}",
        is_person=noted.is_person,
    )
    return note_plan(note, fact.company, f"customer/{fact.company}/{fact.customer}", book)


async def _customers(orders: Sequence[Delivery], collaborators: Collaborators) -> list[Outcome]:
    detail = "what is known of a customer is changed back by hand, at the till or in Dynamics"
    return [not_reversible(detail)] * len(orders)


async def _event(order: Delivery, collaborators: Collaborators) -> Event[Any] | Rejected:
    """Return the event whose effect is to be taken back, or why it cannot be."""
    wanted: ReversalOrdered = order.event.data
    event = await ordered_back(wanted, collaborators.inbox(wanted.effect))
    if isinstance(event, Rejected):
        return event
    settings = configured(collaborators.companies, _company(event.data))
    return settings if isinstance(settings, Rejected) else event


def _company(fact: Any) -> str:
    for holder in (fact, getattr(fact, "key", None), getattr(fact, "transaction", None)):
        if company := getattr(holder, "company", ""):
            return str(company)
    return ""


_REVERSING: Mapping[
    Effect, Callable[[Sequence[Delivery], Collaborators], Awaitable[list[Outcome]]]
] = {
    "points": _points,
    "gift-card": _gift_cards,
    "note": _notes,
    "customer": _customers,
    "contact": _customers,
}
