"""What the made-up stores sell, and how customers buy it: articles, baskets, payments."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from shared.events import Discount, extended_amount, round_money

from .pricing import Payment, Position, cash_and_change, exactly, first_then, foreign_cash
from .regimes import Regime


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


def position(article: Article, regime: Regime, day: date, chance: random.Random) -> Position:
    """Return some of an article at the day's price and taxes, now and then on offer."""
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


def basket_discount(
    positions: Sequence[Position], regime: Regime, chance: random.Random
) -> tuple[Discount, ...]:
    """Return what is granted on the whole basket: nothing nine times out of ten."""
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


def payment(
    regime: Regime, chance: random.Random, gift_card: Decimal | None = None
) -> tuple[Payment, bool]:
    """Return how the customer pays, and whether in cash alone, which is what gets rounded.

    `gift_card` is what a gift card may pay at most, by default a note; 0 where there is no card.
    """
    currency = regime.terms.currency
    cash = cash_and_change(currency, regime.note)
    card = exactly("card", currency)
    limit = regime.note if gift_card is None else gift_card
    by_gift_card = first_then("gift-card", limit, currency, card)
    voucher = first_then("voucher", regime.note / 2, currency, cash)
    choices: list[tuple[Payment, bool, int]] = [
        (card, False, 50),
        (cash, True, 35),
        (by_gift_card, False, 5 if limit else 0),
        (voucher, True, 4),
    ]
    if regime.foreign is not None:
        foreign, rate = regime.foreign
        choices.append((foreign_cash(currency, foreign, rate, Decimal(10)), True, 6))
    paying, in_cash, _ = chance.choices(choices, [weight for *_, weight in choices])[0]
    return paying, in_cash
