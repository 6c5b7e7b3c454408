"""Take back the points of a sale or return: what is left of what it earned, and what it took.

After that a sale's returns take nothing back, and what a return took can be taken by another.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from services.customers.collaborators import Collaborators
from services.customers.earning import EARNINGS, Earning, Sale, returned_of
from services.customers.earnings import cards_of, changed_records
from services.customers.entries import Entries, Prepared
from shared.booking import not_reversible
from shared.bus import Delivery, Later
from shared.dynamics.ports.loyalty import PointsEntry, PointsKind

ROUNDS: Final = 6


async def reversed_sale_points(
    sale: Sale, order: Delivery, collaborators: Collaborators
) -> Prepared[PointsEntry]:
    """Return the entries that take a sale's points back, kept before they are booked."""
    reversal, own = str(order.event.id), str(sale.key)
    for _ in range(ROUNDS):
        stored = await collaborators.records.read(EARNINGS, [own, *map(str, returned_of(sale))])
        earnings = {key: Earning.model_validate_json(record.text) for key, record in stored.items()}
        cards = await cards_of(earnings, collaborators.archive) | {own: sale.loyalty_card or ""}
        earnings = {
            key: each.reverse(reversal)
            if key == own
            else each.give_back(str(sale.event_id), reversal)
            for key, each in earnings.items()
        }
        changed = changed_records(earnings, stored, collaborators.clock())
        if not changed or not await collaborators.records.write(changed):
            return _entries(sale, earnings, cards, order, collaborators)
    return Later("other returns of the same sale are at work")


def _entries(
    sale: Sale,
    earnings: Mapping[str, Earning],
    cards: Mapping[str, str],
    order: Delivery,
    collaborators: Collaborators,
) -> Prepared[PointsEntry]:
    reversal, settings = str(order.event.id), collaborators.companies[sale.key.company]
    by_card: dict[str, int] = {}
    for key, each in sorted(earnings.items()):
        if key == str(sale.key):
            points = -each.left if each.reversed_by == reversal else 0
        else:
            points = sum(taken.points for taken in each.given_back.get(reversal, ()))
        card = cards.get(key, "")
        by_card[card] = by_card.get(card, 0) + points
    entries = tuple(
        PointsEntry(
            company=settings.entity(sale.key.company),
            key=f"reversal/{reversal}" + (f"-{place}" if place else ""),
            card=card,
            kind=PointsKind.EARNING_REVERSED if points < 0 else PointsKind.ADJUSTED,
            points=Decimal(points),
            reward=settings.points_reward,
            at=order.event.data.ordered_at,
        )
        for place, (card, points) in enumerate(by_card.items())
        if points and card
    )
    if not entries:
        detail = "nothing is left to take back: returns have done so, or the customer is erased"
        return not_reversible(detail)
    return Entries(sale.key.company, collaborators.loyalty[settings.loyalty], entries)
