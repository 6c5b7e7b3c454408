"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.orders.books import Book
from shared.bus import BusCollaborators, once
from shared.clock import Clock
from shared.companies import Company, OrderBook
from shared.dynamics.claims import Claims
from shared.service import opened
from shared.store.inbox import Inbox
from shared.store.parking import Parking
from shared.store.records import Records


class OrdersSettings(BaseSettings):
    """Settings of this service beside those of store, bus and Dynamics; see README.md."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    companies: dict[str, Company] = Field(min_length=1, description="JSON object")


@dataclass(frozen=True, slots=True)
class Wired:
    """The collaborators of the handlers and of the triggers."""

    bus: BusCollaborators
    companies: Mapping[str, Company]
    books: Mapping[OrderBook, Book]
    orders: Inbox
    payments: Inbox
    records: Records
    claims: Claims
    resources: AsyncExitStack

    @property
    def clock(self) -> Clock:
        return self.bus.clock

    @property
    def parking(self) -> Parking:
        return self.bus.parking

    async def aclose(self) -> None:
        """Close the connections to bus, store and Dynamics."""
        await self.resources.aclose()


async def _build() -> Wired:
    from services.orders.opening import open_books

    companies = OrdersSettings().companies
    async with AsyncExitStack() as opening:
        service = await opening.enter_async_context(opened("orders"))
        store, clock = service.store, service.bus.clock
        return Wired(
            bus=service.bus,
            companies=companies,
            books=await open_books(companies.values(), opening, clock, store.notes),
            orders=store.inbox("order"),
            payments=store.inbox("payment"),
            records=store.records,
            claims=Claims("orders", clock, store.notes),
            resources=opening.pop_all(),
        )


collaborators = once(_build)
