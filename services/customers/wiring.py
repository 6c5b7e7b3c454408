"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from services.customers.authority import Authority, Rules
from services.customers.books import CustomersBook, EntriesBook, NotesBook
from services.customers.opening import OpenedBooks, open_books
from shared.bus import once
from shared.companies import CompaniesSettings, Company, CustomerBook, EntryBook
from shared.dynamics.ports.loyalty import GiftCards, Loyalty
from shared.events import Effect
from shared.service import ServiceCollaborators, opened
from shared.store.audit import Audit
from shared.store.inbox import Inbox
from shared.store.records import Records

_ERPS = frozenset({"finance-operations", "business-central"})


class CustomersSettings(CompaniesSettings):
    """Settings of this service beside those of store, bus and Dynamics; see README.md."""

    authority: dict[str, Rules] = Field(
        default_factory=dict, description="company or * -> field, group or * -> rule, as JSON"
    )

    @model_validator(mode="after")
    def _keeps_a_customer_in_one_erp(self) -> Self:
        for name, company in self.companies.items():
            if set(company.customers) >= _ERPS:
                raise ValueError(f"company {name} keeps customers in two ERPs; one has to do")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired(ServiceCollaborators):
    """The collaborators of the handlers and of the triggers."""

    inbox: Callable[[Effect], Inbox]
    records: Records
    audit: Audit
    companies: Mapping[str, Company]
    authority: Authority
    opened_books: OpenedBooks

    @property
    def books(self) -> Mapping[CustomerBook, CustomersBook]:
        return self.opened_books.customers

    @property
    def loyalty(self) -> Mapping[EntryBook, EntriesBook[Loyalty]]:
        return self.opened_books.loyalty

    @property
    def gift_cards(self) -> Mapping[EntryBook, EntriesBook[GiftCards]]:
        return self.opened_books.gift_cards

    @property
    def notes(self) -> NotesBook | None:
        return self.opened_books.notes


async def _build() -> Wired:
    settings = CustomersSettings()
    async with AsyncExitStack() as opening:
        service = await opening.enter_async_context(opened("customers"))
        store, clock = service.store, service.bus.clock
        books = await open_books(settings.companies.values(), opening, clock, store.notes)
        return Wired(
            bus=service.bus,
            inbox=store.inbox,
            records=store.records,
            audit=store.audit,
            companies=settings.companies,
            authority=Authority(settings.authority),
            opened_books=books,
            resources=opening.pop_all(),
        )


collaborators = once(_build)
