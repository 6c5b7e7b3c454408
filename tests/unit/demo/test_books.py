"""The demonstration's books: the facts' side against Dynamics' side, which shares no code with it.

Dynamics' side is made up here from the facts' own sums, so that one difference at a time shows.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from infra.local.demo.books import Books, Kept, aspects, compare
from infra.local.demo.day import plan_day
from infra.local.demo.held import READ, held_books
from infra.local.demo.told import told_books
from infra.local.platform.platform import EXAMPLE_SETTINGS
from shared.companies import Company
from shared.events import SaleCompleted, SaleReturned, StockCounted

SETTINGS = json.loads(EXAMPLE_SETTINGS.read_text())["Values"]
COMPANIES = TypeAdapter(dict[str, Company]).validate_json(SETTINGS["COMPANIES"])
DAY = plan_day(7, lambda: datetime(2026, 3, 3, tzinfo=UTC))
TOLD = told_books(DAY.facts, COMPANIES)

NOTHING: dict[Any, Any] = {name: [] for name in READ}


def test_equal_books_show_no_difference() -> None:
    assert compare(TOLD, TOLD, TOLD.documents) == []


@pytest.mark.parametrize("name", ["money", "points", "gift_cards", "stock", "orders", "payments"])
def test_a_cent_too_few_is_named_with_its_place(name: str) -> None:
    where, value = next(iter(getattr(TOLD, name).items()))
    changed: dict[str, Any] = {name: {**getattr(TOLD, name), where: value - Decimal("0.01")}}

    (difference,) = compare(TOLD, replace(TOLD, **changed), TOLD.documents)

    assert "/".join(where) in difference
    assert f"told {value}" in difference


def test_a_document_too_many_is_named_with_its_effect() -> None:
    kept: Kept = ("ledger", "business-central")
    held = replace(TOLD, documents={**TOLD.documents, kept: TOLD.documents[kept] + 1})

    (difference,) = compare(TOLD, held, TOLD.documents)

    assert difference == "ledger in business-central: 7 facts, 8 documents"


def test_an_announcement_nobody_heard_is_named_with_its_effect() -> None:
    kept: Kept = ("order", "finance-operations")

    (difference,) = compare(TOLD, TOLD, {**TOLD.documents, kept: 1})

    assert difference == "order in finance-operations: 2 facts, 1 announced"


def test_what_dynamics_has_and_nobody_told_is_a_difference() -> None:
    held = replace(TOLD, stock={**TOLD.stock, ("gbrt", "LONDON", "never-sold"): Decimal(1)})

    (difference,) = compare(TOLD, held, TOLD.documents)

    assert difference == "stock of gbrt/LONDON/never-sold: told 0, in Dynamics 1"


def test_an_empty_dynamics_differs_in_everything() -> None:
    empty = held_books(NOTHING, NOTHING)

    found = {aspect.name for aspect in aspects(TOLD, empty) if list(aspect.differences())}

    assert found == {aspect.name for aspect in aspects(TOLD, empty)}


def test_money_of_sales_and_returns_is_conserved_over_all_ledgers() -> None:
    sales = [fact for fact in DAY.facts if isinstance(fact, SaleCompleted | SaleReturned)]

    assert sum(TOLD.money.values()) == sum(sale.signed_amount for sale in sales)
    assert {product for product, _ in TOLD.money} == {
        "finance-operations",
        "business-central",
        "commerce",
    }


def test_stock_is_what_was_counted_and_what_came_after_whoever_told_it_late() -> None:
    (count,) = [fact for fact in DAY.facts if isinstance(fact, StockCounted)]
    counted = {line.item: line.quantity for line in count.lines}
    sales = [fact for fact in DAY.facts if isinstance(fact, SaleCompleted | SaleReturned)]
    for item, quantity in counted.items():
        for sale in sales:
            if sale.place != count.place or sale.occurred_at <= count.observed_at:
                continue
            sign = -1 if isinstance(sale, SaleCompleted) else 1
            quantity += sign * sum(line.quantity for line in sale.lines if line.item == item)
            quantity -= sign * sum(
                line.quantity for line in sale.exchanged_lines if line.item == item
            )
        assert TOLD.stock["dert", "BERLIN", item] == quantity


def test_dynamics_side_reads_each_product_by_its_own_signs() -> None:
    rows = {
        **NOTHING,
        ("finance-operations", "RetailTransactions"): [
            {"dataAreaId": "gbrt", "TransactionType": "Sales", "PaymentAmount": 12.5},
            {"dataAreaId": "gbrt", "TransactionType": "Sales", "PaymentAmount": -2.25},
            {"dataAreaId": "gbrt", "TransactionType": "SafeDrop", "PaymentAmount": -100},
        ],
        ("business-central", "companies"): [{"id": "1", "name": "gbrt"}],
        ("business-central", "salesInvoices"): [{"_company": "1", "totalAmountIncludingTax": 9.95}],
        ("commerce", "SalesOrders"): [
            {"company": "usrt", "document": json.dumps({"TotalAmount": 3.19})}
        ],
        ("inventory-visibility", "quantities"): [
            _quantity("LONDON", "inbound", 5.5),
            _quantity("LONDON", "outbound", 2),
            _quantity("W1", "physicalinvent", 100, source="fno"),
        ],
    }

    books = held_books(rows, NOTHING)

    assert books.money == {
        ("finance-operations", "gbrt"): Decimal("10.25"),
        ("business-central", "gbrt"): Decimal("9.95"),
        ("commerce", "usrt"): Decimal("3.19"),
    }
    assert books.stock == {("gbrt", "LONDON", "20010"): Decimal("3.5")}
    assert books.documents["ledger", "finance-operations"] == 2
    assert books.documents["cash", "finance-operations"] == 1


def _quantity(place: str, measure: str, quantity: float, source: str = "pos") -> dict[str, Any]:
    return {
        "organization": "gbrt",
        "product": "20010",
        "dimensions": json.dumps({"siteid": "S1", "locationid": place}),
        "source": source,
        "measure": measure,
        "quantity": quantity,
    }


def test_orders_that_were_cancelled_do_not_stand() -> None:
    order = {"dataAreaId": "gbrt", "CustomerRequisitionNumber": "W-1", "OrderTotalAmount": 10}
    rows = {
        **NOTHING,
        ("finance-operations", "SalesOrderHeadersV4"): [
            order | {"SalesOrderStatus": "Canceled"},
            order | {"SalesOrderStatus": "Backorder", "OrderTotalAmount": 15},
        ],
    }

    books: Books = held_books(rows, NOTHING)

    assert books.orders == {("gbrt", "W-1"): Decimal(15)}
