"""A trading day with everything a till does, in the shares of a `Mix`.

Beside sales and returns: exchanges (dearer, cheaper, even), pieces of lines coming back, at another
till or store, without receipt or on a gift receipt; gift cards sold and paid with; points earned
and paid with; baskets given up, suspended and resumed; training and no-sale; the drawer's float,
count and bank drop; the papers the country asks for. The same seed gives the same facts, to the id.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.events import (
    Fact,
    StoreDayClosed,
    StoreDayOpened,
)

from .closing import DayTotals
from .memory import Memory
from .mixed_till import MixedTill
from .regimes import REGIMES
from .stores import OPEN_FOR, OPENS, TICK, Store

BEFORE, AFTER = timedelta(minutes=15), timedelta(minutes=10)
"""How long before its hours a store opens its day, and after them its drawers are counted."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How many of a thousand transactions are of a kind; the rest are sales."""

    returned: int = 50
    exchanged: int = 25
    voided: int = 20
    suspended: int = 12
    training: int = 8
    no_sale: int = 15
    gift_cards_sold: int = 15
    elsewhere_percent: int = 30
    """Of a hundred returns and exchanges, those at another till; a third of them at another store,
    where the company has one."""
    without_receipt_percent: int = 15
    """Of a hundred returns and exchanges."""

    def draw(self, chance: random.Random) -> str:
        """Return a kind of transaction."""
        weights = {
            "returned": self.returned,
            "exchanged": self.exchanged,
            "voided": self.voided,
            "suspended": self.suspended,
            "training": self.training,
            "no-sale": self.no_sale,
            "gift-card": self.gift_cards_sold,
        }
        weights["sale"] = max(0, 1000 - sum(weights.values()))
        return chance.choices(list(weights), list(weights.values()))[0]


class MixedDay(Iterable[Fact]):
    """One business day of some stores, all facts in time order; see the module."""

    def __init__(
        self,
        seed: int,
        stores: Sequence[Store],
        business_day: date,
        transactions_per_store: int,
        mix: Mix,
    ) -> None:
        self._seed = seed
        self._stores = tuple(stores)
        self._day = business_day
        self._per_store = transactions_per_store
        self._mix = mix

    def __iter__(self) -> Iterator[Fact]:
        memories: dict[str, Memory] = defaultdict(Memory)
        trading = [self._trading(store, memories[store.company]) for store in self._stores]
        opening = datetime.combine(self._day, OPENS)
        for each in trading:
            yield from each.open(opening - BEFORE)
        # One loop over all stores: what one has sold may come back to another.
        moments = sorted(
            (moment, index) for index, each in enumerate(trading) for moment in each.moments
        )
        for moment, index in moments:
            yield from trading[index].act(opening + moment * TICK, self._mix)
        for each in trading:
            yield from each.count(opening + OPEN_FOR + AFTER)
        for each in trading:
            yield each.close(opening + OPEN_FOR + 2 * AFTER)

    def _trading(self, store: Store, memory: Memory) -> _Trading:
        chance = random.Random(f"mix/{self._seed}/{store.company}/{store.number}/{self._day}")
        moments = chance.sample(range(OPEN_FOR // TICK), self._per_store)
        tills = [MixedTill(store, each, self._day, chance, memory) for each in store.terminals]
        return _Trading(store, self._day, chance, moments, tills)


class _Trading:
    """One store's day: its tills, and what they add up to."""

    def __init__(
        self,
        store: Store,
        day: date,
        chance: random.Random,
        moments: Sequence[int],
        tills: Sequence[MixedTill],
    ) -> None:
        self.moments = moments
        self._store, self._day, self._chance, self._tills = store, day, chance, tills
        currency = REGIMES[store.company].terms.currency
        self._totals = DayTotals(store.company, store.number, day, currency)

    def open(self, moment: datetime) -> Iterator[Fact]:
        yield StoreDayOpened(
            company=self._store.company,
            store=self._store.number,
            business_day=self._day,
            opened_at=moment,
            terminals=self._store.terminals,
        )
        for till in self._tills:
            yield from self._counted(till.terminal.open(moment))

    def act(self, moment: datetime, mix: Mix) -> Iterator[Fact]:
        till = self._chance.choice(self._tills)
        facts = till.act(
            mix.draw(self._chance),
            moment,
            elsewhere=mix.elsewhere_percent,
            without_receipt=mix.without_receipt_percent,
        )
        return self._counted(facts)

    def count(self, moment: datetime) -> Iterator[Fact]:
        for till in self._tills:
            yield from self._counted(till.terminal.close(moment))

    def close(self, moment: datetime) -> StoreDayClosed:
        return self._totals.close(moment)

    def _counted(self, facts: Iterable[Fact]) -> Iterator[Fact]:
        for fact in facts:
            self._totals.note(fact)
            yield fact
