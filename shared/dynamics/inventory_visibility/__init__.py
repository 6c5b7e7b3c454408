"""Inventory Visibility: sign-in, HTTP client and adapters, opened and closed as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.clock import Clock, utc_now
from shared.dynamics.inventory_visibility.settings import InventoryVisibilitySettings
from shared.dynamics.ports.stock import Reservations, Stock

if TYPE_CHECKING:
    from shared.dynamics.governor import Book

__all__ = ["InventoryVisibility", "InventoryVisibilitySettings", "inventory_visibility"]


@dataclass(frozen=True, slots=True)
class InventoryVisibility:
    """The ports of the service."""

    stock: Stock
    late_stock: Stock
    """The same in the lane of what comes late in bulk."""
    reservations: Reservations


@asynccontextmanager
async def inventory_visibility(
    settings: InventoryVisibilitySettings, clock: Clock = utc_now, book: Book | None = None
) -> AsyncIterator[InventoryVisibility]:
    """Give the ports on the environment the settings name; connections close on leaving.

    Signs in with the first request. Imports httpx and azure-identity only here: a worker starts
    without them. With a `book` the calls of all workers share one rate budget.
    """
    from shared.dynamics.connection import connect
    from shared.dynamics.governor.lanes import Lane
    from shared.dynamics.inventory_visibility.events import Events
    from shared.dynamics.inventory_visibility.reservations import InventoryVisibilityReservations
    from shared.dynamics.inventory_visibility.rules import RULES
    from shared.dynamics.inventory_visibility.sign_in import sign_ins
    from shared.dynamics.inventory_visibility.stock import InventoryVisibilityStock

    async with (
        sign_ins(settings, clock) as auths,
        connect(
            settings,
            f"/api/environment/{settings.environment_id}",
            clock=clock,
            rules=RULES,
            headers={"Api-Version": "1.0"},
            auths=auths,
            book=book,
        ) as service,
    ):
        in_lane, late = service.in_lane(Lane.STOCK), service.in_lane(Lane.BULK)
        events = Events(in_lane, settings.bulk)
        yield InventoryVisibility(
            stock=InventoryVisibilityStock(in_lane, events, settings),
            late_stock=InventoryVisibilityStock(late, Events(late, settings.bulk), settings),
            reservations=InventoryVisibilityReservations(events, settings),
        )
