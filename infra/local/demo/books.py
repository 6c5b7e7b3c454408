"""Do the books agree? What was told against what Dynamics holds, thing by thing.

Both sides are counted here: neither a service nor its store is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.events import Effect

Where = tuple[str, ...]
Kept = tuple[Effect, str]
"""An effect, and the product that keeps its documents."""


@dataclass(frozen=True)
class Books:
    """One side's account of the day. Absent is zero."""

    documents: Mapping[Kept, int]
    money: Mapping[Where, Decimal]
    """Signed sales and returns by product and company there."""
    points: Mapping[Where, Decimal]
    """Balance by company and loyalty card."""
    gift_cards: Mapping[Where, Decimal]
    """Balance by company and gift card."""
    stock: Mapping[Where, Decimal]
    """On hand by company, store and item."""
    orders: Mapping[Where, Decimal]
    """Worth of web orders that stand, by company and order."""
    payments: Mapping[Where, Decimal]
    """Money for web orders, by company and payment."""


@dataclass(frozen=True)
class Aspect:
    """What the two sides say about one thing."""

    name: str
    of: str
    """What there are so many of."""
    told: Mapping[Where, Decimal]
    held: Mapping[Where, Decimal]

    def differences(self) -> Iterator[str]:
        """Yield every difference as a sentence."""
        for where in sorted(self.told.keys() | self.held.keys()):
            told = self.told.get(where, Decimal(0))
            held = self.held.get(where, Decimal(0))
            if told != held:
                yield f"{self.name} of {'/'.join(where)}: told {told}, in Dynamics {held}"


def aspects(told: Books, held: Books) -> list[Aspect]:
    """Return both sides of everything that has a value."""
    return [
        Aspect("money", "ledgers", told.money, held.money),
        Aspect("stock", "articles in a store", told.stock, held.stock),
        Aspect("points", "loyalty cards", told.points, held.points),
        Aspect("gift cards", "cards", told.gift_cards, held.gift_cards),
        Aspect("web orders", "orders", told.orders, held.orders),
        Aspect("payments", "payments", told.payments, held.payments),
    ]


def compare(told: Books, held: Books, announced: Mapping[Kept, int]) -> list[str]:
    """Return every difference as a sentence; empty when the books agree."""
    return [
        *_documents(told, held, announced),
        *(sentence for aspect in aspects(told, held) for sentence in aspect.differences()),
    ]


def _documents(told: Books, held: Books, announced: Mapping[Kept, int]) -> Iterator[str]:
    """Yield where facts, announcements and documents are not equally many.

    Stock is no document but a change per line; its quantities are compared.
    """
    for kept in sorted(told.documents.keys() | held.documents.keys() | announced.keys()):
        effect, product = kept
        wanted = told.documents.get(kept, 0)
        if announced.get(kept, 0) != wanted:
            yield f"{effect} in {product}: {wanted} facts, {announced.get(kept, 0)} announced"
        if effect != "stock" and held.documents.get(kept, 0) != wanted:
            yield f"{effect} in {product}: {wanted} facts, {held.documents.get(kept, 0)} documents"
