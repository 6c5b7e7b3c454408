"""What the handlers of this service work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from services.customers.authority import Authority
from services.customers.books import CustomersBook, EntriesBook, NotesBook
from shared.clock import Clock
from shared.companies import Company, CustomerBook, EntryBook
from shared.dynamics.ports.loyalty import GiftCards, Loyalty
from shared.events import Effect
from shared.store.archive import Archive
from shared.store.audit import Audit
from shared.store.inbox import Inbox
from shared.store.parking import Parking
from shared.store.records import Records


class Collaborators(Protocol):
    """`inbox` gives that of an effect; `books` are of customers."""

    @property
    def clock(self) -> Clock: ...
    @property
    def inbox(self) -> Callable[[Effect], Inbox]: ...
    @property
    def records(self) -> Records: ...
    @property
    def archive(self) -> Archive: ...
    @property
    def parking(self) -> Parking: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def companies(self) -> Mapping[str, Company]: ...
    @property
    def authority(self) -> Authority: ...
    @property
    def books(self) -> Mapping[CustomerBook, CustomersBook]: ...
    @property
    def loyalty(self) -> Mapping[EntryBook, EntriesBook[Loyalty]]: ...
    @property
    def gift_cards(self) -> Mapping[EntryBook, EntriesBook[GiftCards]]: ...
    @property
    def notes(self) -> NotesBook | None: ...
