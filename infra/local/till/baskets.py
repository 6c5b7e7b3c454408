"""A plausible trading day, made up from a seed: the same seed gives the same facts, to the id."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from heapq import merge

from shared.events import Fact, SaleCompleted, TransactionKey

from .assortment import ARTICLES, Article, basket_discount, payment, position
from .closing import DayTotals, Transaction
from .mix import Mix, MixedDay
from .pricing import exactly, ring_up, take_back
from .regimes import REGIMES
from .stores import OPEN_FOR, OPENS, STORES, TICK, Store

__all__ = ["ARTICLES", "OPENS", "OPEN_FOR", "STORES", "Article", "Mix", "Store", "TradingDay"]


class TradingDay(Iterable[Fact]):
    """One business day of some stores: sales and returns of all in time order, then the closes.

    About one transaction in twenty is a return of lines sold earlier that day at the same terminal.
    With a `mix` the stores do everything else a till does too: exchanges, returns elsewhere or
    without receipt, gift cards, points, voids, training, the drawer; see `mix.py`.
    """

    def __init__(
        self,
        seed: int,
        stores: Sequence[Store] = STORES,
        business_day: date = date(2026, 3, 2),
        *,
        transactions_per_store: int = 100,
        mix: Mix | None = None,
    ) -> None:
        self._mix = mix
        self._seed = seed
        self._stores = tuple(stores)
        self._day = business_day
        self._per_store = transactions_per_store

    def __iter__(self) -> Iterator[Fact]:
        if self._mix is not None:
            return iter(MixedDay(self._seed, self._stores, self._day, self._per_store, self._mix))
        return self._sales_and_returns()

    def _sales_and_returns(self) -> Iterator[Fact]:
        totals = {(store.company, store.number): self._totals(store) for store in self._stores}
        days = [self._trade(store) for store in self._stores]
        for fact in merge(*days, key=lambda fact: (fact.occurred_at, str(fact.key))):
            totals[fact.place].add(fact)
            yield fact
        closed_at = datetime.combine(self._day, OPENS) + OPEN_FOR + timedelta(minutes=30)
        for store_totals in totals.values():
            yield store_totals.close(closed_at)

    def _totals(self, store: Store) -> DayTotals:
        currency = REGIMES[store.company].terms.currency
        return DayTotals(store.company, store.number, self._day, currency)

    def _trade(self, store: Store) -> Iterator[Transaction]:
        chance = random.Random(f"{self._seed}/{store.company}/{store.number}/{self._day}")
        moments = sorted(chance.sample(range(OPEN_FOR // TICK), self._per_store))
        tills = [_Till(store, terminal, self._day, chance) for terminal in store.terminals]
        for ticks in moments:
            moment = datetime.combine(self._day, OPENS) + ticks * TICK
            yield chance.choice(tills).next_transaction(moment)


class _Till:
    """One terminal: its counter, and the sales of the day that may still come back."""

    def __init__(
        self, store: Store, terminal: str, business_day: date, chance: random.Random
    ) -> None:
        self._store = store
        self._terminal = terminal
        self._day = business_day
        self._chance = chance
        self._regime = REGIMES[store.company]
        self._sequence = 0
        self._returnable: list[SaleCompleted] = []

    def next_transaction(self, moment: datetime) -> Transaction:
        self._sequence += 1
        key = TransactionKey(
            company=self._store.company,
            store=self._store.number,
            business_day=self._day,
            terminal=self._terminal,
            sequence=self._sequence,
        )
        receipt = f"{self._terminal}-{self._sequence:06d}"
        if self._returnable and self._chance.random() < 0.05:
            return self._return(key, moment, receipt)
        sale = self._sale(key, moment, receipt)
        self._returnable.append(sale)
        return sale

    def _return(self, key: TransactionKey, moment: datetime, receipt: str) -> Transaction:
        position = self._chance.randrange(len(self._returnable))
        sale = self._returnable.pop(position)
        numbers = [line.number for line in sale.lines]
        chosen = self._chance.sample(numbers, self._chance.randint(1, len(numbers)))
        means = self._chance.choice(("cash", "card"))
        return take_back(
            key,
            moment,
            sale,
            chosen,
            exactly(means, sale.currency),
            reason=self._chance.choice(("unwanted", "damaged", "wrong-size")),
            receipt=receipt,
            rounding_step=self._regime.smallest_coin if means == "cash" else None,
        )

    def _sale(self, key: TransactionKey, moment: datetime, receipt: str) -> SaleCompleted:
        chance, regime = self._chance, self._regime
        size = chance.choices((1, 2, 3, 4, 6, 10), (3, 4, 4, 3, 2, 1))[0]
        articles = chance.sample(ARTICLES, size)
        positions = [position(article, regime, self._day, chance) for article in articles]
        paying, in_cash = payment(regime, chance)
        return ring_up(
            key,
            moment,
            positions,
            regime.terms,
            paying,
            basket_discounts=basket_discount(positions, regime, chance),
            rounding_step=regime.smallest_coin if in_cash else None,
            receipt=receipt,
            cashier=f"C{chance.randint(1, 9)}",
            customer=f"K{chance.randint(1000, 9999)}" if chance.random() < 0.3 else None,
        )
