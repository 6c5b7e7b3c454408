"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from services.sales.collaborators import TaxCheck
from services.sales.ledgers import SalesBook
from shared.bus import Publisher, once
from shared.companies import CompaniesSettings, Company
from shared.service import ServiceCollaborators, opened
from shared.store.inbox import Inbox
from shared.store.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired(ServiceCollaborators):
    """The collaborators of the handlers and of the triggers."""

    companies: dict[str, Company]
    books: dict[str, SalesBook]
    inbox: Inbox
    cash_inbox: Inbox
    records: Records
    tax_check: TaxCheck

    @property
    def announcer(self) -> Publisher:
        return self.bus.publisher


async def _build() -> Wired:
    from services.sales.opening import open_books
    from shared.tax import TaxRates, check

    companies = CompaniesSettings().companies
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
