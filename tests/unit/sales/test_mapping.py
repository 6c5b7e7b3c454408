"""A sale as a retail transaction: what Dynamics gets says to the cent what the till said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from pydantic import ValidationError

from services.sales import mapping
from services.sales.slips import Slip, transaction_number
from shared.companies import TENDER_TYPES, Company
from shared.dynamics import RetailTransaction
from shared.dynamics.finance_operations.retail_transactions import changeset
from shared.events import SaleCompleted, SaleReturned
from shared.events.basket import Tender
from tests.unit.sales.baskets import COMPANIES, key, sales, simple_return, simple_sale

USD = COMPANIES["usrt"]


def retail_transaction(sale: SaleCompleted | SaleReturned, company: Company) -> RetailTransaction:
    return mapping.retail_transaction(Slip.of(sale), company)


def _sum(bodies: Iterable[Any], field: str) -> Decimal:
    return sum((cast("Decimal", body[field]) for body in bodies), Decimal(0))


@given(sales())
def test_every_amount_of_the_header_is_the_sum_of_its_lines(
    sale: SaleCompleted | SaleReturned,
) -> None:
    booked = retail_transaction(sale, COMPANIES[sale.key.company])
    header: Any = booked.header
    goods = -1 if isinstance(sale, SaleCompleted) else 1
    assert header["NetAmount"] == _sum(booked.sales_lines, "NetAmount")
    assert header["GrossAmount"] == _sum(booked.sales_lines, "NetAmountInclusiveTax")
    assert header["GrossAmount"] - header["NetAmount"] == _sum(booked.tax_lines, "TaxAmount")
    assert header["PaymentAmount"] == _sum(booked.payment_lines, "AmountTendered")
    assert header["PaymentAmount"] == -goods * sale.total
    assert header["DiscountAmount"] == _sum(booked.discount_lines, "DiscountAmount")
    assert header["TotalDiscountAmount"] == _sum(booked.sales_lines, "TotalDiscount")
    assert header["GrossAmount"] + header["PaymentAmount"] == header["SalesPaymentDifference"]
    assert header["SalesPaymentDifference"] == -goods * sale.rounding


@given(sales())
def test_a_sales_goods_leave_and_money_comes_and_what_comes_back_is_the_reverse(
    sale: SaleCompleted | SaleReturned,
) -> None:
    booked = retail_transaction(sale, COMPANIES[sale.key.company])
    goods = -1 if isinstance(sale, SaleCompleted) else 1
    exchanged = {line.number for line in sale.exchanged_lines}
    for line in booked.sales_lines:
        way = -goods if line["LineNumber"] in exchanged else goods
        assert cast("Decimal", line["Quantity"]) * way > 0
        for field in ("NetAmount", "NetAmountInclusiveTax", "SalesTaxAmount"):
            assert cast("Decimal", line[field]) * way >= 0
        assert cast("Decimal", line["Price"]) >= 0
        assert cast("Decimal", line["LineDiscount"]) * way <= 0
    for payment in booked.payment_lines:
        change = payment["IsChangeLine"] == "Yes"
        assert cast("Decimal", payment["AmountTendered"]) * goods * (-1 if change else 1) <= 0


@given(sales())
def test_the_lines_keys_are_unique_and_everything_can_be_written(
    sale: SaleCompleted | SaleReturned,
) -> None:
    booked = retail_transaction(sale, COMPANIES[sale.key.company])
    for lines, names in (
        (booked.sales_lines, ("LineNumber",)),
        (booked.payment_lines, ("LineNumber", "Store")),
        (booked.tax_lines, ("SalesLineNumber", "TaxCode")),
        (booked.discount_lines, ("SalesLineNumber", "LineNumber")),
    ):
        keys = [tuple(line[name] for name in names) for line in lines]
        assert len(keys) == len(set(keys))
    assert changeset(booked).operations[0].path == "RetailTransactions"


@given(sales())
def test_the_same_sale_always_gives_the_same_transaction(
    sale: SaleCompleted | SaleReturned,
) -> None:
    again = type(sale).model_validate_json(sale.model_dump_json())
    company = COMPANIES[sale.key.company]
    assert changeset(retail_transaction(sale, company)) == changeset(
        retail_transaction(again, company)
    )


def test_the_transaction_number_tells_days_apart_though_counters_restart() -> None:
    later = key().model_copy(update={"business_day": date(2026, 3, 2)})
    assert transaction_number(key()) == "20260301-17"
    assert transaction_number(later) == "20260302-17"


def test_the_header_names_the_fact() -> None:
    sale = simple_sale()
    assert retail_transaction(sale, USD).header["ChannelReferenceId"] == str(sale.event_id)


def test_a_return_names_the_line_it_was_sold_on() -> None:
    [line] = retail_transaction(simple_return(), USD).sales_lines
    assert line["ReturnTransactionNumber"] == "20260301-17"
    assert (line["ReturnTerminal"], line["ReturnOperatingUnitNumber"]) == ("T1", "S1")
    assert line["ReturnLineNumber"] == 1


def test_a_return_without_receipt_says_so() -> None:
    body = simple_return().model_dump()
    body["lines"][0]["original"] = None
    [line] = retail_transaction(SaleReturned.model_validate(body), USD).sales_lines
    assert line["IsReturnNoSale"] == "Yes"
    assert "ReturnTransactionNumber" not in line


def test_transaction_date_is_the_stores_and_the_business_day_stays_the_tills() -> None:
    company = Company(currencies=("USD",), time_zone="Asia/Dubai")
    header = retail_transaction(simple_sale(), company).header
    assert header["TransactionDate"] == date(2026, 3, 2)
    assert header["TransactionTime"] == 3 * 3600 + 30 * 60 + 5
    assert header["businessDate"] == date(2026, 3, 1)


def test_a_company_chooses_legal_entity_tenders_taxes_and_warehouse() -> None:
    company = Company(
        legal_entity="us02",
        currencies=("USD",),
        tender_types={"card": "33"},
        tax_codes={"STD": "VAT20"},
        warehouse="W1",
    )
    booked = retail_transaction(simple_sale(), company)
    assert booked.company == "us02"
    assert booked.payment_lines[0]["TenderType"] == "33"
    assert booked.tax_lines[0]["TaxCode"] == "VAT20"
    assert booked.sales_lines[0]["Warehouse"] == booked.header["Warehouse"] == "W1"


def test_taxes_that_share_a_code_in_dynamics_become_one_line() -> None:
    company = Company(currencies=("USD",), tax_codes={"STD": "X", "ECO": "X"})
    body = simple_sale().model_dump()
    body["lines"][0]["taxes"] = [
        {"code": "STD", "rate_percent": "20", "amount": "2.00"},
        {"code": "ECO", "rate_percent": "1", "amount": "0.10"},
    ]
    [tax] = retail_transaction(SaleCompleted.model_validate(body), company).tax_lines
    assert tax["TaxAmount"] == Decimal("-2.10")


def test_a_foreign_tender_keeps_its_own_amount_and_currency() -> None:
    sale = simple_sale(
        tenders=[
            {"type": "cash", "currency": "EUR", "amount": "11.00",
             "amount_in_sale_currency": "12.10", "exchange_rate": "1.1"}
        ]
    )  # fmt: skip
    [payment] = retail_transaction(sale, USD).payment_lines
    assert payment["CurrencyCode"] == "EUR"
    assert payment["AmountInTenderedCurrency"] == Decimal("11.00")
    assert payment["AmountTendered"] == Decimal("12.10")


def test_every_tender_type_of_the_contract_has_a_payment_method() -> None:
    assert set(Tender.model_fields["type"].annotation.__args__) == set(TENDER_TYPES)  # type: ignore[union-attr]


def test_an_unknown_time_zone_is_refused_when_settings_are_read() -> None:
    with pytest.raises(ValidationError, match="IANA"):
        Company(currencies=("USD",), time_zone="Mars/Olympus")
