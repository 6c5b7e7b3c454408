"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.sales.collaborators import TaxCheck
from services.sales.ledgers import SalesBook
from shared.bus import BusCollaborators, Publisher, once
from shared.clock import Clock
from shared.companies import Company
from shared.service import opened
from shared.store.archive import Archive
from shared.store.inbox import Inbox
from shared.store.parking import Parking
from shared.store.records import Records


class SalesSettings(BaseSettings):
    """Settings of this service beside those of store, bus and Dynamics; see README.md."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    companies: dict[str, Company] = Field(min_length=1, description="JSON object")


@dataclass(frozen=True, slots=True)
class Wired:
    """The collaborators of the handlers and of the triggers."""

    bus: BusCollaborators
    companies: dict[str, Company]
    books: dict[str, SalesBook]
    inbox: Inbox
    cash_inbox: Inbox
    records: Records
    tax_check: TaxCheck
    resources: AsyncExitStack

    @property
    def clock(self) -> Clock:
        return self.bus.clock

    @property
    def archive(self) -> Archive:
        return self.bus.archive

    @property
    def parking(self) -> Parking:
        return self.bus.parking

    @property
    def announcer(self) -> Publisher:
        return self.bus.publisher

    async def aclose(self) -> None:
        """Close the connections to bus, store and Dynamics."""
        await self.resources.aclose()


async def _build() -> Wired:
    from services.sales.opening import open_books
    from shared.tax import TaxRates, check

    companies = SalesSettings().companies
    rates = TaxRates.configured()
    async with AsyncExitStack() as opening:
        service = await opening.enter_async_context(opened("sales"))
        store, clock = service.store, service.bus.clock
        books = await open_books(companies.values(), opening, clock, store.notes)
        return Wired(
            bus=service.bus,
            companies=companies,
            books=books,
            inbox=store.inbox("ledger"),
            cash_inbox=store.inbox("cash"),
            records=store.records,
            tax_check=partial(check, rates=rates),
            resources=opening.pop_all(),
        )


collaborators = once(_build)
