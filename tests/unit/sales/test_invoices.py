"""A sale as an invoice or credit memo, and as lines of a journal."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from services.sales.accounts import NotBookable
from services.sales.invoices import sales_document
from services.sales.journals import ticket_entries
from services.sales.reversals import opposite
from services.sales.slips import Sale, Slip, directed
from shared.companies import Company
from shared.dynamics.business_central.mapping import expected_total
from shared.dynamics.commerce.order_upload import upload_body
from shared.dynamics.commerce.settings import CommerceSettings
from shared.dynamics.ports.documents import DocumentKind
from shared.events import SaleCompleted, SaleReturned
from tests.unit.sales.baskets import COMPANIES, key, sales, simple_return, simple_sale

ACCOUNTS = {
    "cash": "10", "card": "11", "revenue": "40", "revenue/STD": "41", "tax": "20",
    "rounding": "60", "gift-card": "30",
}  # fmt: skip


def company(sale: Sale, **changes: object) -> Company:
    settings = {
        "currencies": COMPANIES[sale.key.company].currencies,
        "walk_in_customer": "CASH",
        "accounts": ACCOUNTS,
    }
    return Company.model_validate(settings | changes)


@given(sales())
def test_a_document_comes_to_what_the_sale_came_to(sale: Sale) -> None:
    document = sales_document(Slip.of(sale), company(sale), rounding_line=True)
    tax = sum((line.tax for line in document.lines), Decimal(0))
    total = expected_total(document) + (Decimal(0) if sale.prices_include_tax else tax)
    assert total == sale.total
    assert sum((each.amount for each in document.tenders), Decimal(0)) == sale.total
    kind = DocumentKind.INVOICE if isinstance(sale, SaleCompleted) else DocumentKind.CREDIT_MEMO
    assert document.kind is kind


@given(sales())
def test_an_upload_differs_from_what_was_paid_by_the_cash_rounding_only(sale: Sale) -> None:
    document = sales_document(Slip.of(sale), company(sale))
    channel = CommerceSettings(
        url="https://csu.example", company=sale.key.company, operating_unit="1", channel_id=1
    )
    body = upload_body(document, {line.item: 1 for line, _ in directed(sale)}, channel)
    sign = 1 if isinstance(sale, SaleCompleted) else -1
    assert body["AmountPaid"] == sign * sale.total
    assert body["TotalAmount"] == sign * (sale.total - sale.rounding)


@given(sales())
def test_a_tickets_journal_lines_balance_and_its_opposite_takes_them_back(sale: Sale) -> None:
    entries = ticket_entries(sale, company(sale))
    assert sum(entries.values(), Decimal(0)) == 0
    turned = ticket_entries(opposite(sale), company(sale))
    assert {each: -amount for each, amount in entries.items()} == turned


@given(sales())
def test_the_opposite_of_the_opposite_moves_the_same_goods_and_money(sale: Sale) -> None:
    twice = opposite(opposite(sale))
    assert type(twice) is type(sale)
    assert twice.signed_amount == sale.signed_amount == -opposite(sale).signed_amount
    assert [(line.number, leaves) for line, leaves in directed(twice)] == [
        (line.number, leaves) for line, leaves in directed(sale)
    ]


def test_a_return_is_applied_to_the_one_sale_it_takes_back_from() -> None:
    back = simple_return(18)
    document = sales_document(Slip.of(back), company(back))
    assert document.applies_to == "S1/T1/20260301-17"
    loose = sales_document(Slip.of(back, loose=[key("usrt", 17)]), company(back))
    assert loose.applies_to == ""


def test_a_return_of_goods_from_two_sales_is_applied_to_neither() -> None:
    body = simple_return(19).model_dump()
    other = body["lines"][0] | {"number": 2, "original": {"key": key("usrt", 16), "line": 1}}
    paid = body["tenders"][0] | {"amount": "24.20", "amount_in_sale_currency": "24.20"}
    body |= {"lines": [body["lines"][0], other], "tenders": [paid], "total": "24.20"}
    back = SaleReturned.model_validate(body)
    assert sales_document(Slip.of(back), company(back)).applies_to == ""


def test_without_a_customer_there_is_no_document() -> None:
    with pytest.raises(NotBookable, match="walk_in_customer"):
        sales_document(Slip.of(simple_sale()), company(simple_sale(), walk_in_customer=""))


def test_money_for_a_gift_card_is_owed_and_not_earned() -> None:
    body = simple_sale().model_dump()
    body["lines"][0]["gift_card"] = "GC-1"
    sale = SaleCompleted.model_validate(body)
    [line] = sales_document(Slip.of(sale), company(sale)).lines
    assert (line.item, line.account) == ("", "30")
    assert ticket_entries(sale, company(sale))["30", "Gift cards sold"] == Decimal("-10.00")


def test_revenue_has_an_account_by_tax_where_one_is_set() -> None:
    entries = ticket_entries(simple_sale(), company(simple_sale()))
    assert entries["41", "Revenue STD"] == Decimal("-10.00")


def test_a_number_on_the_customers_paper_is_the_documents_reference() -> None:
    sale = simple_sale(receipt="R-1")
    assert sales_document(Slip.of(sale), company(sale)).reference == "R-1"
