"""What the demonstration publishes: a generated day cut into scenes, and wrong messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time

from infra.local.demo.back_office import SHOP, at, members, stock, web_shop
from infra.local.demo.corner_shops import NEW_ARTICLE, SHOPS, YORK, shop_day
from infra.local.demo.moments import moment_of
from infra.local.demo.poison import Poison, poison_from
from infra.local.till.baskets import STORES, Mix, TradingDay
from shared.clock import Clock
from shared.events import (
    Fact,
    LoyaltyEarned,
    LoyaltyRedeemed,
    OrderPlaced,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    TransactionKey,
)

Transaction = SaleCompleted | SaleReturned

BUSINESS_DAY = date(2026, 3, 2)
PER_STORE, PER_CORNER_SHOP = 32, 7
OFFLINE = ("BERLIN", "T2")
"""Store and terminal of the till that has no connection all day."""

OPENING, MORNING_ENDS, NOON_ENDS, AFTERNOON_ENDS = time(7, 30), time(11), time(14), time(17)

MIX = Mix(
    returned=70, exchanged=50, voided=25, suspended=20, training=15, no_sale=20, gift_cards_sold=40
)
"""More of everything than usual, so that a short day has some of it."""


@dataclass(frozen=True)
class DemoDay:
    """The facts of the day by scene, each in time order, and the poison."""

    forms: Sequence[Fact]
    """New customers, before the stores open."""
    morning: Sequence[Fact]
    noon: Sequence[Fact]
    afternoon: Sequence[Fact]
    evening: Sequence[Fact]
    offline: Sequence[Fact]
    overtaken: SaleCompleted
    """A sale that comes in the evening; goods of it have come back since."""
    closes: Sequence[StoreDayClosed]
    poison: Sequence[Poison]

    @property
    def facts(self) -> list[Fact]:
        """Everything that is right and so must become what it becomes."""
        live = (*self.forms, *self.morning, *self.noon, *self.afternoon, *self.evening)
        return [*live, *self.offline, self.overtaken, *self.closes]

    @property
    def transactions(self) -> list[Transaction]:
        """Every sale and return that must be booked."""
        return [fact for fact in self.facts if isinstance(fact, Transaction)]

    @property
    def traced_sale(self) -> str:
        """Return the key of a sale of goods that nothing befell."""
        return next(
            str(each.key)
            for each in self.evening[::-1]
            if isinstance(each, SaleCompleted)
            if each.key.company == SHOP and not any(line.gift_card for line in each.lines)
        )

    @property
    def traced_order(self) -> str:
        """Return the key of a web order that is confirmed."""
        return next(each.natural_key() for each in self.morning if isinstance(each, OrderPlaced))

    @property
    def unknown(self) -> SaleCompleted:
        """Return the sale of an article that Dynamics does not have."""
        return next(
            each
            for each in self.facts
            if isinstance(each, SaleCompleted)
            if each.place == (YORK.company, YORK.number)
            if each.lines[0].item == NEW_ARTICLE.item
        )


def plan_day(seed: int, clock: Clock) -> DemoDay:
    """Return the day of this seed; the same seed gives the same facts."""
    facts = _everything(seed)
    offline = [fact for fact in facts if _till(fact) == OFFLINE]
    closes = [fact for fact in facts if isinstance(fact, StoreDayClosed)]
    live = [fact for fact in facts if _till(fact) != OFFLINE and not _closes(fact)]
    overtaken = _overtaken(live)

    def between(start: time, end: time) -> list[Fact]:
        first, last = at(BUSINESS_DAY, start), at(BUSINESS_DAY, end)
        return [fact for fact in live if first <= moment_of(fact) < last and fact is not overtaken]

    evening = between(AFTERNOON_ENDS, time.max)
    spoilt = next(
        fact for fact in evening if isinstance(fact, SaleCompleted) and fact.key.company == SHOP
    )
    return DemoDay(
        forms=between(time.min, OPENING),
        morning=between(OPENING, MORNING_ENDS),
        noon=between(MORNING_ENDS, NOON_ENDS),
        afternoon=between(NOON_ENDS, AFTERNOON_ENDS),
        evening=evening,
        offline=offline,
        overtaken=overtaken,
        closes=closes,
        poison=poison_from(spoilt, clock),
    )


def _everything(seed: int) -> list[Fact]:
    """Return all facts in time order."""
    tills = TradingDay(seed, STORES, BUSINESS_DAY, transactions_per_store=PER_STORE, mix=MIX)
    stores = [fact for fact in tills if not _of_another_programme(fact)]
    corners = [
        fact for shop in SHOPS for fact in shop_day(shop, seed, BUSINESS_DAY, PER_CORNER_SHOP)
    ]
    people = members(seed, BUSINESS_DAY, stores)
    sales = [fact for fact in stores if isinstance(fact, SaleCompleted)]
    beside = [
        *people,
        *web_shop(BUSINESS_DAY),
        *stock(BUSINESS_DAY, sales),
    ]
    return sorted([*stores, *corners, *beside], key=moment_of)


def _of_another_programme(fact: Fact) -> bool:
    """Points are kept for one company; what the others do with theirs is their own."""
    return isinstance(fact, LoyaltyEarned | LoyaltyRedeemed) and fact.transaction.company != SHOP


def _overtaken(live: Sequence[Fact]) -> SaleCompleted:
    """Return the first sale of which something comes back the same day, at a till with a
    connection; it sold no gift card."""
    sales = {
        fact.key: fact
        for fact in live
        if isinstance(fact, SaleCompleted) and not any(line.gift_card for line in fact.lines)
    }
    returns = (fact for fact in live if isinstance(fact, SaleReturned))
    originals = (line.original for fact in returns for line in fact.lines if line.original)
    return next(sales[original.key] for original in originals if original.key in sales)


def _till(fact: Fact) -> tuple[str, str] | None:
    key = getattr(fact, "key", None) or getattr(fact, "transaction", None)
    return (key.store, key.terminal) if isinstance(key, TransactionKey) else None


def _closes(fact: Fact) -> bool:
    return isinstance(fact, StoreDayClosed)
