"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field

from services.inventory.collaborators import Lane
from services.inventory.keeper import StockKeeper
from shared.bus import once
from shared.companies import CompaniesSettings, Company
from shared.service import ServiceCollaborators, opened
from shared.store.inbox import Inbox
from shared.store.records import Records


class InventorySettings(CompaniesSettings):
    """Settings of this service beside those of store, bus and Dynamics; see README.md."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired(ServiceCollaborators):
    """The collaborators of the handlers and of the triggers."""

    companies: dict[str, Company]
    inbox: Inbox
    records: Records
    keepers: dict[Lane, StockKeeper]
    horizon: timedelta


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
