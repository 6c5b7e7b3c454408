"""A sale or return as the retail transaction Dynamics keeps. Pure.

Field names: Finance & Operations' Commerce data entities (RetailTransactionEntity, ...V2Entity),
`RreceiptId` misspelt as there. Money stays `Decimal`; what the till does not know is left out.

Signs, in one place (`_Signs`), as Commerce's own tills write them [to be confirmed on a tenant]:

                                  sale    return
    quantity, net, gross, tax      -        +       goods leave the store, or come back
    tenders                        +        -       money comes in, or goes out; change the reverse
    discounts                      +        -       always against the goods

so that GrossAmount + PaymentAmount = SalesPaymentDifference, the cash rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from shared.companies import Company
from shared.dynamics import Body, RetailTransaction
from shared.events import ReturnLine, SaleCompleted, SaleLine, SaleReturned, TransactionKey

Sale = SaleCompleted | SaleReturned


class _Signs(NamedTuple):
    goods: int
    money: int


_SIGNS = {SaleCompleted: _Signs(goods=-1, money=1), SaleReturned: _Signs(goods=1, money=-1)}

_ZERO = Decimal(0)


def transaction_number(key: TransactionKey) -> str:
    """Return the number that is unique within store and terminal.

    A till's counter starts again every business day, Dynamics' key has no day: so the day goes in.
    """
    return f"{key.business_day:%Y%m%d}-{key.sequence}"


def retail_transaction(
    sale: Sale, company: Company, traceparent: str | None = None
) -> RetailTransaction:
    """Return the sale's header and lines; the same fact always gives the same transaction."""
    signs = _SIGNS[type(sale)]
    return RetailTransaction(
        company=company.legal_entity or sale.key.company,
        operating_unit=sale.key.store,
        terminal=sale.key.terminal,
        transaction_number=transaction_number(sale.key),
        header=_header(sale, company, signs),
        sales_lines=tuple(_sales_line(sale, line, company, signs) for line in sale.lines),
        payment_lines=tuple(_payment_lines(sale, company, signs)),
        tax_lines=tuple(_tax_lines(sale, company, signs)),
        discount_lines=tuple(_discount_lines(sale, signs)),
        traceparent=traceparent,
    )


def booked_amount(sale: Sale) -> Decimal:
    """Return what the document adds to the store's takings: returns are negative."""
    return sale.signed_amount


def _header(sale: Sale, company: Company, signs: _Signs) -> Body:
    local = sale.occurred_at.astimezone(ZoneInfo(company.time_zone))
    basket = _total(each.amount for each in sale.basket_discounts)
    discounts = basket + _total(each.amount for line in sale.lines for each in line.discounts)
    return _known(
        TransactionType="Sales",
        TransactionStatus="None",
        ChannelReferenceId=str(sale.event_id),
        TransactionDate=local.date(),
        TransactionTime=local.hour * 3600 + local.minute * 60 + local.second,
        businessDate=sale.key.business_day,
        Currency=sale.currency,
        GrossAmount=signs.goods * _total(line.gross_amount for line in sale.lines),
        NetAmount=signs.goods * _total(line.net_amount for line in sale.lines),
        PaymentAmount=signs.money * sale.total,
        SalesPaymentDifference=signs.money * sale.rounding,
        DiscountAmount=-signs.goods * discounts,
        TotalDiscountAmount=-signs.goods * basket,
        SaleIsReturnSale=_yes_no(isinstance(sale, SaleReturned)),
        IsTaxIncludedInPrice=_yes_no(sale.prices_include_tax),
        NumberOfItemLines=len(sale.lines),
        NumberOfItems=_total(line.quantity for line in sale.lines),
        NumberOfPaymentLines=len(sale.tenders),
        Warehouse=company.warehouse,
        Staff=sale.cashier,
        CustomerAccount=sale.customer,
        LoyaltyCardId=sale.loyalty_card,
        RreceiptId=sale.receipt,
    )


def _sales_line(sale: Sale, line: SaleLine, company: Company, signs: _Signs) -> Body:
    return {
        **_known(
            LineNumber=line.number,
            ItemId=line.item,
            VariantNumber=line.variant,
            BarCode=line.barcode,
            Unit=line.unit,
            Quantity=signs.goods * line.quantity,
            Price=line.unit_price,
            NetAmount=signs.goods * line.net_amount,
            NetAmountInclusiveTax=signs.goods * line.gross_amount,
            SalesTaxAmount=signs.goods * line.tax_amount,
            LineDiscount=-signs.goods * _total(each.amount for each in line.discounts),
            TotalDiscount=-signs.goods * line.basket_discount,
            Currency=sale.currency,
            Warehouse=company.warehouse,
        ),
        **_return_reference(line),
    }


def _return_reference(line: SaleLine) -> Body:
    if not isinstance(line, ReturnLine):
        return {}
    if line.original is None:
        return {"IsReturnNoSale": "Yes"}
    sold = line.original.key
    return {
        "ReturnOperatingUnitNumber": sold.store,
        "ReturnTerminal": sold.terminal,
        "ReturnTransactionNumber": transaction_number(sold),
        "ReturnLineNumber": line.original.line,
    }


def _payment_lines(sale: Sale, company: Company, signs: _Signs) -> Iterator[Body]:
    accounting = company.currencies[0] == sale.currency
    for number, tender in enumerate(sale.tenders, start=1):
        sign = -signs.money if tender.is_change else signs.money
        amount = sign * tender.amount_in_sale_currency
        yield _known(
            LineNumber=number,
            Store=sale.key.store,
            TenderType=company.tender_type(tender.type),
            CurrencyCode=tender.currency,
            AmountTendered=amount,
            AmountInTenderedCurrency=sign * tender.amount,
            # In another currency than the company's only Dynamics knows the rate it books with.
            AmountInAccountingCurrency=amount if accounting else None,
            IsChangeLine=_yes_no(tender.is_change),
            VoidStatus="None",
        )


def _tax_lines(sale: Sale, company: Company, signs: _Signs) -> Iterator[Body]:
    for line in sale.lines:
        # Line and code are the key: taxes that share a code in Dynamics are one line there.
        by_code: dict[str, tuple[Decimal, Decimal]] = {}
        for tax in line.taxes:
            code = company.tax_code(tax.code)
            _, amount = by_code.get(code, (_ZERO, _ZERO))
            by_code[code] = (tax.rate_percent, amount + tax.amount)
        for code, (rate, amount) in by_code.items():
            yield {
                "SalesLineNumber": line.number,
                "TaxCode": code,
                "TaxPercentage": rate,
                "TaxAmount": signs.goods * amount,
                "IsTaxIncludedInPrice": _yes_no(sale.prices_include_tax),
            }


def _discount_lines(sale: Sale, signs: _Signs) -> Iterator[Body]:
    basket_codes = "+".join(each.code for each in sale.basket_discounts)
    for line in sale.lines:
        granted = [(each.code, each.amount, "LineDiscountAmount") for each in line.discounts]
        if line.basket_discount:
            granted.append((basket_codes, line.basket_discount, "TotalDiscountAmount"))
        for number, (code, amount, kind) in enumerate(granted, start=1):
            yield {
                "SalesLineNumber": line.number,
                "LineNumber": number,
                "DiscountCode": code,
                "DiscountOriginType": "Manual",
                "ManualDiscountType": kind,
                "DiscountAmount": -signs.goods * amount,
                "EffectiveAmount": -signs.goods * amount,
            }


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, _ZERO)


def _yes_no(value: bool) -> str:
    return "Yes" if value else "No"


def _known(**fields: Any) -> Body:
    return {name: value for name, value in fields.items() if value is not None}
