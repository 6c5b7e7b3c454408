"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.inventory.collaborators import Lane
from services.inventory.keeper import StockKeeper
from shared.bus import BusCollaborators, once
from shared.clock import Clock
from shared.companies import Company
from shared.service import opened
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
    """The collaborators of the handlers and of the triggers."""

    bus: BusCollaborators
    companies: dict[str, Company]
    inbox: Inbox
    records: Records
    keepers: dict[Lane, StockKeeper]
    horizon: timedelta
    resources: AsyncExitStack

    @property
    def clock(self) -> Clock:
        return self.bus.clock

    async def aclose(self) -> None:
        """Close the connections to bus, store and Dynamics."""
        await self.resources.aclose()


async def _build() -> Wired:
    from services.inventory.opening import open_books

    settings = InventorySettings()
    async with AsyncExitStack() as opening:
        service = await opening.enter_async_context(opened("inventory"))
        store, clock = service.store, service.bus.clock
        companies, window = settings.companies.values(), settings.stock_window
        books = await open_books(companies, opening, clock, store.notes, window)
        return Wired(
            bus=service.bus,
            companies=settings.companies,
            inbox=store.inbox("stock"),
            records=store.records,
            keepers={lane: StockKeeper(book, store.records, clock) for lane, book in books.items()},
            horizon=settings.stock_horizon,
            resources=opening.pop_all(),
        )


collaborators = once(_build)
