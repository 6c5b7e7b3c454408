"""A terminal apart from what is sold at it: its counter, and the money in its drawer."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

from shared.events import (
    CashMoved,
    CountedTender,
    Fact,
    SaleCompleted,
    SaleReturned,
    TenderDeclared,
    TransactionKey,
    TransactionRecorded,
)

from .regimes import REGIMES
from .stores import TICK, Store

SUPERVISOR = "C1"


class Terminal:
    """One terminal on one day; its counter goes on after `used`."""

    def __init__(
        self, store: Store, number: str, day: date, chance: random.Random, *, used: int = 0
    ) -> None:
        self.store = store
        self.number = number
        self._day = day
        self._chance = chance
        self._sequence = used
        self._regime = REGIMES[store.company]
        self._drawer: dict[str, Decimal] = defaultdict(Decimal)

    @property
    def receipt(self) -> str:
        """Return what the receipt of the transaction at hand is called."""
        return f"{self.number}-{self._sequence:06d}"

    @property
    def used(self) -> int:
        """Return the last number of the counter."""
        return self._sequence

    def next_key(self) -> TransactionKey:
        """Begin a transaction; return its key."""
        self._sequence += 1
        return TransactionKey(
            company=self.store.company,
            store=self.store.number,
            business_day=self._day,
            terminal=self.number,
            sequence=self._sequence,
        )

    def cashier(self) -> str:
        """Return who is at the till just now."""
        return f"C{self._chance.randint(1, 9)}"

    def record(
        self, kind: Literal["suspended", "resumed", "training", "no-sale"], moment: datetime
    ) -> Fact:
        """Use a number for what moves neither goods nor money."""
        return TransactionRecorded(
            key=self.next_key(), occurred_at=moment, cashier=self.cashier(), kind=kind
        )

    def begin_again(self, moment: datetime, first: int) -> TransactionRecorded:
        """Go on counting from `first`, as a till does that was installed anew."""
        last_before, self._sequence = self._sequence, first - 1
        return TransactionRecorded(
            key=self.next_key(),
            occurred_at=moment,
            cashier=SUPERVISOR,
            kind="counter-reset",
            last_before=last_before,
        )

    def open(self, moment: datetime) -> list[Fact]:
        """Put the float into the drawer: ten notes."""
        return [self._move("float-entry", 10 * self._regime.note, moment)]

    def close(self, moment: datetime) -> list[Fact]:
        """Count the drawer, and bring what is above the float to the bank in whole notes."""
        declared = TenderDeclared(
            key=self.next_key(),
            occurred_at=moment,
            cashier=SUPERVISOR,
            tenders=tuple(
                CountedTender(type="cash", currency=currency, amount=max(amount, Decimal(0)))
                for currency, amount in sorted(self._drawer.items())
            ),
        )
        note = self._regime.note
        notes = (self._drawer[self._regime.terms.currency] / note).quantize(Decimal(1), ROUND_FLOOR)
        if notes <= 10:
            return [declared]
        return [declared, self._move("bank-drop", (notes - 10) * note, moment + TICK)]

    def count(self, sale: SaleCompleted | SaleReturned) -> None:
        """Put the cash of a transaction into the drawer, or take it out."""
        taken_in = isinstance(sale, SaleCompleted)
        for tender in sale.tenders:
            if tender.type == "cash":
                sign = 1 if taken_in != tender.is_change else -1
                self._drawer[tender.currency] += sign * tender.amount

    def _move(
        self, kind: Literal["float-entry", "bank-drop"], amount: Decimal, moment: datetime
    ) -> Fact:
        moved = CashMoved(
            key=self.next_key(),
            occurred_at=moment,
            cashier=SUPERVISOR,
            kind=kind,
            currency=self._regime.terms.currency,
            amount=amount,
        )
        self._drawer[moved.currency] += moved.drawer_amount
        return moved
