"""What a receipt lacks to be the tax invoice its country asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from shared.events import SaleCompleted, SaleReturned, TaxInvoice

from .country import CountryTax, EInvoiceRules, InvoiceRules

Sale = SaleCompleted | SaleReturned


def missing_of_invoice(sale: Sale, law: CountryTax) -> Iterator[str]:
    """Yield a sentence per field that is missing or has another form."""
    rules, invoice = law.invoice, sale.tax_invoice
    if invoice is None:
        if _is_required(sale, rules):
            yield f"{law.name} asks for a tax invoice: tax_invoice is missing"
            yield from _missing_of_stamp(sale, None, rules.e_invoice)
        return
    if not re.fullmatch(rules.seller_tax_number, invoice.seller_tax_number):
        yield (
            "tax_invoice.seller_tax_number has not the form of a registration in"
            f" {law.name} ({rules.seller_tax_number})"
        )
    wanted = rules.full if invoice.kind == "full" else rules.simplified
    for name in wanted:
        if not getattr(invoice, name):
            yield f"a {invoice.kind} tax invoice of {law.name} needs tax_invoice.{name}"
    yield from _wrong_kind(sale, invoice, rules)
    if rules.returns_name_sales and not _names_a_sale(sale):
        yield f"a credit note of {law.name} names a sale: no line has an original"
    yield from _missing_of_stamp(sale, invoice, rules.e_invoice)


def _is_required(sale: Sale, rules: InvoiceRules) -> bool:
    begun = rules.required_from is not None and rules.required_from <= sale.key.business_day
    return begun and any(line.tax_amount for line in (*sale.lines, *sale.exchanged_lines))


def _names_a_sale(sale: Sale) -> bool:
    return isinstance(sale, SaleCompleted) or any(line.original for line in sale.lines)


def _wrong_kind(sale: Sale, invoice: TaxInvoice, rules: InvoiceRules) -> Iterator[str]:
    if rules.full_above is None or sale.currency != rules.currency or invoice.kind == "full":
        return
    consideration = sum((line.gross_amount for line in sale.lines), Decimal(0))
    if consideration > rules.full_above and invoice.buyer_tax_number:
        yield (
            f"a registered buyer of more than {rules.full_above} {rules.currency} must get a full"
            " tax invoice: tax_invoice.kind is simplified"
        )


def _missing_of_stamp(
    sale: Sale, invoice: TaxInvoice | None, rules: EInvoiceRules | None
) -> Iterator[str]:
    if rules is None or sale.key.business_day < rules.valid_from:
        return
    if invoice is not None and invoice.kind == "full":
        return  # cleared by the authority before it is handed over, which stamps it then
    stamp = sale.e_invoice
    if stamp is None:
        yield f"a simplified invoice needs the stamp of an e-invoice device ({rules.scheme})"
        return
    if stamp.scheme.lower() != rules.scheme:
        yield f"e_invoice.scheme is not {rules.scheme}"
    for name in rules.simplified:
        if getattr(stamp, name) == "":
            yield f"the stamp of a simplified invoice needs e_invoice.{name}"
