"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from services.orders.books import Book
from shared.bus import once
from shared.companies import CompaniesSettings, Company, OrderBook
from shared.dynamics.claims import Claims
from shared.service import ServiceCollaborators, opened
from shared.store.inbox import Inbox
from shared.store.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired(ServiceCollaborators):
    """The collaborators of the handlers and of the triggers."""

    companies: Mapping[str, Company]
    books: Mapping[OrderBook, Book]
    orders: Inbox
    payments: Inbox
    records: Records
    claims: Claims


async def _build() -> Wired:
    from services.orders.opening import open_books

    companies = CompaniesSettings().companies
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
