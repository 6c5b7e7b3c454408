"""Baskets, payments and sales of every kind, for properties that must hold of all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import strategies as st

from infra.local.till.pricing import (
    Payment,
    Position,
    Tax,
    Terms,
    cash_and_change,
    exactly,
    first_then,
    foreign_cash,
    ring_up,
)
from infra.local.till.returns import Refunds, Slip, alike, exchange
from shared.events import (
    Discount,
    ReturnLine,
    SaleCompleted,
    SaleReturned,
    TransactionKey,
    extended_amount,
    smallest_amount,
)

NOW = datetime(2026, 3, 2, 17, 5, 6, 789000, tzinfo=UTC)
KEY = TransactionKey(
    company="gbrt", store="LONDON", business_day=date(2026, 3, 2), terminal="T1", sequence=7
)
RATES = st.sampled_from([Decimal(rate) for rate in ("0", "5", "7", "8.875", "10", "19", "20")])
CURRENCIES = st.sampled_from(["JPY", "GBP", "EUR", "KWD"])


@st.composite
def positions(draw: st.DrawFn, terms: Terms) -> Position:
    weighed = draw(st.booleans())
    position = Position(
        item=draw(st.sampled_from(["85123A", "POST", "4711"])),
        quantity=Decimal(draw(st.integers(1, 99_999))).scaleb(-3 if weighed else 0),
        unit_price=Decimal(draw(st.integers(0, 999_999))).scaleb(-draw(st.integers(0, 4))),
        taxes=tuple(
            Tax(f"T{number}", rate) for number, rate in enumerate(draw(st.lists(RATES, max_size=2)))
        ),
    )
    price = extended_amount(position.quantity, position.unit_price, terms.currency)
    return replace(position, discounts=draw(discounts(price, terms)))


@st.composite
def discounts(draw: st.DrawFn, limit: Decimal, terms: Terms) -> tuple[Discount, ...]:
    unit = smallest_amount(terms.currency)
    found: list[Discount] = []
    for code in draw(st.lists(st.sampled_from(["STAFF", "SPRING"]), max_size=2)):
        amount = draw(st.integers(0, int(limit / unit))) * unit
        limit -= amount
        found.append(Discount(code=code, amount=amount))
    return tuple(found)


def payments(currency: str) -> st.SearchStrategy[Payment]:
    note, rate = Decimal(50), Decimal("1.1273")
    card = exactly("card", currency)
    return st.sampled_from(
        [
            card,
            cash_and_change(currency, note),
            foreign_cash(currency, "USD", rate, note),
            first_then("gift-card", Decimal(20), currency, cash_and_change(currency, note)),
        ]
    )


@st.composite
def baskets(draw: st.DrawFn, terms: Terms) -> tuple[list[Position], tuple[Discount, ...]]:
    basket = draw(st.lists(positions(terms), min_size=1, max_size=5))
    worth = sum(
        extended_amount(position.quantity, position.unit_price, terms.currency)
        - sum(discount.amount for discount in position.discounts)
        for position in basket
    )
    return basket, draw(discounts(Decimal(worth), terms))


def coins(currency: str) -> st.SearchStrategy[Decimal | None]:
    step = smallest_amount(currency)
    return st.sampled_from([None, min(5 * step, Decimal(1)), min(50 * step, Decimal(1))])


@st.composite
def sales(draw: st.DrawFn) -> SaleCompleted:
    terms = Terms(draw(CURRENCIES), draw(st.booleans()))
    basket, granted = draw(baskets(terms))
    return ring_up(
        KEY,
        NOW,
        basket,
        terms,
        draw(payments(terms.currency)),
        basket_discounts=granted,
        rounding_step=draw(coins(terms.currency)),
    )


@st.composite
def pieces(draw: st.DrawFn, refunds: Refunds, *, at_most: int = 4) -> list[ReturnLine]:
    """Take back pieces of lines of which something is left, at least one."""
    found = []
    for _ in range(draw(st.integers(1, at_most))):
        number = draw(st.sampled_from(refunds.numbers))
        left = refunds.left(number)
        step = Decimal(1) if left == left.to_integral_value() else Decimal("0.001")
        quantity = draw(st.integers(1, int(left / step))) * step
        found.append(refunds.piece(number, quantity, gift_receipt=draw(st.booleans())))
        if not refunds.numbers:
            break
    return found


@st.composite
def exchanges(draw: st.DrawFn) -> SaleCompleted | SaleReturned:
    """Return an exchange of pieces of a sale for goods dearer, cheaper or of the same worth."""
    sale = draw(sales())
    terms = Terms(sale.currency, sale.prices_include_tax)
    back = draw(pieces(Refunds(sale)))
    taken, granted = draw(baskets(terms))
    if draw(st.booleans()):
        taken, granted = [alike(line) for line in back], ()
    slip = Slip(
        KEY.model_copy(update={"sequence": 8}),
        NOW,
        terms,
        draw(payments(terms.currency)),
        draw(coins(terms.currency)),
    )
    return exchange(slip, back, taken, granted)
