"""Dataverse: sign-in, HTTP client and adapters, opened and closed as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.clock import Clock, utc_now
from shared.dynamics.dataverse.contexts import RowChange, UnreadableContext, row_change
from shared.dynamics.dataverse.settings import DataverseSettings
from shared.dynamics.dataverse.tables import FIELDS
from shared.dynamics.ports.changes import Changes
from shared.dynamics.ports.loyalty import GiftCards, Loyalty
from shared.dynamics.ports.master_data import Customers
from shared.dynamics.ports.notes import Notes

if TYPE_CHECKING:
    from shared.dynamics.dataverse.endpoints import DataverseEndpoints
    from shared.dynamics.governor import Book

__all__ = [
    "FIELDS",
    "Dataverse",
    "DataverseSettings",
    "RowChange",
    "UnreadableContext",
    "dataverse",
    "row_change",
]


@dataclass(frozen=True, slots=True)
class Dataverse:
    """What one environment can do for us."""

    customers: Customers
    loyalty: Loyalty
    late_loyalty: Loyalty
    """The same in the lane of what comes late in bulk."""
    gift_cards: GiftCards
    notes: Notes
    changes: Changes
    endpoints: DataverseEndpoints


@asynccontextmanager
async def dataverse(
    settings: DataverseSettings, clock: Clock = utc_now, book: Book | None = None
) -> AsyncIterator[Dataverse]:
    """Give the ports on the environment the settings name; connections close on leaving.

    Signs in with the first request. Imports httpx and azure-identity only here: a worker starts
    without them. With a `book` the calls of all workers share one rate budget.
    """
    from shared.dynamics.connection import connect
    from shared.dynamics.dataverse.changes import DataverseChanges
    from shared.dynamics.dataverse.customers import DataverseCustomers
    from shared.dynamics.dataverse.endpoints import DataverseEndpoints
    from shared.dynamics.dataverse.entries import DataverseGiftCards, DataverseLoyalty
    from shared.dynamics.dataverse.errors import RULES
    from shared.dynamics.dataverse.notes import DataverseNotes
    from shared.dynamics.dataverse.requests import HEADERS
    from shared.dynamics.dataverse.settings import PATH
    from shared.dynamics.dataverse.tables import Tables
    from shared.dynamics.governor.lanes import Lane

    opened = connect(settings, PATH, clock=clock, rules=RULES, headers=HEADERS, book=book)
    async with opened as service:
        tables, rows = Tables(settings.prefix), settings.rows
        bulk = service.in_lane(Lane.BULK)
        yield Dataverse(
            customers=DataverseCustomers(service, tables, rows=rows),
            loyalty=DataverseLoyalty(service, tables, rows=rows),
            late_loyalty=DataverseLoyalty(bulk, tables, rows=rows),
            gift_cards=DataverseGiftCards(service, tables, rows=rows),
            notes=DataverseNotes(bulk, tables),
            changes=DataverseChanges(bulk, tables),
            endpoints=DataverseEndpoints(bulk),
        )
