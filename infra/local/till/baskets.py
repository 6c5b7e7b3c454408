"""A plausible trading day, made up from a seed: the same seed gives the same facts, to the id."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from heapq import merge

from shared.events import (
    Discount,
    Fact,
    SaleCompleted,
    TransactionKey,
    extended_amount,
    round_money,
)

from .closing import DayTotals, Transaction
from .pricing import (
    Payment,
    Position,
    cash_and_change,
    exactly,
    first_then,
    foreign_cash,
    ring_up,
    take_back,
)
from .regimes import REGIMES, Regime

OPENS, OPEN_FOR = time(8, 0, tzinfo=UTC), timedelta(hours=12)
_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Store:
    """A store that trades; its company decides currency and taxes."""

    company: str
    number: str
    terminals: tuple[str, ...] = ("T1", "T2")


STORES: tuple[Store, ...] = (
    Store("gbrt", "LONDON", ("T1", "T2", "T3")),
    Store("gbrt", "LEEDS"),
    Store("dert", "BERLIN"),
    Store("usrt", "AUSTIN"),
    Store("aert", "DUBAI"),
    Store("kwrt", "KUWAIT-CITY"),
    Store("jprt", "OSAKA"),
)
"""The stores of the demonstration: every company the Dynamics simulator knows."""


@dataclass(frozen=True, slots=True)
class Article:
    """An article of the assortment; its price is multiplied by the regime's factor."""

    item: str
    description: str
    price: Decimal
    kind: str = "standard"
    barcode: str | None = None
    unit: str = "EA"


ARTICLES: tuple[Article, ...] = (
    Article("10010", "Wool scarf", Decimal("24.90"), barcode="4006381333931"),
    Article("10020", "Leather gloves", Decimal("39.00"), barcode="5012345678900"),
    Article("10030", "Cotton socks, 3 pairs", Decimal("9.95"), barcode="4012345000016"),
    Article("10040", "Rain jacket", Decimal("89.00")),
    Article("20010", "Enamel mug", Decimal("7.50")),
    Article("20020", "Teapot, 1.2 l", Decimal("32.00")),
    Article("20030", "Paper napkins, 20", Decimal("2.49")),
    Article("20040", "Scented candle", Decimal("12.80")),
    Article("20050", "Gift wrap", Decimal("3.20"), unit="M"),
    Article("30010", "Dark chocolate 100 g", Decimal("2.95"), "food"),
    Article("30020", "Ground coffee 500 g", Decimal("6.79"), "food"),
    Article("30030", "Apples", Decimal("2.99"), "food", unit="KG"),
    Article("30040", "Mature cheddar", Decimal("14.40"), "food", unit="KG"),
    Article("30050", "Sparkling water", Decimal("0.89"), "food"),
    Article("30060", "Shortbread", Decimal("3.45"), "food"),
    Article("40010", "Picture book", Decimal("11.99")),
    Article("40020", "Crayons, 12", Decimal("4.25")),
)
WEIGHED = frozenset(["KG", "M"])


class TradingDay(Iterable[Fact]):
    """One business day of some stores: sales and returns of all in time order, then the closes.

    About one transaction in twenty is a return of lines sold earlier that day at the same terminal.
    """

    def __init__(
        self,
        seed: int,
        stores: Sequence[Store] = STORES,
        business_day: date = date(2026, 3, 2),
        *,
        transactions_per_store: int = 100,
    ) -> None:
        self._seed = seed
        self._stores = tuple(stores)
        self._day = business_day
        self._per_store = transactions_per_store

    def __iter__(self) -> Iterator[Fact]:
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
        moments = sorted(chance.sample(range(OPEN_FOR // _TICK), self._per_store))
        tills = [_Till(store, terminal, self._day, chance) for terminal in store.terminals]
        for ticks in moments:
            moment = datetime.combine(self._day, OPENS) + ticks * _TICK
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
        positions = [_position(article, regime, self._day, chance) for article in articles]
        payment, in_cash = _payment(regime, chance)
        return ring_up(
            key,
            moment,
            positions,
            regime.terms,
            payment,
            basket_discounts=_basket_discount(positions, regime, chance),
            rounding_step=regime.smallest_coin if in_cash else None,
            receipt=receipt,
            cashier=f"C{chance.randint(1, 9)}",
            customer=f"K{chance.randint(1000, 9999)}" if chance.random() < 0.3 else None,
        )


def _position(article: Article, regime: Regime, day: date, chance: random.Random) -> Position:
    currency = regime.terms.currency
    weighed = article.unit in WEIGHED
    quantity = (
        Decimal(chance.randint(120, 2500)).scaleb(-3)
        if weighed
        else Decimal(chance.choices((1, 2, 3, 6), (12, 4, 1, 1))[0])
    )
    unit_price = round_money(article.price * regime.price_factor, currency)
    price = extended_amount(quantity, unit_price, currency)
    discounts: tuple[Discount, ...] = ()
    if chance.random() < 0.12:
        amount = round_money(price * chance.choice((10, 20, 50)) / 100, currency)
        discounts = (Discount(code="PROMOTION", amount=amount),)
    return Position(
        item=article.item,
        description=article.description,
        barcode=article.barcode,
        unit=article.unit,
        quantity=quantity,
        unit_price=unit_price,
        taxes=regime.taxes(article.kind, day),
        discounts=discounts,
    )


def _basket_discount(
    positions: Sequence[Position], regime: Regime, chance: random.Random
) -> tuple[Discount, ...]:
    if chance.random() >= 0.1:
        return ()
    currency = regime.terms.currency
    worth = sum(
        (
            extended_amount(position.quantity, position.unit_price, currency)
            - sum((discount.amount for discount in position.discounts), Decimal(0))
            for position in positions
        ),
        Decimal(0),
    )
    return (Discount(code="LOYALTY-5", amount=round_money(worth * 5 / 100, currency)),)


def _payment(regime: Regime, chance: random.Random) -> tuple[Payment, bool]:
    """Return how the customer pays, and whether in cash alone, which is what gets rounded."""
    currency = regime.terms.currency
    cash = cash_and_change(currency, regime.note)
    card = exactly("card", currency)
    gift_card = first_then("gift-card", regime.note, currency, card)
    voucher = first_then("voucher", regime.note / 2, currency, cash)
    choices: list[tuple[Payment, bool, int]] = [
        (card, False, 50),
        (cash, True, 35),
        (gift_card, False, 5),
        (voucher, True, 4),
    ]
    if regime.foreign is not None:
        foreign, rate = regime.foreign
        choices.append((foreign_cash(currency, foreign, rate, Decimal(10)), True, 6))
    payment, in_cash, _ = chance.choices(choices, [weight for *_, weight in choices])[0]
    return payment, in_cash
