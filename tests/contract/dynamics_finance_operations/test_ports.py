"""What each port books, finds again, compares and reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import Conflict, Failed, MissingParent, Refused, SetUpWrong
from shared.dynamics.finance_operations import FinanceOperations, finance_operations
from shared.dynamics.ports.documents import DeliveryAddress, DocumentKind, DocumentStatus
from shared.dynamics.ports.stock import Movement
from tests.contract.dynamics.conftest import settings_for
from tests.contract.dynamics.sales import sale
from tests.contract.dynamics_finance_operations import samples
from tests.contract.dynamics_finance_operations.conftest import (
    all_settings,
    assert_found,
    key_of,
    rows,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOOKED: dict[str, tuple[str, Any]] = {
    "orders": ("documents.post", samples.document),
    "return orders": (
        "documents.post",
        lambda n: samples.document(n, DocumentKind.RETURN_ORDER),
    ),
    "invoices": ("documents.post", lambda n: samples.document(n, DocumentKind.INVOICE)),
    "credit memos": ("documents.post", lambda n: samples.document(n, DocumentKind.CREDIT_MEMO)),
    "payments": ("payments.post", samples.payment),
    "ledger journals": ("journals.post", samples.journal),
    "stock adjustments": ("stock.change", samples.change),
    "stock movements": ("stock.change", lambda n: samples.change(n, Movement.SOLD)),
    "stock counts": ("stock.count", samples.count),
    "stock transfers": ("stock.transfer", samples.transfer),
    "price changes": ("prices.post", samples.price_change),
    "customers": ("customers.save", samples.customer),
    "points": ("loyalty.record", samples.points),
    "gift cards": ("gift_cards.record", samples.gift_card),
}


def operation(finance: FinanceOperations, name: str) -> Any:
    port, _, method = name.partition(".")
    return getattr(getattr(finance, port), method)


@pytest.mark.parametrize("what", BOOKED)
async def test_what_is_booked_is_found_the_next_time(finance: FinanceOperations, what: str) -> None:
    name, make = BOOKED[what]
    book = operation(finance, name)
    postings = await book([make(1), make(2)])
    assert len({key_of(posting) for posting in postings}) == 2
    again = await book([make(2), make(1)])
    assert_found(*again)
    assert [each.key for each in again] == [each.key for each in reversed(postings)]


ALTERED: dict[str, tuple[str, Any, Any]] = {
    "orders": (
        "documents.post",
        samples.document(1),
        replace(samples.document(1), lines=samples.document(2).lines),
    ),
    "order customers": (
        "documents.post",
        samples.document(1),
        replace(samples.document(1), customer="C-1002"),
    ),
    "payments": (
        "payments.post",
        samples.payment(1),
        replace(samples.payment(1), amount=Decimal(1)),
    ),
    "stock changes": (
        "stock.change",
        samples.change(1),
        replace(samples.change(1), quantity=Decimal(4)),
    ),
    "points": (
        "loyalty.record",
        samples.points(1),
        replace(samples.points(1), points=Decimal(8)),
    ),
    "gift cards": (
        "gift_cards.record",
        samples.gift_card(1),
        replace(samples.gift_card(1), amount=Decimal(1)),
    ),
}


@pytest.mark.parametrize("what", ALTERED)
async def test_a_key_taken_by_something_else_is_a_conflict(
    finance: FinanceOperations, what: str
) -> None:
    name, first, other = ALTERED[what]
    book = operation(finance, name)
    key_of((await book([first]))[0])
    [posting] = await book([other])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, Conflict), posting.error.describe()


async def test_an_order_has_its_lines_and_amounts(
    simulator: DynamicsSimulator, finance: FinanceOperations
) -> None:
    [posting] = await finance.documents.post([samples.document(1)])
    number = key_of(posting)
    found = await finance.documents.status(DocumentKind.ORDER, "dert", "web:order:1")
    assert found == DocumentStatus("web:order:1", number, "Backorder", Decimal("22.55"))
    shirt = (await rows(simulator, "SalesOrderLinesV3"))[1]
    assert (shirt["ProductSizeId"], shirt["ProductColorId"]) == ("M", "Blue")
    assert shirt["SalesOrderNumber"] == number


async def test_an_order_says_when_and_where_its_goods_are_wanted(
    simulator: DynamicsSimulator, finance: FinanceOperations
) -> None:
    to = DeliveryAddress("Ada Example", "Am Hafen 7", "Hamburg", "20457", "DEU")
    wanted = replace(samples.document(1), requested=date(2026, 3, 9), delivery=to)
    key_of((await finance.documents.post([wanted]))[0])
    [order] = await rows(simulator, "SalesOrderHeadersV4")
    assert order["RequestedShippingDate"].startswith("2026-03-09")
    assert order["IsDeliveryAddressOrderSpecific"] == "Yes"
    assert [order[f"DeliveryAddress{part}"] for part in ("Street", "City", "ZipCode")] == [
        "Am Hafen 7",
        "Hamburg",
        "20457",
    ]


async def test_an_order_is_cancelled_once_and_an_invoiced_one_not(
    finance: FinanceOperations,
) -> None:
    invoice = samples.document(2, DocumentKind.INVOICE)
    await finance.documents.post([samples.document(1), invoice])
    cancel = finance.documents.cancel
    key_of(await cancel(DocumentKind.ORDER, "dert", "web:order:1"))
    assert_found(await cancel(DocumentKind.ORDER, "dert", "web:order:1"))
    refused = await cancel(DocumentKind.INVOICE, "dert", invoice.key)
    assert isinstance(refused, Failed)
    assert isinstance(refused.error, Refused)
    unknown = await cancel(DocumentKind.ORDER, "dert", "web:order:9")
    assert isinstance(unknown, Failed)
    assert isinstance(unknown.error, MissingParent)


async def test_posted_journals_move_the_stock(finance: FinanceOperations) -> None:
    await finance.stock.change([samples.change(1), samples.change(2, Movement.RECEIVED)])
    await finance.stock.transfer([samples.transfer(1)])
    await finance.stock.count([samples.count(0)])
    found = await finance.stock.on_hand("dert", ["20223", "20331"])
    assert {(each.item, each.location): each.on_hand for each in found} == {
        ("20223", "W1"): Decimal(4),
        ("20223", "W2"): Decimal(2),
        ("20331", "W1"): Decimal(40),
    }
    [only] = await finance.stock.on_hand("dert", ["20223"], ["W2"])
    assert only.available == Decimal(2)


async def test_without_a_custom_service_a_journal_waits_for_a_person(
    simulator: DynamicsSimulator,
) -> None:
    async with finance_operations(settings_for(simulator), simulator.clock) as finance:
        key_of((await finance.stock.change([samples.change(1)]))[0])
        [posting] = await finance.documents.post([samples.document(1, DocumentKind.INVOICE)])
    [journal] = await rows(simulator, "InventoryAdjustmentJournalHeaders")
    assert journal.get("IsPosted", "No") == "No"
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, SetUpWrong)


async def test_a_posted_price_is_active(finance: FinanceOperations) -> None:
    key_of((await finance.prices.post([samples.price_change(1)]))[0])
    [price] = [each async for each in finance.master_data.prices("dert")]
    assert price == samples.price_change(1).prices[0]


async def test_customers_are_changed_where_they_differ(finance: FinanceOperations) -> None:
    await finance.customers.save([samples.customer(1)])
    [posting] = await finance.customers.save([samples.customer(1, city="Bremen")])
    key_of(posting)
    found = await finance.customers.find("dert", "T-1")
    assert found is not None
    assert (found.name, found.city, found.group) == ("Grace Maria Hopper", "Bremen", "RETAIL")
    assert await finance.customers.find("gbrt", "T-1") is None


async def test_credit_is_limit_hold_and_what_is_owed(finance: FinanceOperations) -> None:
    await finance.documents.post([samples.document(1, DocumentKind.INVOICE)])
    await finance.payments.post([samples.payment(0)])
    credit = await finance.customers.credit("dert", "C-1001")
    assert credit is not None
    assert (credit.limit, credit.balance) == (Decimal(5000), Decimal("12.05"))
    assert not credit.on_hold
    blocked = await finance.customers.credit("dert", "C-1003")
    assert blocked is not None
    assert blocked.on_hold
    unlimited = await finance.customers.credit("dert", "C-1002")
    assert unlimited is not None
    assert unlimited.limit is None


async def test_products_come_with_their_variants_and_barcodes(finance: FinanceOperations) -> None:
    found = [each async for each in finance.master_data.products("jprt")]
    assert [(each.item, each.variant, each.barcodes) for each in found] == [
        ("20117", "", ("4006381333931",)),
        ("20223", "", ("4006381333948",)),
        ("20331", "", ("4006381333955",)),
        ("TSHIRT", "", ()),
        ("TSHIRT", "/M/Blue", ("4006381333962",)),
        ("TSHIRT", "/L/Blue", ("4006381333979",)),
    ]
    assert found[0].price == Decimal("2.95")


async def test_places_and_vendors_are_read_per_company(finance: FinanceOperations) -> None:
    places = [each async for each in finance.master_data.places("usrt")]
    assert [(each.kind, each.code) for each in places] == [
        ("store-warehouse", "W1"),
        ("store-warehouse", "W2"),
        ("store", "101"),
    ]
    [vendor] = [each async for each in finance.master_data.vendors("gbrt")]
    assert (vendor.number, vendor.currency) == ("V-1001", "GBP")


async def test_cards_have_balances(finance: FinanceOperations) -> None:
    await finance.gift_cards.record([samples.gift_card(1), samples.gift_card(2, "GC-1")])
    assert await finance.gift_cards.balance("dert", "GC-1") == Decimal(45)
    assert await finance.gift_cards.balance("dert", "GC-9") is None
    await finance.loyalty.record([samples.points(1), samples.points(2)])
    assert await finance.loyalty.balance("dert", "LC-55001", "POINTS") == Decimal(14)
    assert await finance.loyalty.balance("dert", "LC-9", "POINTS") is None


async def test_an_unknown_gift_card_is_a_missing_parent(finance: FinanceOperations) -> None:
    [posting] = await finance.gift_cards.record([samples.gift_card(1, "GC-9")])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, MissingParent)


async def test_what_a_card_number_twice_issued_meets_is_said(finance: FinanceOperations) -> None:
    await finance.gift_cards.record([samples.gift_card(1)])
    [posting] = await finance.gift_cards.record([replace(samples.gift_card(2), card="GC-1")])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, Conflict)


async def test_a_sale_carries_expenses_points_change_and_foreign_money(
    simulator: DynamicsSimulator, finance: FinanceOperations
) -> None:
    usual = sale(1)
    whole = replace(
        usual,
        income_expense_lines=(
            {"LineNumber": 1, "AccountNumber": "PARKING", "AccountType": "Income", "Amount": -2},
        ),
        loyalty_lines=(
            {
                "LineNumber": 1,
                "LoyaltyCardNumber": "LC-55001",
                "RewardPointId": "POINTS",
                "RewardPoints": 12,
                "EntryType": "Earn",
            },
        ),
        payment_lines=(
            {
                "LineNumber": 1,
                "Store": "052",
                "TenderType": "6",
                "CurrencyCode": "GBP",
                "AmountTendered": Decimal("12.70"),
                "AmountInTenderedCurrency": Decimal(10),
            },
            {
                "LineNumber": 2,
                "Store": "052",
                "TenderType": "1",
                "CurrencyCode": "USD",
                "AmountTendered": Decimal("-0.60"),
                "IsChangeLine": "Yes",
            },
        ),
    )
    [posting] = await finance.transactions.post([whole])
    key_of(posting)
    [expense] = await rows(simulator, "RetailTransactionIncomeExpenseLines")
    [earned] = await rows(simulator, "RetailTransactionLoyaltyRewardPointsLines")
    paid = await rows(simulator, "RetailTransactionPaymentLinesV2")
    assert (expense["Amount"], earned["RewardPoints"]) == (-2, 12)
    assert [(each["CurrencyCode"], each.get("IsChangeLine", "No")) for each in paid] == [
        ("GBP", "No"),
        ("USD", "Yes"),
    ]


@pytest.mark.parametrize("version", ["V2", "V3", "V4"])
async def test_the_versions_of_the_order_entities_are_one_order(
    simulator: DynamicsSimulator, version: str
) -> None:
    newest = all_settings(simulator)
    async with finance_operations(newest, simulator.clock) as finance:
        number = key_of((await finance.documents.post([samples.document(1)]))[0])
    older = all_settings(
        simulator,
        sales_order_headers=f"SalesOrderHeaders{version}",
        sales_order_lines="SalesOrderLines",
    )
    async with finance_operations(older, simulator.clock) as finance:
        [again] = await finance.documents.post([samples.document(1)])
    assert_found(again)
    assert again.key == number  # type: ignore[union-attr]
