"""What happens around the tills on the simulated day: stock, customers, web orders, feedback."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from infra.local.till.baskets import ARTICLES, Store
from shared.events import (
    CustomerRegistered,
    CustomerUpdated,
    Fact,
    FeedbackGiven,
    InventoryAdjusted,
    LoyaltyEarned,
    LoyaltyRedeemed,
    OrderCancelled,
    OrderChanged,
    OrderLine,
    OrderPlaced,
    PaymentCaptured,
    StockCounted,
)
from shared.events.stock import AdjustedLine, CountedLine

SHOP = "gbrt"
"""The company with a web shop and with customers."""

SOLD_ONLINE = ("20117", "20223", "20331")
"""Items the simulated Dynamics has from the beginning."""


def around(
    seed: int, opens: datetime, stores: Sequence[Store], at_tills: Sequence[Fact]
) -> Iterator[Fact]:
    """Yield the facts of a day that no till transaction is; each says when it happened.

    Every loyalty card used at a till is issued sometime that day, perhaps after it was used.
    """
    chance = random.Random(f"{seed}/town")

    def moment() -> datetime:
        return opens + timedelta(seconds=chance.uniform(0, 12 * 3600))

    for store in stores:
        yield from _stock(store, chance, moment)
    for company, card in sorted(_cards(at_tills)):
        yield CustomerRegistered(
            company=company,
            customer=f"H-{card}",
            source="till",
            version=0,
            changed_at=moment(),
            name=f"Holder of {card}",
            loyalty_card=card,
        )
    customers = [f"K{number}" for number in range(chance.randint(2, 4))]
    for customer in customers:
        yield from _customer(customer, chance, moment())
    for number in range(chance.randint(2, 4)):
        yield from _order(f"W-{number}", chance.choice(customers), chance, moment())


def _cards(facts: Sequence[Fact]) -> set[tuple[str, str]]:
    return {
        (fact.transaction.company, fact.card)
        for fact in facts
        if isinstance(fact, LoyaltyEarned | LoyaltyRedeemed)
    }


def _stock(store: Store, chance: random.Random, moment: Any) -> Iterator[Fact]:
    place: dict[str, Any] = {"company": store.company, "store": store.number}
    for number in range(3):
        article = chance.choice(ARTICLES[:6])
        kind = chance.choice(("received", "damaged", "adjusted"))
        quantity = Decimal(chance.randint(1, 9)) * (chance.choice((1, -1)) if kind[0] == "a" else 1)
        line = AdjustedLine(number=1, item=article.item, quantity=quantity)
        yield InventoryAdjusted(
            **place, document=f"A{number}", kind=kind, observed_at=moment(), lines=(line,)
        )
    for number in range(2):
        items = chance.sample(ARTICLES[:6], 3)
        lines = tuple(
            CountedLine(number=at, item=each.item, quantity=Decimal(chance.randint(0, 40)))
            for at, each in enumerate(items, start=1)
        )
        yield StockCounted(**place, document=f"C{number}", observed_at=moment(), lines=lines)


def _customer(number: str, chance: random.Random, at: datetime) -> Iterator[Fact]:
    who: dict[str, Any] = {"company": SHOP, "customer": number, "source": "till"}
    yield CustomerRegistered(
        **who,
        version=0,
        changed_at=at,
        name=f"Customer {number}",
        email=f"{number.lower()}@example.com",
    )
    for version in range(1, chance.randint(1, 4)):
        at += timedelta(minutes=chance.randint(1, 90))
        yield CustomerUpdated(**who, version=version, changed_at=at, phone=f"+44 20 {version:04d}")
    yield FeedbackGiven(
        company=SHOP,
        feedback=f"F-{number}",
        customer=number,
        given_at=at,
        rating=chance.randint(0, 10),
        text="The simulated day was fine.",
    )


def _order(number: str, customer: str, chance: random.Random, at: datetime) -> Iterator[Fact]:
    order: dict[str, Any] = {"company": SHOP, "order": number}

    def content() -> dict[str, Any]:
        prices = [Decimal(chance.randint(100, 5000)) / 100 for _ in range(chance.randint(1, 3))]
        lines = tuple(
            OrderLine(number=n, item=item, unit="ea", quantity=Decimal(1), unit_price=price)
            for n, (item, price) in enumerate(zip(SOLD_ONLINE, prices, strict=False), start=1)
        )
        return order | {
            "customer": customer,
            "currency": "GBP",
            "prices_include_tax": True,
            "lines": lines,
            "total": sum(prices, Decimal(0)),
        }

    first = content()
    yield OrderPlaced(**first, version=0, placed_at=at)
    if chance.random() < 0.5:
        at += timedelta(minutes=chance.randint(1, 60))
        yield OrderChanged(**content(), version=1, changed_at=at)
    if chance.random() < 0.7:
        yield PaymentCaptured(
            **order,
            payment="P1",
            customer=customer,
            method="card",
            currency="GBP",
            amount=first["total"],
            captured_at=at + timedelta(minutes=1),
        )
    if chance.random() < 0.3:
        yield OrderCancelled(**order, cancelled_at=at + timedelta(minutes=chance.randint(1, 120)))
