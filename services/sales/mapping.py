"""A sale or return as the retail transaction Dynamics keeps. Pure.

Field names: Finance & Operations' Commerce data entities (RetailTransactionEntity, ...V2Entity),
`RreceiptId` misspelt as there. Money stays `Decimal`; what the till does not know is left out.

Signs, in one place, as Commerce's own tills write them [to be confirmed on a tenant]:

                                  sale    return
    quantity, net, gross, tax      -        +       goods leave the store, or come back
    tenders                        +        -       money comes in, or goes out; change the reverse
    discounts                      +        -       always against the goods

so that GrossAmount + PaymentAmount = SalesPaymentDifference, the cash rounding. In an exchange each
line has the sign of its own goods, and the header the sum of the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from services.sales.slips import Sale, Slip, directed, discount, transaction_number
from shared.companies import Company
from shared.dynamics import Body, RetailTransaction
from shared.events import ReturnLine, SaleCompleted, SaleLine, SaleReturned

LEAVES, COMES_BACK = -1, 1

MAX_COMMENT = 60
"""Characters of a transaction's comment [to be confirmed on a tenant]."""

_ZERO = Decimal(0)


def retail_transaction(slip: Slip, company: Company) -> RetailTransaction:
    """Return the sale's header and lines; the same slip always gives the same transaction."""
    sale = slip.sale
    money = 1 if isinstance(sale, SaleCompleted) else -1
    lines = [(line, LEAVES if leaves else COMES_BACK) for line, leaves in directed(sale)]
    return RetailTransaction(
        company=company.entity(sale.key.company),
        operating_unit=sale.key.store,
        terminal=sale.key.terminal,
        transaction_number=slip.number,
        header=_header(slip, company, lines, money),
        sales_lines=tuple(_sales_line(sale, line, sign, company) for line, sign in lines),
        payment_lines=tuple(_payment_lines(sale, company, money)),
        tax_lines=tuple(_tax_lines(sale, company, lines)),
        discount_lines=tuple(_discount_lines(sale, lines)),
        traceparent=slip.traceparent,
    )


def _header(slip: Slip, company: Company, lines: list[tuple[SaleLine, int]], money: int) -> Body:
    sale = slip.sale
    local = sale.occurred_at.astimezone(ZoneInfo(company.time_zone))
    return known(
        TransactionType="Sales",
        TransactionStatus="None",
        ChannelReferenceId=str(slip.fact_id),
        TransactionDate=local.date(),
        TransactionTime=local.hour * 3600 + local.minute * 60 + local.second,
        businessDate=sale.key.business_day,
        Currency=sale.currency,
        GrossAmount=total(sign * line.gross_amount for line, sign in lines),
        NetAmount=total(sign * line.net_amount for line, sign in lines),
        PaymentAmount=money * sale.total,
        SalesPaymentDifference=money * sale.rounding,
        DiscountAmount=total(-sign * discount(line) for line, sign in lines),
        TotalDiscountAmount=total(-sign * line.basket_discount for line, sign in lines),
        SaleIsReturnSale=yes_no(isinstance(sale, SaleReturned)),
        IsTaxIncludedInPrice=yes_no(sale.prices_include_tax),
        NumberOfItemLines=len(lines),
        NumberOfItems=total(line.quantity for line, _ in lines),
        NumberOfPaymentLines=len(sale.tenders),
        Warehouse=company.warehouse,
        Staff=sale.cashier,
        CustomerAccount=sale.customer,
        LoyaltyCardId=sale.loyalty_card,
        RreceiptId=sale.receipt,
        Comment=e_invoice_comment(sale),
    )


def e_invoice_comment(sale: Sale) -> str | None:
    """Return scheme, identity and counter of the e-invoice stamp as its device wrote them.

    A stamp that does not fit is left out whole: half of one would be a forgery. Hashes and QR code
    have no field in Dynamics; the archive keeps them with the fact.
    """
    stamp = sale.e_invoice
    if stamp is None:
        return None
    text = f"{stamp.scheme} {stamp.uuid} {stamp.counter}"
    return text if len(text) <= MAX_COMMENT else None


def _sales_line(sale: Sale, line: SaleLine, sign: int, company: Company) -> Body:
    return {
        **known(
            LineNumber=line.number,
            ItemId=line.item,
            VariantNumber=line.variant,
            BarCode=line.barcode,
            Unit=line.unit,
            Quantity=sign * line.quantity,
            Price=line.unit_price,
            NetAmount=sign * line.net_amount,
            NetAmountInclusiveTax=sign * line.gross_amount,
            SalesTaxAmount=sign * line.tax_amount,
            LineDiscount=-sign * total(each.amount for each in line.discounts),
            TotalDiscount=-sign * line.basket_discount,
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


def _payment_lines(sale: Sale, company: Company, money: int) -> Iterator[Body]:
    accounting = company.currencies[0] == sale.currency
    for number, tender in enumerate(sale.tenders, start=1):
        sign = -money if tender.is_change else money
        amount = sign * tender.amount_in_sale_currency
        yield known(
            LineNumber=number,
            Store=sale.key.store,
            TenderType=company.tender_type(tender.type),
            CurrencyCode=tender.currency,
            AmountTendered=amount,
            AmountInTenderedCurrency=sign * tender.amount,
            # In another currency than the company's only Dynamics knows the rate it books with.
            AmountInAccountingCurrency=amount if accounting else None,
            IsChangeLine=yes_no(tender.is_change),
            VoidStatus="None",
        )


def _tax_lines(
    sale: Sale, company: Company, lines: Iterable[tuple[SaleLine, int]]
) -> Iterator[Body]:
    for line, sign in lines:
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
                "TaxAmount": sign * amount,
                "IsTaxIncludedInPrice": yes_no(sale.prices_include_tax),
            }


def _discount_lines(sale: Sale, lines: Iterable[tuple[SaleLine, int]]) -> Iterator[Body]:
    basket_codes = "+".join(each.code for each in sale.basket_discounts)
    for line, sign in lines:
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
                "DiscountAmount": -sign * amount,
                "EffectiveAmount": -sign * amount,
            }


def total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, _ZERO)


def yes_no(value: bool) -> str:
    return "Yes" if value else "No"


def known(**fields: Any) -> Body:
    return {name: value for name, value in fields.items() if value is not None}
