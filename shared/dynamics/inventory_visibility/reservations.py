"""The `Reservations` port on Inventory Visibility: soft reservations."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shared.dynamics.inventory_visibility import entries
from shared.dynamics.inventory_visibility.events import Events, Verdict
from shared.dynamics.inventory_visibility.settings import InventoryVisibilitySettings
from shared.dynamics.odata.errors import DynamicsError, TryLater
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.ports.stock import Reservation


class InventoryVisibilityReservations:
    """Keeps no state between calls."""

    def __init__(self, events: Events, settings: InventoryVisibilitySettings) -> None:
        self._events = events
        self._settings = settings

    async def reserve(self, reservations: Sequence[Reservation]) -> Sequence[Posting]:
        """Refused where less is available than wanted."""
        bodies = [entries.reservation(each, self._settings) for each in reservations]
        return [_reserved(each) for each in await self._events.send("onhand/reserve", bodies)]

    async def release(
        self, reservation: Reservation, key: str, quantity: Decimal, event_id: str = ""
    ) -> Posting:
        """Booked also where nothing is reserved any more (`already_there`)."""
        name = event_id or f"{reservation.event_id}/release"
        body = entries.release(reservation, key, quantity, name, self._settings)
        [verdict] = await self._events.send("onhand/unreserve", [body])
        if isinstance(verdict, DynamicsError):
            return Failed(verdict)
        over = Decimal(verdict.get("totalInvalidOffsetQtyByReservId") or 0)
        return Booked(key, already_there=over >= quantity)


def _reserved(verdict: Verdict) -> Posting:
    if isinstance(verdict, DynamicsError):
        return Failed(verdict)
    if not (key := verdict.get("reservationId")):
        return Failed(TryLater("Inventory Visibility named no reservation."))
    return Booked(str(key), already_there=False)
