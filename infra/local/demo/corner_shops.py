"""Two shops whose books are not in Finance & Operations: one's are in Business Central, the other's
behind a Commerce scale unit. Business Central takes no article that it does not know."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from infra.local.till.closing import DayTotals
from infra.local.till.pricing import Position, Tax, exactly, ring_up
from infra.local.till.regimes import REGIMES, Regime
from infra.local.till.stores import OPEN_FOR, OPENS
from shared.events import Fact, SaleCompleted, TransactionKey

TERMINAL = "T1"
CLOSES_AFTER = timedelta(minutes=20)

UK_STANDARD, UK_REDUCED = Tax("GB-STANDARD", Decimal(20)), Tax("GB-REDUCED", Decimal(5))
AUSTIN = Tax("US-TX-AUSTIN", Decimal("8.25"))


@dataclass(frozen=True, slots=True)
class Goods:
    """An article as the company's Dynamics has it, with its price and tax in that shop."""

    item: str
    name: str
    price: Decimal
    unit: str
    tax: Tax


NEW_ARTICLE = Goods("10006", "Rain poncho", Decimal("12.00"), "PCS", UK_STANDARD)
"""On York's shelves before anybody has entered it in Business Central."""


@dataclass(frozen=True, slots=True)
class CornerShop:
    """A shop with one till."""

    company: str
    legal_entity: str
    """What Dynamics calls the company."""
    number: str
    regime: Regime
    goods: Sequence[Goods]
    new: Goods | None = None
    """What the first customer of the day buys."""


YORK = CornerShop(
    "gbbc",
    "gbrt",
    "YORK",
    REGIMES["gbrt"],
    (
        Goods("10001", "Coffee beans, 1 kg", Decimal("24.90"), "PCS", UK_REDUCED),
        Goods("10002", "Mug", Decimal("9.95"), "PCS", UK_STANDARD),
        Goods("10004", "Socks", Decimal("4.50"), "PCS", UK_STANDARD),
    ),
    NEW_ARTICLE,
)
DALLAS = CornerShop(
    "uscs",
    "usrt",
    "DALLAS",
    REGIMES["usrt"],
    (
        Goods("20117", "Enamel mug, blue", Decimal("2.95"), "ea", AUSTIN),
        Goods("20223", "Glass vase, tall", Decimal("12.50"), "ea", AUSTIN),
        Goods("20331", "Oak tray", Decimal("3.25"), "ea", AUSTIN),
    ),
)
SHOPS = (YORK, DALLAS)

UNKNOWN_ARTICLE = f"item/{YORK.company}/{NEW_ARTICLE.item}"
"""What its sale waits for."""


def shop_day(shop: CornerShop, seed: int, day: date, sales: int) -> Iterator[Fact]:
    """Yield a shop's sales in time order, then its close."""
    chance = random.Random(f"corner/{seed}/{shop.company}")
    totals = DayTotals(shop.company, shop.number, day, shop.regime.terms.currency)
    opens = datetime.combine(day, OPENS)
    for number in range(1, sales + 1):
        moment = opens + OPEN_FOR * number / (sales + 1)
        basket = [shop.new] if shop.new and number == 1 else _basket(shop, chance)
        sale = _sale(shop, number, moment, basket, chance)
        totals.add(sale)
        yield sale
    yield totals.close(opens + OPEN_FOR + CLOSES_AFTER)


def _basket(shop: CornerShop, chance: random.Random) -> list[Goods]:
    return chance.sample(shop.goods, chance.randint(1, len(shop.goods)))


def _sale(
    shop: CornerShop,
    number: int,
    moment: datetime,
    basket: Sequence[Goods],
    chance: random.Random,
) -> SaleCompleted:
    key = TransactionKey(
        company=shop.company,
        store=shop.number,
        business_day=moment.date(),
        terminal=TERMINAL,
        sequence=number,
    )
    positions = [
        Position(
            each.item,
            Decimal(chance.randint(1, 3)),
            each.price,
            each.name,
            unit=each.unit,
            taxes=(each.tax,),
        )
        for each in basket
    ]
    terms = shop.regime.terms
    return ring_up(
        key,
        moment,
        positions,
        terms,
        exactly(chance.choice(("card", "cash")), terms.currency),
        receipt=f"{TERMINAL}-{number:06d}",
        cashier="C1",
    )
