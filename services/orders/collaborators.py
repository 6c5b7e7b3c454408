"""What handling orders and payments needs; `wiring` builds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from services.orders.books import Book
from shared.clock import Clock
from shared.companies import Company, OrderBook
from shared.dynamics.claims import Claims
from shared.store.inbox import Inbox
from shared.store.parking import Parking
from shared.store.records import Records


class Collaborators(Protocol):
    @property
    def orders(self) -> Inbox: ...
    @property
    def payments(self) -> Inbox: ...
    @property
    def records(self) -> Records: ...
    @property
    def parking(self) -> Parking: ...
    @property
    def claims(self) -> Claims: ...
    @property
    def books(self) -> Mapping[OrderBook, Book]: ...
    @property
    def companies(self) -> Mapping[str, Company]: ...
    @property
    def clock(self) -> Clock: ...
