"""What a till publishes: a sale completed and a sale returned."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .balance import first_contradiction
from .basket import (
    MAX_LINES,
    MAX_PARTS,
    Discount,
    EInvoiceStamp,
    ReturnLine,
    SaleLine,
    TaxInvoice,
    Tender,
)
from .facts import Fact
from .fields import Amount, Currency, ShortText, SignedAmount, UtcMoment
from .identity import TransactionKey
from .personal import PERSONAL
from .reasons import Reason


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
    lines: tuple[SaleLine, ...] = Field(min_length=1, max_length=MAX_LINES)
    """What was sold or came back. Source: till."""
    basket_discounts: tuple[Discount, ...] = Field(default=(), max_length=MAX_PARTS)
    """Discounts on the whole basket, before they were shared out to the lines. Source: till."""
    exchanged_lines: tuple[SaleLine, ...] = Field(default=(), max_length=MAX_LINES)
    """What went the other way in the same transaction; its worth is taken off the total.
    Source: till."""
    tenders: tuple[Tender, ...] = Field(max_length=MAX_PARTS)
    """Payments and change. Source: till."""
    rounding: SignedAmount = Decimal(0)
    """What cash rounding added to (or took from) the lines' sum; less than one major unit.
    Source: till."""
    total: Amount
    """What is paid, with tax and after rounding; for a return, what the customer gets.
    Source: till."""
    cashier: Annotated[ShortText | None, PERSONAL] = None
    """Staff number. Source: till."""
    customer: Annotated[ShortText | None, PERSONAL] = None
    """Customer account. Source: till."""
    receipt: ShortText | None = None
    """Number printed on the receipt. Source: till."""
    loyalty_card: Annotated[ShortText | None, PERSONAL] = None
    """Loyalty card, never a payment card. Source: till."""
    tax_invoice: TaxInvoice | None = None
    """What makes the receipt a tax invoice; absent where none is asked for. Source: till."""
    e_invoice: EInvoiceStamp | None = None
    """Stamp of the till's e-invoice device, carried through untouched. Source: till."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
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
    """A customer bought and paid; an exchange where what came back is worth no more.

    An exchange is one transaction with one total: dearer goods minus what came back is what is
    paid, nothing for an even one. Neither side is a transaction of its own beside it.
    """

    TYPE: ClassVar[str] = "com.tillbus.sale-completed.v1"
    TOPIC: ClassVar[str] = "sale-completed"

    exchanged_lines: tuple[ReturnLine, ...] = Field(default=(), max_length=MAX_LINES)
    """What came back in the same transaction, at what was paid for it; its worth is taken off the
    total. Its basket shares were granted by the sale it came from. Source: till."""

    @property
    def signed_amount(self) -> Decimal:
        return self.total


class SaleReturned(_TillTransaction):
    """A customer brought goods back and was paid; an exchange where what came back is worth more.

    All amounts are positive.
    """

    TYPE: ClassVar[str] = "com.tillbus.sale-returned.v1"
    TOPIC: ClassVar[str] = "sale-returned"

    lines: tuple[ReturnLine, ...] = Field(min_length=1, max_length=MAX_LINES)
    """What came back. Source: till."""
    exchanged_lines: tuple[SaleLine, ...] = Field(default=(), max_length=MAX_LINES)
    """What the customer took instead; its worth is taken off what is paid out. Its discounts stand
    in its lines, it has no basket shares. Source: till."""

    @property
    def signed_amount(self) -> Decimal:
        return -self.total
