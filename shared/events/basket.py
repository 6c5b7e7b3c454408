"""What a basket is made of: lines with discounts and taxes, and the tenders that pay for them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from .fields import (
    Amount,
    Currency,
    Encoded,
    Frozen,
    Identifier,
    Percent,
    PositiveNumber,
    ShortText,
    Text,
)
from .identity import TransactionKey
from .personal import PERSONAL

TenderType = Literal["cash", "card", "gift-card", "voucher", "account", "other"]

MAX_LINES = 2000
"""Lines of one transaction; the largest real invoice we know has 1,114."""
MAX_PARTS = 100
"""Taxes or discounts of one line, and tenders or basket discounts of one transaction."""


class TaxAmount(Frozen):
    """One tax on one line."""

    code: ShortText
    """Tax code of the store's configuration, for example GB-STANDARD. Source: till."""
    rate_percent: Percent
    """Rate in percent at the time of sale: 20 means 20 %. Source: dated tax configuration."""
    amount: Amount
    """Tax in the transaction's currency and minor units. Source: till."""


class Discount(Frozen):
    """A reduction of the price."""

    code: ShortText
    """Why it was granted: promotion, coupon or manual code. Source: till."""
    amount: Amount
    """Positive reduction in the transaction's currency, with tax if prices include it.
    Source: till."""


class SaleLine(Frozen):
    """One article sold."""

    number: int = Field(ge=1, le=100_000)
    """Line number, unique in the transaction. Source: till."""
    item: Identifier
    """Article number (Dynamics: ItemNumber). Source: article master."""
    description: Text = ""
    """Text on the receipt. Source: article master."""
    barcode: Identifier | None = None
    """What was scanned, as scanned (GTIN or in-house). Source: till."""
    variant: Identifier | None = None
    """Size, colour or style of the article. Source: article master."""
    unit: ShortText = "EA"
    """Unit of the quantity. Source: article master."""
    quantity: PositiveNumber
    """Units sold or returned; fractional for weighed goods. Source: till."""
    unit_price: Amount
    """Price of one unit before discounts, with tax if prices include it; may have more decimals
    than the currency. Source: price book."""
    discounts: tuple[Discount, ...] = Field(default=(), max_length=MAX_PARTS)
    """Discounts on this line alone. Source: till."""
    basket_discount: Amount = Decimal(0)
    """This line's share of the basket discounts. Source: till."""
    taxes: tuple[TaxAmount, ...] = Field(default=(), max_length=MAX_PARTS)
    """Taxes on this line; empty where none applies or none is stated. Source: till."""
    net_amount: Amount
    """What the line costs after all discounts and without tax, in minor units. Source: till."""
    gift_card: ShortText | None = None
    """Gift card that this line sells or adds to, never a payment card. Source: till."""

    @property
    def tax_amount(self) -> Decimal:
        """Return all taxes of the line, in the transaction's currency."""
        return sum((tax.amount for tax in self.taxes), Decimal(0))

    @property
    def gross_amount(self) -> Decimal:
        """Return what the customer pays for the line, tax included."""
        return self.net_amount + self.tax_amount


class OriginalLine(Frozen):
    """The sold line that is being returned."""

    key: TransactionKey
    """The sale. Source: receipt shown by the customer."""
    line: int = Field(ge=1, le=100_000)
    """Line number in that sale. Source: receipt shown by the customer."""


class ReturnLine(SaleLine):
    """One article returned; quantity and amounts are positive."""

    reason: ShortText | None = None
    """Why it came back. Source: cashier."""
    original: OriginalLine | None = None
    """The line it was sold on; absent for a return without receipt. Source: till."""
    gift_receipt: bool = False
    """Whether it came back on a gift receipt, which names the sale and not the price.
    Source: till."""


class EInvoiceStamp(Frozen):
    """What the till's own e-invoice device stamped; carried through untouched.

    ZATCA (Saudi Arabia, phase 2): UUID, invoice counter (ICV), previous invoice's hash (PIH), hash
    and QR code, each as the device wrote it.
    """

    scheme: ShortText
    """Whose rules: zatca, or another authority's name. Source: till."""
    uuid: ShortText
    """Identity of the invoice. Source: e-invoice device."""
    counter: int = Field(ge=0, le=2**53)
    """Counter of the device (ZATCA: ICV). Source: e-invoice device."""
    previous_hash: Annotated[Encoded, Field(max_length=256)] = ""
    """Hash of the invoice before (ZATCA: PIH), base64 or hex. Source: e-invoice device."""
    hash: Annotated[Encoded, Field(min_length=1, max_length=256)]
    """Hash of this invoice, base64 or hex. Source: e-invoice device."""
    qr: Annotated[Encoded, Field(max_length=4000)] = ""
    """Content of the QR code, base64. Source: e-invoice device."""


class TaxInvoice(Frozen):
    """What makes the receipt an invoice in the sense of the tax law."""

    number: ShortText
    """Number of the invoice. Source: till."""
    kind: Literal["simplified", "full"] = "simplified"
    """Whether it names the buyer. Source: till."""
    seller_name: Text
    """Supplier's name. Source: store configuration."""
    seller_address: Text = ""
    """Supplier's address. Source: store configuration."""
    seller_tax_number: ShortText
    """Supplier's registration (TRN, VAT number). Source: store configuration."""
    buyer_name: Annotated[Text | None, PERSONAL] = None
    """Buyer's name. Source: customer."""
    buyer_address: Annotated[Text | None, PERSONAL] = None
    """Buyer's address. Source: customer."""
    buyer_tax_number: Annotated[ShortText | None, PERSONAL] = None
    """Buyer's registration. Source: customer."""


class Tender(Frozen):
    """One payment, or the change given on one."""

    type: TenderType
    """Means of payment. Source: till."""
    currency: Currency
    """Currency it was paid in. Source: till."""
    amount: Amount
    """What was handed over, in the tender's currency and minor units; positive, also for change and
    for money paid out on a return. Source: till."""
    amount_in_sale_currency: Amount
    """The same in the transaction's currency. Source: till."""
    exchange_rate: PositiveNumber = Decimal(1)
    """Units of the transaction's currency for one of the tender's; informative. Source: till."""
    is_change: bool = False
    """Whether it went the other way: change is subtracted. Source: till."""
