"""Points that tills say were earned or spent: one entry per fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.customers.books import EntriesBook
from services.customers.cards import LOYALTY_CARDS, Cards
from services.customers.collaborators import Collaborators
from services.customers.entries import Entries, Prepared, book_entries
from shared.booking import configured
from shared.bus import Delivery, Outcome, Rejected, or_later
from shared.companies import Company
from shared.dynamics.ports.loyalty import PointsEntry, PointsKind
from shared.events import LoyaltyEarned, LoyaltyRedeemed

PointsFact = LoyaltyEarned | LoyaltyRedeemed

_KINDS: Mapping[type[PointsFact], tuple[PointsKind, int]] = {
    LoyaltyEarned: (PointsKind.EARNED, +1),
    LoyaltyRedeemed: (PointsKind.REDEEMED, -1),
}


async def book_points(
    deliveries: Sequence[Delivery], collaborators: Collaborators
) -> list[Outcome]:
    """Return one outcome per delivery."""

    def entries(fact: PointsFact, settings: Company) -> Entries[PointsEntry]:
        book = collaborators.loyalty[settings.loyalty]
        return Entries(fact.transaction.company, book, (points_entry(fact, settings),))

    prepared: dict[UUID, Prepared[PointsEntry]] = {}
    for delivery in deliveries:
        fact = delivery.event.data
        settings = configured(collaborators.companies, fact.transaction.company)
        prepared.setdefault(
            delivery.event.id,
            settings if isinstance(settings, Rejected) else entries(fact, settings),
        )
    return await book_point_entries(deliveries, prepared, collaborators)


async def book_point_entries(
    deliveries: Sequence[Delivery],
    prepared: Mapping[UUID, Prepared[PointsEntry]],
    collaborators: Collaborators,
) -> list[Outcome]:
    """Book what each delivery is to be entered as, of the effect points."""
    cards = Cards(LOYALTY_CARDS, collaborators.records, collaborators.clock)
    booking = book_entries("points", deliveries, prepared, cards, _balance, collaborators)
    return await or_later(booking, len(deliveries))


def points_entry(fact: PointsFact, settings: Company) -> PointsEntry:
    """Return the entry; the same fact always gives the same."""
    kind, sign = _KINDS[type(fact)]
    return PointsEntry(
        company=settings.entity(fact.transaction.company),
        key=f"{fact.natural_key()}/{kind}",
        card=fact.card,
        kind=kind,
        points=sign * fact.points,
        reward=fact.reward,
        at=fact.occurred_at,
    )


async def _balance(book: EntriesBook[Any], entry: PointsEntry) -> Decimal | None:
    balance: Decimal | None = await book.port.balance(entry.company, entry.card, entry.reward)
    return balance
