"""Orders, invoices, credit memos, payments and journals.

Every document carries `key`, our natural key of the fact behind it: what is booked under it once is
never booked again. Quantities and amounts are positive unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from shared.dynamics.ports.posting import Posting


class DocumentKind(StrEnum):
    ORDER = "order"
    INVOICE = "invoice"
    RETURN_ORDER = "return-order"
    CREDIT_MEMO = "credit-memo"


@dataclass(frozen=True, slots=True)
class SalesLine:
    """`unit_price` is before discount and as `prices_include_tax` of the document says;
    `discount` the amount off the whole line; empty texts mean the product's own default. What goes
    the other way within a document (goods exchanged) has a negative quantity, discount and tax."""

    number: int
    item: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal = Decimal(0)
    variant: str = ""
    unit: str = ""
    tax_group: str = ""
    site: str = ""
    location: str = ""
    description: str = ""
    tax: Decimal = Decimal(0)
    """Of the whole line, in its price or on top of it; for products that do not compute it."""
    account: str = ""
    """Main account of what is no item, such as cash rounding; `item` is empty then."""


@dataclass(frozen=True, slots=True)
class Tender:
    """One payment that came with a document, in its currency; `method` as the product names it."""

    method: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DeliveryAddress:
    """Where an order goes instead of the customer's own address."""

    name: str
    street: str
    city: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class SalesDocument:
    """`applies_to`: the key of the invoice a credit memo or return belongs to, '' without one."""

    kind: DocumentKind
    company: str
    key: str
    customer: str
    day: date
    currency: str
    lines: tuple[SalesLine, ...]
    prices_include_tax: bool = True
    applies_to: str = ""
    site: str = ""
    location: str = ""
    reference: str = ""
    """What the customer knows it by: the web shop's order number."""
    tenders: tuple[Tender, ...] = ()
    requested: date | None = None
    """When the goods of an order are wanted."""
    delivery: DeliveryAddress | None = None
    """Of an order."""


@dataclass(frozen=True, slots=True)
class DocumentStatus:
    """`state` in the product's own word; `number` as Dynamics numbered it; totals include tax."""

    key: str
    number: str
    state: str
    total: Decimal | None = None


class SalesDocuments(Protocol):
    """Orders, invoices, returns and credit memos, each at most once."""

    async def post(self, documents: Sequence[SalesDocument]) -> Sequence[Posting]:
        """Book each; one posting per document, in the same order. Raises for our bugs only."""
        ...

    async def cancel(self, kind: DocumentKind, company: str, key: str) -> Posting:
        """Cancel an order or return order that is not invoiced; already cancelled is booked."""
        ...

    async def status(self, kind: DocumentKind, company: str, key: str) -> DocumentStatus | None:
        """Return where the document stands, None where there is none. Raises DynamicsError."""
        ...


@dataclass(frozen=True, slots=True)
class Payment:
    company: str
    key: str
    customer: str
    day: date
    amount: Decimal
    currency: str
    method: str = ""
    applies_to: str = ""
    """The key of the invoice it pays, '' on account."""


class CustomerPayments(Protocol):
    async def post(self, payments: Sequence[Payment]) -> Sequence[Posting]:
        """As SalesDocuments.post."""
        ...


@dataclass(frozen=True, slots=True)
class JournalLine:
    """`amount` is signed: debit is positive. `account` and `offset_account` as the chart names
    them; `dimensions`: dimension -> value."""

    number: int
    account: str
    amount: Decimal
    offset_account: str = ""
    text: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Journal:
    company: str
    key: str
    name: str
    """The journal name or template it belongs to."""
    day: date
    currency: str
    lines: tuple[JournalLine, ...]
    text: str = ""


class LedgerJournals(Protocol):
    async def post(self, journals: Sequence[Journal]) -> Sequence[Posting]:
        """As SalesDocuments.post; header, lines and, where the product has it, the posting."""
        ...
