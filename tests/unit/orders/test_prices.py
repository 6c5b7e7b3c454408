"""Which price holds for a line, and when a line differs from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.prices import agreed_price, price_difference
from shared.dynamics.ports.master_data import Price
from shared.events import OrderLine, extended_amount
from tests.unit.orders.facts import line

DAY = date(2026, 3, 1)
LISTED = Price("dert", "20117", Decimal(9), "EUR", unit="ea")
CARD = replace(LISTED, amount=Decimal(12), currency="", is_card=True)


def agreed(*prices: Price, of: OrderLine | None = None) -> Decimal | None:
    return agreed_price(of or line(), prices, DAY, "EUR", "EUR")


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"item": "20223"}, False),
        ({"unit": "EA"}, True),
        ({"unit": ""}, True),
        ({"unit": "box"}, False),
        ({"variant": "/M/Blue"}, False),
        ({"currency": "USD"}, False),
        ({"currency": ""}, True),
        ({"quantity_from": Decimal(1)}, True),
        ({"quantity_from": Decimal(2)}, False),
        ({"first_day": DAY, "last_day": DAY}, True),
        ({"first_day": DAY + timedelta(1)}, False),
        ({"last_day": DAY - timedelta(1)}, False),
    ],
)
def test_a_price_holds_for_its_item_unit_variant_currency_quantity_and_days(
    changes: dict[str, Any], holds: bool
) -> None:
    assert agreed(replace(LISTED, **changes)) == (LISTED.amount if holds else None)


def test_a_variants_price_holds_for_it_alone() -> None:
    blue = replace(LISTED, variant="/M/Blue")
    assert agreed(blue, of=line(variant="/m/blue")) == Decimal(9)
    assert agreed(blue, of=line(variant="/L/Blue")) is None


def test_the_lowest_listed_price_holds_and_the_card_only_where_there_is_none() -> None:
    lower = replace(LISTED, amount=Decimal("8.50"), customer="C-1001")
    cheap_card = replace(CARD, amount=Decimal(1))
    assert agreed(LISTED, lower, cheap_card) == Decimal("8.50")
    assert agreed(CARD) == Decimal(12)
    assert agreed(CARD, replace(LISTED, unit="box")) == Decimal(12)


def test_a_line_is_compared_by_its_amount_after_discount() -> None:
    of = line("3.335", quantity="3", discount="0.01")
    assert price_difference(of, [replace(LISTED, amount=Decimal("3.333"))], DAY, "EUR", "EUR") == ""


def test_an_item_without_a_price_in_the_orders_currency_differs() -> None:
    said = price_difference(line(), [CARD], DAY, "USD", "EUR")
    assert said == "line 1: item 20117 has no price in USD per ea"


amounts = st.decimals(Decimal("0.01"), Decimal(1000), places=2)


@given(price=amounts, quantity=st.integers(1, 1000), off=amounts)
def test_whatever_is_ordered_at_the_listed_price_agrees_and_anything_off_it_differs(
    price: Decimal, quantity: int, off: Decimal
) -> None:
    total = extended_amount(Decimal(quantity), price, "EUR")
    whole = line(price, quantity=str(quantity))
    cheaper = line(price, quantity=str(quantity), discount=str(min(off, total)))
    listed = [replace(LISTED, amount=price)]
    assert price_difference(whole, listed, DAY, "EUR", "EUR") == ""
    assert price_difference(cheaper, listed, DAY, "EUR", "EUR") != ""
