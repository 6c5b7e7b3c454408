"""Adds up a store's day as its tills would, for the fact that closes it."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

from shared.events import (
    CounterReset,
    Fact,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    TenderTotal,
    TerminalDay,
    TransactionKey,
    TransactionRecorded,
)

Transaction = SaleCompleted | SaleReturned


class DayTotals:
    """The counters and totals of one store and business day, transaction by transaction."""

    def __init__(self, company: str, store: str, business_day: date, currency: str) -> None:
        self._store = (company, store, business_day)
        self._currency = currency
        self._runs: dict[str, list[list[int]]] = defaultdict(lambda: [[]])
        self._sales: dict[str, int] = defaultdict(int)
        self._returns: dict[str, int] = defaultdict(int)
        self._total = Decimal(0)
        self._tenders: dict[tuple[str, str], Decimal] = defaultdict(Decimal)

    @property
    def transactions(self) -> int:
        """Return how many transaction numbers were used."""
        return sum(len(run) for runs in self._runs.values() for run in runs)

    def note(self, fact: Fact) -> None:
        """Count any fact of this store and day: its money, its number, a counter begun again."""
        if isinstance(fact, SaleCompleted | SaleReturned):
            self.add(fact)
        elif isinstance(fact, TransactionRecorded) and fact.kind == "counter-reset":
            self._runs[fact.key.terminal].append([fact.key.sequence])
        elif isinstance(key := getattr(fact, "key", None), TransactionKey):
            self.use(key)

    def add(self, transaction: Transaction) -> None:
        """Count one sale or return of this store and day."""
        self.use(transaction.key)
        taken_in = isinstance(transaction, SaleCompleted)
        (self._sales if taken_in else self._returns)[transaction.key.terminal] += 1
        self._total += transaction.signed_amount
        for tender in transaction.tenders:
            sign = 1 if taken_in != tender.is_change else -1
            self._tenders[tender.type, tender.currency] += sign * tender.amount

    def use(self, key: TransactionKey) -> None:
        """Count a number that was used, by whatever transaction."""
        self._runs[key.terminal][-1].append(key.sequence)

    def close(self, closed_at: datetime, revision: int = 0) -> StoreDayClosed:
        """Return the fact that closes the day."""
        company, store, business_day = self._store
        return StoreDayClosed(
            company=company,
            store=store,
            business_day=business_day,
            revision=revision,
            closed_at=closed_at,
            terminals=tuple(
                TerminalDay(
                    terminal=terminal,
                    first_sequence=min(runs[0]),
                    last_sequence=max(runs[-1]),
                    resets=tuple(
                        CounterReset(last_before=max(before), first_after=min(after))
                        for before, after in pairwise(runs)
                    ),
                    sales=self._sales[terminal],
                    returns=self._returns[terminal],
                )
                for terminal, runs in sorted(self._runs.items())
            ),
            currency=self._currency,
            total=self._total,
            tender_totals=tuple(
                TenderTotal.model_validate({"type": means, "currency": currency, "amount": amount})
                for (means, currency), amount in sorted(self._tenders.items())
            ),
        )
