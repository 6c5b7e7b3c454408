"""A sale or return as an invoice or credit memo, for ledgers that keep those. Pure.

An exchange is one document: what goes the other way has a negative quantity in it. A credit memo
can belong to one invoice only; one for goods of several sales belongs to none.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from services.sales.accounts import NotBookable, account
from services.sales.slips import Sale, Slip, discount, document_key, originals
from shared.companies import Company
from shared.dynamics.ports.documents import DocumentKind, SalesDocument, SalesLine, Tender
from shared.events import SaleCompleted, SaleLine

_OWN_UNIT = SaleLine.model_fields["unit"].default
"""What a till says that knows no units: the item's own."""

_KINDS = {True: DocumentKind.INVOICE, False: DocumentKind.CREDIT_MEMO}


def sales_document(slip: Slip, company: Company, *, rounding_line: bool = False) -> SalesDocument:
    """Return the document; the same slip always gives the same. Raises NotBookable.

    `rounding_line`: what cash rounding added is a line on its account, for ledgers whose documents
    come to what is paid.
    """
    sale = slip.sale
    lines = [
        *(_line(line, 1, company) for line in sale.lines),
        *(_line(line, -1, company) for line in sale.exchanged_lines),
    ]
    if rounding_line and sale.rounding:
        number = max(line.number for line in lines) + 1
        lines.append(_rounding(number, sale.rounding, account(company, "rounding")))
    return SalesDocument(
        kind=_KINDS[isinstance(sale, SaleCompleted)],
        company=company.entity(sale.key.company),
        key=slip.document_key,
        customer=customer(sale, company),
        day=sale.key.business_day,
        currency=sale.currency,
        lines=tuple(lines),
        prices_include_tax=sale.prices_include_tax,
        applies_to=_applies_to(slip),
        location=_location(sale, company),
        reference=_reference(sale),
        tenders=tuple(_tenders(sale, company)),
    )


def customer(sale: Sale, company: Company) -> str:
    """Return who bought; raises NotBookable where neither till nor setting says."""
    found = sale.customer or company.walk_in_customer
    if not found:
        raise NotBookable("a document needs a customer, and walk_in_customer is not set")
    return found


def _line(line: SaleLine, sign: int, company: Company) -> SalesLine:
    # Money taken for a gift card is owed, not earned, once its account is known.
    card = company.accounts.get("gift-card", "") if line.gift_card else ""
    return SalesLine(
        number=line.number,
        item="" if card else line.item,
        quantity=sign * line.quantity,
        unit_price=line.unit_price,
        discount=sign * discount(line),
        variant="" if card else line.variant or "",
        unit="" if card or line.unit == _OWN_UNIT else line.unit,
        tax_group=_tax_group(line, company),
        description=line.description,
        tax=sign * line.tax_amount,
        account=card,
    )


def _tax_group(line: SaleLine, company: Company) -> str:
    """Return the group the setting names for the line's tax; without one the item's own counts."""
    return company.tax_codes.get(line.taxes[0].code, "") if len(line.taxes) == 1 else ""


def _rounding(number: int, amount: Decimal, on: str) -> SalesLine:
    return SalesLine(
        number=number,
        item="",
        quantity=Decimal(1 if amount > 0 else -1),
        unit_price=abs(amount),
        description="Cash rounding",
        account=on,
    )


def _applies_to(slip: Slip) -> str:
    sale = slip.sale
    sold = originals(sale)
    # A document is applied to one in the same company, and only if that is there.
    if isinstance(sale, SaleCompleted) or len(sold) != 1 or sold[0] in slip.loose:
        return ""
    return document_key(sold[0]) if sold[0].company == sale.key.company else ""


def _location(sale: Sale, company: Company) -> str:
    place = company.stores.get(sale.key.store)
    return (place.warehouse if place else "") or company.warehouse or ""


def _reference(sale: Sale) -> str:
    """Return the number on the customer's paper: of the tax invoice, else of the receipt."""
    return (sale.tax_invoice.number if sale.tax_invoice else sale.receipt) or ""


def _tenders(sale: Sale, company: Company) -> Iterator[Tender]:
    for tender in sale.tenders:
        amount = tender.amount_in_sale_currency
        yield Tender(company.tender_type(tender.type), -amount if tender.is_change else amount)
