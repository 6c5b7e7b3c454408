"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.inventory.books import StockBook, stock_book
from services.inventory.handlers import Lane
from services.inventory.keeper import StockKeeper
from shared.bus import BusCollaborators, once
from shared.clock import Clock
from shared.companies import Company
from shared.service import Opened, opened
from shared.store.inbox import Inbox
from shared.store.records import Records


class InventorySettings(BaseSettings):
    """Settings of this service beside those of store, bus and Dynamics; see README.md."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    companies: dict[str, Company] = Field(min_length=1, description="JSON object")
    stock_window: timedelta = Field(
        timedelta(milliseconds=200),
        ge=timedelta(0),
        le=timedelta(seconds=10),
        description="how long changes are gathered before they are sent, ISO 8601",
    )
    stock_horizon: timedelta = Field(
        timedelta(days=35),
        gt=timedelta(0),
        description="how long movements are remembered: older counts cannot be booked, ISO 8601",
    )


@dataclass(frozen=True, slots=True)
class Wired:
    """The collaborators of the handlers and of the trigger."""

    bus: BusCollaborators
    clock: Clock
    inbox: Inbox
    records: Records
    keepers: dict[Lane, StockKeeper]
    companies: dict[str, Company]
    horizon: timedelta
    resources: AsyncExitStack

    async def aclose(self) -> None:
        """Close the connections to bus, store and Dynamics."""
        await self.resources.aclose()


async def _build() -> Wired:
    settings = InventorySettings()
    async with AsyncExitStack() as opening:
        service = await opening.enter_async_context(opened("inventory"))
        keepers: dict[Lane, StockKeeper] = {}
        for system in sorted({company.stock for company in settings.companies.values()} - {"none"}):
            books = await opening.enter_async_context(
                _BOOKS[system](service, settings.stock_window)
            )
            for late, book in enumerate(books):
                keepers[Lane(system, bool(late))] = StockKeeper(
                    book, service.store.records, service.bus.clock
                )
        return Wired(
            bus=service.bus,
            clock=service.bus.clock,
            inbox=service.store.inbox("stock"),
            records=service.store.records,
            keepers=keepers,
            companies=settings.companies,
            horizon=settings.stock_horizon,
            resources=opening.pop_all(),
        )


Books = AsyncIterator[tuple[StockBook, StockBook]]
"""A product's book for live changes, and for those that come late in bulk."""


@asynccontextmanager
async def _inventory_visibility(service: Opened, window: timedelta) -> Books:
    from shared.dynamics.inventory_visibility import (
        InventoryVisibilitySettings,
        inventory_visibility,
    )

    settings = InventoryVisibilitySettings()
    async with inventory_visibility(settings, service.bus.clock, service.store.notes) as product:
        yield _books("inventory-visibility", product, window=window, most=settings.bulk)


@asynccontextmanager
async def _finance_operations(service: Opened, window: timedelta) -> Books:
    from shared.dynamics import DynamicsSettings, finance_operations

    settings = DynamicsSettings()
    async with finance_operations(settings, service.bus.clock, service.store.notes) as product:
        yield _books(
            "finance-operations",
            product,
            window=window,
            most=_MOST_JOURNALS,
            posts_journals="post" in settings.custom_services,
            offset_account=settings.movement_offset_account,
        )


@asynccontextmanager
async def _business_central(service: Opened, window: timedelta) -> Books:
    from shared.dynamics.business_central import BusinessCentralSettings, business_central

    settings = BusinessCentralSettings()
    async with business_central(settings, service.bus.clock, service.store.notes) as product:
        yield _books("business-central", product, window=window, most=_MOST_OPERATIONS)


_MOST_JOURNALS = 64
"""Of Finance & Operations sent together: each is several requests, eight of them at a time."""
_MOST_OPERATIONS = 100
"""Of one `$batch` (Business Central: limits)."""

_BOOKS = {
    "inventory-visibility": _inventory_visibility,
    "finance-operations": _finance_operations,
    "business-central": _business_central,
}


def _books(system: str, product: Any, **options: Any) -> tuple[StockBook, StockBook]:
    return (
        stock_book(system, product.stock, **options),
        stock_book(system, product.late_stock, **options),
    )


collaborators = once(_build)
