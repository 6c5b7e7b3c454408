"""What is configured of one country's VAT law: rates with their dates, rounding, invoice fields."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.events.fields import Currency, Percent

InvoiceField = Literal[
    "seller_name", "seller_address", "buyer_name", "buyer_address", "buyer_tax_number"
]
StampField = Literal["counter", "previous_hash", "hash", "qr"]


class _Configured(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Rate(_Configured):
    """One rate and when it is in force."""

    kind: str
    """What the law calls it: standard, reduced, super-reduced, zero. A later rate of the same kind
    takes the place of an earlier one."""
    percent: Percent
    """20 means 20 %."""
    valid_from: date = Field(alias="from")
    """First day."""
    valid_until: date | None = Field(default=None, alias="until")
    """Last day, where no rate of its kind follows."""
    source: str = ""
    """Where it stands, or why it is unsure."""
    unsure: bool = False
    """Whether the date or the rate is still to be confirmed by who answers for the taxes."""


class EInvoiceRules(_Configured):
    """What a till's own e-invoice device must have stamped."""

    valid_from: date = Field(alias="from")
    """First day."""
    scheme: str
    """Whose stamp: what `EInvoiceStamp.scheme` says."""
    simplified: tuple[StampField, ...]
    """Fields a simplified invoice's stamp must not leave empty; its UUID never is."""


class InvoiceRules(_Configured):
    """What makes a receipt a tax invoice."""

    required_from: date | None = None
    """Since when every taxed sale needs one; where absent, what invoices there are is checked."""
    seller_tax_number: str = ".+"
    """Regular expression of the supplier's registration."""
    simplified: tuple[InvoiceField, ...] = ("seller_name",)
    """Fields a simplified invoice must not leave empty."""
    full: tuple[InvoiceField, ...] = ("seller_name", "buyer_name", "buyer_address")
    """Fields a full invoice must not leave empty."""
    full_above: Decimal | None = None
    """Consideration above which a buyer who is registered must get a full invoice."""
    currency: Currency | None = None
    """Currency of that amount; sales in others are not held against it."""
    returns_name_sales: bool = False
    """Whether a credit note must name a sale it belongs to."""
    e_invoice: EInvoiceRules | None = None
    """Rules of the country's e-invoices, where tills stamp them."""
    source: str = ""
    """Where it stands."""


class CountryTax(_Configured):
    """VAT law of one country."""

    name: str
    """For people."""
    rates: tuple[Rate, ...] = ()
    """Every rate known; none where no VAT is levied."""
    complete: bool = True
    """Whether all rates are listed. Where not, a rate that is not listed is let pass."""
    rounding: Literal["each-line", "tolerant"] = "tolerant"
    """each-line: the tax of a line is its rate applied and rounded half up, to the minor unit.
    tolerant: what the till computed stands if it is within one minor unit of that. Goods that come
    back are taxed as they were sold, within two."""
    invoice: InvoiceRules = InvoiceRules()
    """What makes a receipt a tax invoice."""
    source: str = ""
    """Where it stands."""

    def rate(self, kind: str, day: date) -> Rate | None:
        """Return the rate of a kind in force on a day."""
        begun = [each for each in self.rates if each.kind == kind and each.valid_from <= day]
        if not begun:
            return None
        latest = max(begun, key=lambda each: each.valid_from)
        over = latest.valid_until is not None and latest.valid_until < day
        return None if over else latest

    def percents(self, day: date) -> frozenset[Decimal]:
        """Return every rate in force on a day; what is exempt or zero-rated is taxed at 0."""
        kinds = {each.kind for each in self.rates}
        found = (self.rate(kind, day) for kind in kinds)
        return frozenset([Decimal(0), *(each.percent for each in found if each is not None)])

    def percents_before(self, day: date) -> frozenset[Decimal]:
        """Return every rate ever in force up to a day: for goods sold nobody knows when."""
        begun = (each.percent for each in self.rates if each.valid_from <= day)
        return frozenset([Decimal(0), *begun])
