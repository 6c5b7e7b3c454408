"""What headquarters, Finance & Operations, has distributed to the channels; all fictitious."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.local.dynamics.finance_operations.master_data import SEEDED_COMPANIES
from infra.local.dynamics.finance_operations.seeding import (
    ITEMS,
    OTHER_WAREHOUSE,
    STORE,
    WAREHOUSE,
)


@dataclass(frozen=True, slots=True)
class Channel:
    """One store of one company. `catalog`: a catalog with prices of its own, beside 0."""

    operating_unit: str
    id: int
    company: str
    currency: str
    catalog: int = 1

    @property
    def store(self) -> str:
        return f"STORE{self.operating_unit}"


CHANNELS: Mapping[str, Channel] = {
    channel.operating_unit: channel
    for channel in (
        Channel(str(int(STORE) + number), 5637144592 + number, company, currency)
        for number, (company, (_, currency)) in enumerate(SEEDED_COMPANIES.items())
    )
}
"""By operating unit number, the header `OUN`."""


@dataclass(frozen=True, slots=True)
class Product:
    id: int
    """Record id: Commerce names products by it, not by the item number."""
    item: str
    name: str
    price: float
    unit: str = "ea"


_FIRST_PRODUCT = 68719490000

PRODUCTS: tuple[Product, ...] = tuple(
    Product(_FIRST_PRODUCT + number, item, name, price)
    for number, (item, name, price, _) in enumerate(ITEMS)
)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A price that replaces an item's own: from `first` to `last` (days), in one catalog."""

    item: str
    price: float
    catalog: int = 0
    first: str = "1900-01-01"
    last: str = "9999-12-31"


ADJUSTMENTS = (
    Adjustment("TSHIRT", 9.99, first="2026-06-01", last="2026-06-30"),
    Adjustment("20223", 11.25, catalog=1),
)
CUSTOMER_PERCENT = {"C-1001": 10}
"""Percent off everything, by customer."""


@dataclass(frozen=True, slots=True)
class Customer:
    account: str
    first_name: str
    last_name: str
    email: str = ""
    phone: str = ""
    is_person: bool = True
    group: str = "RETAIL"


CUSTOMERS = (
    Customer("C-1001", "", "Riverside Outfitters", "buying@riverside.example", "", False, "TRADE"),
    Customer("C-1002", "Ada", "Hartmann", "ada@example.com", "+1 555 0100"),
    Customer("C-1003", "", "Blocked Trading", "", "", False),
)
GIFT_CARDS = {"GC-1001": 50.0, "GC-1002": 0.0}
STOCK = {WAREHOUSE: 100.0, OTHER_WAREHOUSE: 20.0}
"""Of each item, by warehouse; the first is the channels' own."""
