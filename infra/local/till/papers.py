"""What a till prints beyond the goods: tax invoices, and the stamps of e-invoice devices.

The stamps have the form of ZATCA's (Saudi Arabia, phase 2) and chain like them; they are signed by
nobody.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

from shared.events import EInvoiceStamp, SaleCompleted, SaleReturned, TaxInvoice
from shared.tax import TaxRates

Sale = SaleCompleted | SaleReturned

SELLER_TAX_NUMBERS = {
    "AE": "100123456700003",
    "SA": "300123456700003",
    "BH": "200000123400002",
    "OM": "OM1100001234",
}
FIRST_HASH = base64.b64encode(hashlib.sha256(b"0").hexdigest().encode()).decode()
"""What stands as the hash before the first invoice of a device (ZATCA: PIH of invoice 1)."""


@dataclass(slots=True)
class Papers:
    """The papers of one till; its device counts and chains what it stamps."""

    company: str
    country: str
    rates: TaxRates = field(default_factory=TaxRates.packaged)
    counter: int = 0
    previous_hash: str = FIRST_HASH

    @property
    def credit_needs_sale(self) -> bool:
        """Return whether nothing may come back without its receipt."""
        law = self.rates.country(self.country)
        return law is not None and law.invoice.returns_name_sales

    def added_to(self, sale: Sale) -> Sale:
        """Return the transaction with the papers its country asks for; unchanged if for none."""
        law = self.rates.country(self.country)
        if law is None or law.invoice.required_from is None:
            return sale
        if sale.key.business_day < law.invoice.required_from:
            return sale
        invoice = TaxInvoice(
            number=f"{sale.key.terminal}-{sale.key.business_day:%Y%m%d}-{sale.key.sequence:06d}",
            seller_name=f"Tillbus Retail {self.company.upper()}",
            seller_address=f"1 Market Street, {sale.key.store}",
            seller_tax_number=SELLER_TAX_NUMBERS[self.country],
        )
        stamped = law.invoice.e_invoice
        if stamped is None or sale.key.business_day < stamped.valid_from:
            return sale.model_copy(update={"tax_invoice": invoice})
        stamp = self._stamp(sale, invoice, stamped.scheme)
        return sale.model_copy(update={"tax_invoice": invoice, "e_invoice": stamp})

    def _stamp(self, sale: Sale, invoice: TaxInvoice, scheme: str) -> EInvoiceStamp:
        self.counter += 1
        content = f"{sale.key}|{self.counter}|{self.previous_hash}|{sale.total}"
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        stamp = EInvoiceStamp(
            scheme=scheme,
            uuid=str(uuid5(NAMESPACE_URL, content)),
            counter=self.counter,
            previous_hash=self.previous_hash,
            hash=digest,
            qr=_qr(sale, invoice, digest),
        )
        self.previous_hash = digest
        return stamp


def _qr(sale: Sale, invoice: TaxInvoice, digest: str) -> str:
    """Return tags 1 to 6 of a simplified invoice's QR code: base64 of tag, length, value."""
    tax = sum((line.tax_amount for line in sale.lines), start=sale.total * 0)
    values = (
        invoice.seller_name,
        invoice.seller_tax_number,
        sale.occurred_at.isoformat(),
        str(sale.total),
        str(tax),
        digest,
    )
    tagged = b""
    for tag, value in enumerate(values, start=1):
        encoded = value.encode()
        tagged += bytes([tag, len(encoded)]) + encoded
    return base64.b64encode(tagged).decode()
