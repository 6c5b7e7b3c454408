"""What the tills of a company know of earlier business: sales that may come back, gift cards,
points."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal

from shared.events import SaleCompleted, SaleReturned

from .returns import Refunds


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction whose goods may come back, and what of them has."""

    store: str
    terminal: str
    refunds: Refunds
    customer: str | None


@dataclass(slots=True)
class Memory:
    """One company's."""

    receipts: list[Receipt] = field(default_factory=list)
    cards: dict[str, Decimal] = field(default_factory=dict)
    """Balance by gift card."""
    points: dict[str, Decimal] = field(default_factory=dict)
    """Points by customer, of those who ever had some."""

    def sold(self, sale: SaleCompleted | SaleReturned) -> None:
        """Remember what was sold; nothing where only goods came back."""
        refunds = Refunds(sale)
        if refunds.numbers:
            receipt = Receipt(sale.key.store, sale.key.terminal, refunds, sale.customer)
            self.receipts.append(receipt)

    def receipt(
        self, chance: random.Random, store: str, terminal: str, elsewhere_percent: int
    ) -> Receipt | None:
        """Return a receipt a customer brings to this till; None where there is none at all.

        One in three from elsewhere is another store's, where it has any; what is asked for and not
        there is sought nearer by.
        """
        self.receipts = [each for each in self.receipts if each.refunds.numbers]
        groups: list[list[Receipt]] = [[], [], []]
        for each in self.receipts:
            near = 0 if each.store != store else 1 if each.terminal != terminal else 2
            groups[near].append(each)
        other_stores, other_tills, own = groups
        order = [own, other_tills, other_stores]
        if chance.randrange(100) < elsewhere_percent:
            order = [other_tills, own, other_stores]
            if chance.randrange(3) == 0:
                order = [other_stores, other_tills, own]
        for group in order:
            if group:
                return chance.choice(group)
        return None

    def customer(self, chance: random.Random) -> str:
        """Return somebody who is known by name: half of them have been here before."""
        if self.points and chance.random() < 0.5:
            return chance.choice(list(self.points))
        return f"K{chance.randint(1000, 9999)}"

    def add_points(self, customer: str, points: Decimal) -> None:
        """Give points to a customer, or take them where negative."""
        self.points[customer] = self.points.get(customer, Decimal(0)) + points

    def card_with_money(self, chance: random.Random) -> tuple[str, Decimal] | None:
        """Return a gift card that can pay something, and how much; None if there is none."""
        filled = [(card, balance) for card, balance in self.cards.items() if balance > 0]
        return chance.choice(filled) if filled else None

    def new_card(self, company: str) -> str:
        """Return a card number nobody has; gift cards are no payment cards."""
        return f"GC-{company.upper()}-{len(self.cards) + 1:05d}"
