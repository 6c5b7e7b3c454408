"""What happens beside the tills: customers, the web shop, what is delivered and counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from shared.events import (
    CustomerRegistered,
    Fact,
    FeedbackGiven,
    InventoryAdjusted,
    LoyaltyEarned,
    LoyaltyRedeemed,
    OrderLine,
    OrderPlaced,
    OrderStatusChanged,
    PaymentCaptured,
    SaleCompleted,
    StockCounted,
)
from shared.events.orders import DeclineReason, OrderStatus
from shared.events.stock import AdjustedLine, CountedLine

FORMS, DELIVERY, ORDERS = time(6, 30), time(7, 40), time(9)
COUNT, LATE_FORM, DISPATCH = time(12, 30), time(18), time(18, 15)

COUNTED_STORE = ("dert", "BERLIN")
"""It has a till that is offline: what that one sold before the count comes long after it."""

SHOP = "gbrt"
"""The company with a web shop and a loyalty programme."""
ON_ACCOUNT = "C-1001"
"""A customer that every company in Dynamics begins with: credit limit 5,000."""
BUYER = "W5001"
VASE, PRICE = "20223", Decimal("12.50")
"""An item that Dynamics has, at its price there."""
MUG = "20010"
"""An article of the stores."""

Answer = tuple[OrderStatus, DeclineReason | None]
ANSWERS: Final[Mapping[str, Answer]] = {
    "W-1001": ("confirmed", None),
    "W-1002": ("declined", "credit-limit"),
    "W-1003": ("confirmed", None),
}
"""What the web shop must be told about each order."""

_FIRST = ("Ada", "Bela", "Chidi", "Dalia", "Emre", "Farah", "Goran", "Hana", "Ines", "Jonas")
_LAST = ("Adler", "Brook", "Castro", "Dahl", "Endo", "Farouk", "Green", "Haas", "Ito", "Jansen")


def at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, UTC)


def members(seed: int, day: date, facts: Iterable[Fact]) -> list[CustomerRegistered]:
    """Return the registration of everybody whose loyalty card is used; the form of the first is
    entered late, after the card was used."""
    chance = random.Random(f"members/{seed}")
    cards = {
        (fact.transaction.company, fact.customer or "", fact.card): None
        for fact in facts
        if isinstance(fact, LoyaltyEarned | LoyaltyRedeemed)
    }
    return [
        CustomerRegistered(
            company=company,
            customer=customer,
            source="till",
            version=0,
            changed_at=at(day, LATE_FORM if number == 0 else FORMS),
            name=f"{chance.choice(_FIRST)} {chance.choice(_LAST)}",
            email=f"{customer.lower()}@example.com",
            loyalty_card=card,
        )
        for number, (company, customer, card) in enumerate(cards)
    ]


def web_shop(day: date) -> Iterator[Fact]:
    """Yield a new customer and three orders, of which one is above its customer's credit and the
    new customer's is paid when it leaves; and what that customer thinks of it."""

    def order(number: str, customer: str, vases: int, **terms: Any) -> OrderPlaced:
        return OrderPlaced(
            company=SHOP,
            order=number,
            customer=customer,
            currency="GBP",
            prices_include_tax=True,
            lines=(
                OrderLine(
                    number=1, item=VASE, unit="ea", quantity=Decimal(vases), unit_price=PRICE
                ),
            ),
            total=vases * PRICE,
            placed_at=at(day, ORDERS),
            **terms,
        )

    yield CustomerRegistered(
        company=SHOP,
        customer=BUYER,
        source="shop",
        version=0,
        changed_at=at(day, FORMS),
        name="Kim Lund",
        email="kim.lund@example.com",
    )
    yield order("W-1001", ON_ACCOUNT, 100, on_account=True, contract_price=True)
    yield order("W-1002", ON_ACCOUNT, 500, on_account=True)
    yield order("W-1003", BUYER, 2)
    yield PaymentCaptured(
        company=SHOP,
        order="W-1003",
        payment="P-1",
        customer=BUYER,
        method="card",
        currency="GBP",
        amount=2 * PRICE,
        captured_at=at(day, DISPATCH),
    )
    yield FeedbackGiven(
        company=SHOP,
        feedback="F-1",
        customer=BUYER,
        given_at=at(day, DISPATCH),
        rating=9,
        text="Found what I wanted, and it was there.",
    )


def stock(day: date, sales: Iterable[SaleCompleted]) -> Iterator[Fact]:
    """Yield a delivery, a broken piece, a transfer, and a count of what one store sells most."""

    def adjusted(store: tuple[str, str], document: str, quantity: int, **what: Any) -> Fact:
        return InventoryAdjusted(
            company=store[0],
            store=store[1],
            document=document,
            observed_at=at(day, DELIVERY),
            lines=(AdjustedLine(number=1, item=MUG, quantity=Decimal(quantity)),),
            **what,
        )

    yield adjusted(("gbrt", "LONDON"), "D-1", 48, kind="received")
    yield adjusted(("gbrt", "LONDON"), "T-1", 12, kind="transferred", to_store="LEEDS")
    yield adjusted(("usrt", "AUSTIN"), "B-1", 1, kind="damaged")
    company, store = COUNTED_STORE
    yield StockCounted(
        company=company,
        store=store,
        document="C-1",
        observed_at=at(day, COUNT),
        lines=tuple(
            CountedLine(number=number, item=item, quantity=Decimal(10 * number))
            for number, item in enumerate(_sold_most(COUNTED_STORE, sales), start=1)
        ),
    )


def _sold_most(store: tuple[str, str], sales: Iterable[SaleCompleted]) -> Sequence[str]:
    times = Counter(
        line.item
        for sale in sales
        if sale.place == store
        for line in sale.lines
        if line.gift_card is None
    )
    return [item for item, _ in times.most_common(3)]


def wrong_answers(answers: Mapping[str, OrderStatusChanged]) -> list[str]:
    """Return what the web shop was told wrongly, or not at all, one sentence each."""
    found = {order: (each.status, each.reason) for order, each in answers.items()}
    return [
        f"web order {order}: {found.get(order)} instead of {ANSWERS.get(order)}"
        for order in sorted(ANSWERS.keys() | found.keys())
        if found.get(order) != ANSWERS.get(order)
    ]
