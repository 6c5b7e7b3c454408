"""Gift cards sold, topped up and redeemed: one entry per fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.customers.books import EntriesBook
from services.customers.cards import GIFT_CARDS, Cards
from services.customers.collaborators import Collaborators
from services.customers.entries import Entries, Prepared, book_entries
from shared.booking import configured
from shared.bus import Delivery, Outcome, Rejected, or_later
from shared.companies import Company
from shared.dynamics.ports.loyalty import CardMovement, GiftCardEntry
from shared.events import GiftCardRedeemed, GiftCardSold

GiftCardFact = GiftCardSold | GiftCardRedeemed


async def book_gift_cards(
    deliveries: Sequence[Delivery], collaborators: Collaborators
) -> list[Outcome]:
    """Return one outcome per delivery."""
    prepared: dict[UUID, Prepared[GiftCardEntry]] = {}
    for delivery in deliveries:
        prepared.setdefault(delivery.event.id, _prepared(delivery.event.data, collaborators))
    return await book_gift_card_entries(deliveries, prepared, collaborators)


async def book_gift_card_entries(
    deliveries: Sequence[Delivery],
    prepared: Mapping[UUID, Prepared[GiftCardEntry]],
    collaborators: Collaborators,
) -> list[Outcome]:
    """Book what each delivery is to be entered as, of the effect gift-card."""
    cards = Cards(GIFT_CARDS, collaborators.records, collaborators.clock)
    booking = book_entries("gift-card", deliveries, prepared, cards, _balance, collaborators)
    return await or_later(booking, len(deliveries))


def _prepared(fact: GiftCardFact, collaborators: Collaborators) -> Prepared[GiftCardEntry]:
    company = fact.transaction.company
    settings = configured(collaborators.companies, company, fact.currency)
    if isinstance(settings, Rejected):
        return settings
    entry = gift_card_entry(fact, settings)
    issues = entry.movement is CardMovement.ISSUED
    return Entries(
        company,
        collaborators.gift_cards[settings.gift_cards],
        (entry,),
        opens=frozenset({fact.card} if issues else ()),
        amount=entry.amount,
        currency=fact.currency,
    )


def gift_card_entry(fact: GiftCardFact, settings: Company) -> GiftCardEntry:
    """Return the entry; the same fact always gives the same."""
    movement = _movement(fact)
    sign = -1 if movement is CardMovement.REDEEMED else +1
    return GiftCardEntry(
        company=settings.entity(fact.transaction.company),
        key=f"{fact.natural_key()}/{movement}",
        card=fact.card,
        movement=movement,
        amount=sign * fact.amount,
        currency=fact.currency,
        at=fact.occurred_at,
    )


def _movement(fact: GiftCardFact) -> CardMovement:
    if isinstance(fact, GiftCardRedeemed):
        return CardMovement.REDEEMED
    return CardMovement.ADDED if fact.is_top_up else CardMovement.ISSUED


async def _balance(book: EntriesBook[Any], entry: GiftCardEntry) -> Decimal | None:
    balance: Decimal | None = await book.port.balance(entry.company, entry.card)
    return balance
