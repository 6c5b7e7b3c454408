"""What the handlers of this service work with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from services.inventory.keeper import StockKeeper
from shared.clock import Clock
from shared.companies import Company
from shared.store.inbox import Inbox
from shared.store.records import Records


class Lane(NamedTuple):
    """A book of stock and whether it is for what comes late in bulk."""

    system: str
    late: bool


class Collaborators(Protocol):
    """`inbox` is of the effect stock."""

    @property
    def clock(self) -> Clock: ...
    @property
    def companies(self) -> Mapping[str, Company]: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def records(self) -> Records: ...
    @property
    def keepers(self) -> Mapping[Lane, StockKeeper]: ...
