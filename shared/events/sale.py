"""What a till publishes: a sale completed and a sale returned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .balance import first_contradiction
from .facts import Fact
from .fields import (
    Amount,
    Currency,
    Frozen,
    Identifier,
    Percent,
    PositiveNumber,
    ShortText,
    SignedAmount,
    Text,
    UtcMoment,
)
from .identity import TransactionKey
from .reasons import Reason

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
    """Positive reduction in the transaction's currency, with tax if prices include it. Source: till."""


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
    """Price of one unit before discounts, with tax if prices include it; may have more decimals than
    the currency. Source: price book."""
    discounts: tuple[Discount, ...] = Field(default=(), max_length=MAX_PARTS)
    """Discounts on this line alone. Source: till."""
    basket_discount: Amount = Decimal(0)
    """This line's share of the basket discounts. Source: till."""
    taxes: tuple[TaxAmount, ...] = Field(default=(), max_length=MAX_PARTS)
    """Taxes on this line; empty where none applies or none is stated. Source: till."""
    net_amount: Amount
    """What the line costs after all discounts and without tax, in minor units. Source: till."""

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


class _TillTransaction(Fact):
    """What sales and returns share; every amount is positive."""

    key: TransactionKey
    """The transaction's natural key. Source: till."""
    revision: int = Field(default=0, ge=0, le=9999)
    """0 as first published; a correction of the same transaction counts up. Source: till."""
    occurred_at: UtcMoment
    """When the transaction was completed. Source: till clock."""
    currency: Currency
    """Currency of every amount except a foreign tender's own. Source: store configuration."""
    prices_include_tax: bool
    """Whether unit prices and discounts contain the taxes. Source: store configuration."""
    basket_discounts: tuple[Discount, ...] = Field(default=(), max_length=MAX_PARTS)
    """Discounts on the whole basket, before they were shared out to the lines. Source: till."""
    tenders: tuple[Tender, ...] = Field(max_length=MAX_PARTS)
    """Payments and change. Source: till."""
    rounding: SignedAmount = Decimal(0)
    """What cash rounding added to (or took from) the lines' sum; less than one major unit.
    Source: till."""
    total: Amount
    """What is paid, with tax and after rounding; for a return, what the customer gets. Source: till."""
    cashier: ShortText | None = None
    """Staff number. Source: till."""
    customer: ShortText | None = None
    """Customer account. Source: till."""
    receipt: ShortText | None = None
    """Number printed on the receipt. Source: till."""
    loyalty_card: ShortText | None = None
    """Loyalty card, never a payment card. Source: till."""

    @model_validator(mode="after")
    def _adds_up(self: Any) -> Any:
        contradiction = first_contradiction(self)
        if contradiction is not None:
            raise PydanticCustomError(
                Reason.AMOUNTS_DO_NOT_ADD_UP.value, "{text}", {"text": contradiction}
            )
        return self

    def natural_key(self) -> str:
        return str(self.key)

    @property
    def fact_revision(self) -> int:
        return self.revision

    @property
    def place(self) -> tuple[str, str]:
        return self.key.company, self.key.store


class SaleCompleted(_TillTransaction):
    """A customer bought and paid."""

    TYPE: ClassVar[str] = "com.tillbus.sale-completed.v1"
    TOPIC: ClassVar[str] = "sale-completed"

    lines: tuple[SaleLine, ...] = Field(min_length=1, max_length=MAX_LINES)
    """What was sold. Source: till."""

    @property
    def signed_amount(self) -> Decimal:
        return self.total


class SaleReturned(_TillTransaction):
    """A customer brought goods back and was paid; all amounts positive."""

    TYPE: ClassVar[str] = "com.tillbus.sale-returned.v1"
    TOPIC: ClassVar[str] = "sale-returned"

    lines: tuple[ReturnLine, ...] = Field(min_length=1, max_length=MAX_LINES)
    """What came back. Source: till."""

    @property
    def signed_amount(self) -> Decimal:
        return -self.total
