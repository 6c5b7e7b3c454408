"""What of an order and a payment reaches Dynamics."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from services.orders.mapping import (
    Content,
    customer_payment,
    document_key,
    order_waits_for,
    sales_order,
)
from shared.companies import Company
from shared.dynamics import MissingParent
from shared.dynamics.ports.documents import DeliveryAddress, DocumentKind, SalesLine
from shared.events import OrderPlaced
from tests.unit.orders.facts import changed, line, paid, placed

COMPANY = Company.model_validate(
    {
        "legal_entity": "de01",
        "currencies": ["EUR"],
        "time_zone": "Europe/Berlin",
        "site": "S1",
        "warehouse": "DC",
        "stores": {"BERLIN": {"site": "S2", "warehouse": "W7"}},
        "payment_methods": {"card": "VISA"},
    }
)


def test_a_sales_order_says_what_was_ordered_when_and_where_to() -> None:
    order = placed(
        "28.50",
        lines=(
            line("10.00", quantity="3", discount="1.50", variant="/M/Blue", description="Shirt"),
        ),
        prices_include_tax=False,
        requested_day=date(2026, 3, 9),
        delivery={"name": "Ada", "street": "Am Hafen 7", "city": "Hamburg", "country": "DEU"},
    )
    document = sales_order(order, COMPANY)
    assert (document.kind, document.company, document.key) == (DocumentKind.ORDER, "de01", "W-1/0")
    assert (document.customer, document.currency, document.reference) == ("C-1001", "EUR", "W-1")
    assert not document.prices_include_tax
    assert document.requested == date(2026, 3, 9)
    assert document.delivery == DeliveryAddress("Ada", "Am Hafen 7", "Hamburg", "", "DEU")
    assert document.lines == (
        SalesLine(
            1,
            "20117",
            Decimal(3),
            Decimal("10.00"),
            Decimal("1.50"),
            variant="/M/Blue",
            unit="ea",
            description="Shirt",
        ),
    )


def test_the_day_is_that_of_the_companys_clock() -> None:
    late = OrderPlaced.model_validate(
        placed().model_dump() | {"placed_at": datetime(2026, 2, 28, 23, 30, tzinfo=UTC)}
    )
    assert sales_order(late, COMPANY).day == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("store", "place"), [(None, ("S1", "DC")), ("BERLIN", ("S2", "W7")), ("BONN", ("S1", "DC"))]
)
def test_goods_come_from_the_store_or_from_where_the_company_says(
    store: str | None, place: tuple[str, str]
) -> None:
    document = sales_order(placed(store=store), COMPANY)
    assert (document.site, document.location) == place


def test_every_version_has_a_key_of_its_own_and_no_two_orders_share_one() -> None:
    facts: list[Content] = [placed(), changed(1), placed(order="W-1.1"), changed(1, order="W")]
    assert len({document_key(fact, fact.version) for fact in facts}) == 4


def test_a_payment_has_the_method_that_is_set_and_else_none() -> None:
    by_card, in_cash = (customer_payment(paid(method=each), COMPANY) for each in ("card", "cash"))
    assert (by_card.company, by_card.key, by_card.amount) == ("de01", "W-1/P-1", Decimal("10.00"))
    assert (by_card.method, in_cash.method) == ("VISA", "")


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("The value '20223' in field 'ItemNumber' is not found", "item/dert/20223"),
        ("The value 'C-1001' in field 'Customer' is not found", "customer/dert/C-1001"),
        ("The sell-to customer cannot be found.", "customer/dert/C-1001"),
        ("Item does not exist.", "item/dert/20117"),
        ("Business Central has no location STORE9.", "store/dert/BONN"),
    ],
)
def test_what_is_missing_is_read_from_dynamics_words(said: str, key: str) -> None:
    order = placed("20.00", lines=(line(), line(number=2, item="20223")), store="BONN")
    assert order_waits_for(order, MissingParent(said)) == key
