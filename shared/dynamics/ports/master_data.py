"""What Dynamics masters: customers, products, prices, places."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from shared.dynamics.ports.posting import Posting


@dataclass(frozen=True, slots=True)
class Customer:
    company: str
    number: str
    name: str
    group: str = ""
    currency: str = ""
    language: str = ""
    email: str = ""
    phone: str = ""
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""
    is_person: bool = True


@dataclass(frozen=True, slots=True)
class Credit:
    """`limit` None: unlimited. `balance`: what the customer owes, None where unknown."""

    limit: Decimal | None
    balance: Decimal | None
    on_hold: bool
    currency: str = ""


class CustomerDirectory(Protocol):
    async def find(self, company: str, number: str) -> Customer | None: ...

    async def search(self, company: str, text: str, most: int = 20) -> Sequence[Customer]:
        """Return customers by name, e-mail address or telephone number. Raises DynamicsError."""
        ...


class Customers(Protocol):
    async def save(self, customers: Sequence[Customer]) -> Sequence[Posting]:
        """Create or change each; one posting per customer, in the same order."""
        ...

    async def find(self, company: str, number: str) -> Customer | None: ...

    async def credit(self, company: str, number: str) -> Credit | None:
        """Return None for a customer that does not exist. Raises DynamicsError."""
        ...


@dataclass(frozen=True, slots=True)
class Product:
    """One sellable thing: an item or one variant of it."""

    company: str
    item: str
    name: str
    variant: str = ""
    category: str = ""
    unit: str = ""
    price: Decimal | None = None
    tax_group: str = ""
    barcodes: tuple[str, ...] = ()
    blocked: bool = False
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """`quantity_from`: valid from that quantity on; '' and None mean everywhere and always.

    `is_card`: of the item itself, for where no list has a price; its currency '' is the company's.
    """

    company: str
    item: str
    amount: Decimal
    currency: str
    variant: str = ""
    unit: str = ""
    customer: str = ""
    customer_group: str = ""
    location: str = ""
    quantity_from: Decimal = Decimal(0)
    first_day: date | None = None
    last_day: date | None = None
    is_card: bool = False


class ItemPrices(Protocol):
    async def of_items(self, company: str, items: Sequence[str], customer: str) -> Sequence[Price]:
        """Return every price of these items that may hold for the customer: everybody's, his
        group's where the product tells it, his own; and each item's card, so that an item without
        one does not exist. Reads those alone, while somebody waits. Raises DynamicsError."""
        ...


@dataclass(frozen=True, slots=True)
class Quote:
    """What an item costs a customer on a day: `amount` after discounts, `base` before."""

    company: str
    item: str
    amount: Decimal
    base: Decimal
    currency: str
    unit: str = ""


class Quotes(Protocol):
    async def quote(
        self, company: str, items: Sequence[str], at: datetime, customer: str = ""
    ) -> Sequence[Quote]:
        """Return one per item that has a price, in any order. Raises DynamicsError."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A store, warehouse or location."""

    company: str
    code: str
    name: str
    kind: str
    site: str = ""
    warehouse: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Vendor:
    company: str
    number: str
    name: str
    currency: str = ""


class MasterData(Protocol):
    """Reads; every iterator follows the product's paging to its end. Raises DynamicsError."""

    def products(self, company: str, since: datetime | None = None) -> AsyncIterator[Product]: ...

    def prices(self, company: str, since: datetime | None = None) -> AsyncIterator[Price]: ...

    def places(self, company: str) -> AsyncIterator[Place]: ...

    def vendors(self, company: str) -> AsyncIterator[Vendor]: ...


@dataclass(frozen=True, slots=True)
class PriceChange:
    """Prices that change together; `key` names the change for ever."""

    company: str
    key: str
    prices: tuple[Price, ...]


class PriceChanges(Protocol):
    async def post(self, changes: Sequence[PriceChange]) -> Sequence[Posting]:
        """Book each change once, with all its prices or none; one posting per change."""
        ...
