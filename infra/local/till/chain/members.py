"""Who has a loyalty card of a company: registered at the till that first sees it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.events import CustomerRegistered, Fact, LoyaltyEarned, LoyaltyRedeemed


class Members:
    """One company's; points are booked on cards somebody has."""

    def __init__(self) -> None:
        self._cards: set[str] = set()

    def registered(self, facts: Iterable[Fact], store: str, at: datetime) -> list[Fact]:
        """Return the facts, registrations of the cards in them that nobody had before first."""
        done = list(facts)
        new: list[Fact] = []
        for fact in done:
            if isinstance(fact, LoyaltyEarned | LoyaltyRedeemed) and fact.card not in self._cards:
                self._cards.add(fact.card)
                new.append(_registration(fact, store, at))
        return new + done


def _registration(
    fact: LoyaltyEarned | LoyaltyRedeemed, store: str, at: datetime
) -> CustomerRegistered:
    customer = fact.customer or fact.card
    return CustomerRegistered(
        company=fact.transaction.company,
        customer=customer,
        version=0,
        source="till",
        changed_at=at,
        store=store,
        name=f"Customer {customer}",
        email=f"{customer.lower()}@customers.example",
        loyalty_card=fact.card,
    )
