"""Whether the prices of an order are those that Dynamics has. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from shared.dynamics.ports.master_data import Price
from shared.events import OrderLine, extended_amount


def price_difference(
    line: OrderLine, prices: Iterable[Price], day: date, currency: str, accounting: str
) -> str:
    """Return what differs in one line for a person, '' where nothing does.

    What is compared is the line's amount after its discount, to the minor unit: a price agreed as a
    discount is one agreed as a price. `accounting` is the currency that cards are kept in.
    """
    price = agreed_price(line, prices, day, currency, accounting)
    if price is None:
        return f"line {line.number}: item {line.item} has no price in {currency} per {line.unit}"
    ordered = extended_amount(line.quantity, line.unit_price, currency) - line.discount
    expected = extended_amount(line.quantity, price, currency)
    if ordered == expected:
        return ""
    return f"line {line.number}: {ordered} ordered, {expected} in Dynamics for item {line.item}"


def agreed_price(
    line: OrderLine, prices: Iterable[Price], day: date, currency: str, accounting: str
) -> Decimal | None:
    """Return the lowest price that holds, as both products choose unless they are told otherwise;
    the card's where no list has one."""
    holding = [price for price in prices if _holds(price, line, day, currency, accounting)]
    listed = [price.amount for price in holding if not price.is_card]
    return min(listed or [price.amount for price in holding], default=None)


def _holds(price: Price, line: OrderLine, day: date, currency: str, accounting: str) -> bool:
    return (
        _same(price.item, line.item)
        and (not price.variant or _same(price.variant, line.variant or ""))
        and (not price.unit or _same(price.unit, line.unit))
        and (price.currency or accounting) == currency
        and price.quantity_from <= line.quantity
        and (price.first_day is None or price.first_day <= day)
        and (price.last_day is None or day <= price.last_day)
    )


def _same(one: str, other: str) -> bool:
    """Codes are compared without case, as Dynamics does."""
    return one.casefold() == other.casefold()
