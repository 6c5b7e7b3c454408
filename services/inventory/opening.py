"""Opens the books of stock of the products that the configured companies use, and of no others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from services.inventory.books import StockBook, stock_book
from services.inventory.collaborators import Lane
from shared.clock import Clock
from shared.companies import Company

if TYPE_CHECKING:
    from shared.dynamics.governor import Book
    from shared.dynamics.ports.stock import Stock

_MOST_JOURNALS = 64
"""Of Finance & Operations sent together: each is several requests, eight of them at a time."""
_MOST_OPERATIONS = 100
"""Of one `$batch` (Business Central: limits)."""


class _Product(Protocol):
    @property
    def stock(self) -> Stock: ...
    @property
    def late_stock(self) -> Stock: ...


_Options = Mapping[str, Any]
"""What `stock_book` has to know of the product beside its name."""
_Opener = Callable[[AsyncExitStack, Clock, "Book"], Awaitable[tuple[_Product, _Options]]]


async def open_books(
    companies: Iterable[Company],
    opening: AsyncExitStack,
    clock: Clock,
    notes: Book,
    window: timedelta,
) -> dict[Lane, StockBook]:
    """Return each product's book for live changes, and that for those that come late in bulk.

    `notes` is where instances share rates and claims. Raises pydantic's ValidationError naming a
    setting of a product in use that is missing.
    """
    books: dict[Lane, StockBook] = {}
    for system in sorted({company.stock for company in companies} - {"none"}):
        product, options = await _OPENERS[system](opening, clock, notes)
        for late, stock in ((False, product.stock), (True, product.late_stock)):
            books[Lane(system, late)] = stock_book(system, stock, window=window, **options)
    return books


async def _inventory_visibility(
    opening: AsyncExitStack, clock: Clock, notes: Book
) -> tuple[_Product, _Options]:
    from shared.dynamics.inventory_visibility import (
        InventoryVisibilitySettings,
        inventory_visibility,
    )

    settings = InventoryVisibilitySettings()
    ports = await opening.enter_async_context(inventory_visibility(settings, clock, notes))
    return ports, {"most": settings.bulk}


async def _finance_operations(
    opening: AsyncExitStack, clock: Clock, notes: Book
) -> tuple[_Product, _Options]:
    from shared.dynamics import DynamicsSettings, finance_operations

    settings = DynamicsSettings()
    ports = await opening.enter_async_context(finance_operations(settings, clock, notes))
    return ports, {
        "most": _MOST_JOURNALS,
        "posts_journals": "post" in settings.custom_services,
        "offset_account": settings.movement_offset_account,
    }


async def _business_central(
    opening: AsyncExitStack, clock: Clock, notes: Book
) -> tuple[_Product, _Options]:
    from shared.dynamics.business_central import BusinessCentralSettings, business_central

    settings = BusinessCentralSettings()
    ports = await opening.enter_async_context(business_central(settings, clock, notes))
    return ports, {"most": _MOST_OPERATIONS}


_OPENERS: Mapping[str, _Opener] = {
    "inventory-visibility": _inventory_visibility,
    "finance-operations": _finance_operations,
    "business-central": _business_central,
}
