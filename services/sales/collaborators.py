"""What the handlers of this service work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from services.sales.ledgers import SalesBook
from services.sales.slips import Sale
from shared.clock import Clock
from shared.companies import Company
from shared.events import Event, Reason
from shared.store.archive import Archive
from shared.store.inbox import Inbox
from shared.store.parking import Parking
from shared.store.records import Records

TaxCheck = Callable[[Sale, str], tuple[Reason, str] | None]
"""Returns what a country's tax law has against a sale, None where nothing."""


class Announcer(Protocol):
    """The part of the publisher that timers use."""

    async def publish(self, events: Iterable[Event[Any]]) -> None: ...


class Collaborators(Protocol):
    """`inbox` is of the effect ledger, `cash_inbox` of cash; `books` by Company.ledger."""

    @property
    def clock(self) -> Clock: ...
    @property
    def companies(self) -> Mapping[str, Company]: ...
    @property
    def books(self) -> Mapping[str, SalesBook]: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def cash_inbox(self) -> Inbox: ...
    @property
    def records(self) -> Records: ...
    @property
    def archive(self) -> Archive: ...
    @property
    def parking(self) -> Parking: ...
    @property
    def announcer(self) -> Announcer: ...
    @property
    def tax_check(self) -> TaxCheck: ...
