"""The `Stock` port on Inventory Visibility."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from shared.dynamics.inventory_visibility import entries
from shared.dynamics.inventory_visibility.events import Events, postings
from shared.dynamics.inventory_visibility.settings import InventoryVisibilitySettings
from shared.dynamics.odata.errors import Refused, TryLater
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import to_json
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.ports.stock import (
    Movement,
    OnHand,
    StockChange,
    StockCount,
    StockTransfer,
)
from shared.dynamics.service import Service

MAX_PRODUCTS = 5_000
MAX_PARTITIONS = 100
"""Of one query; partitions are sites times locations (Microsoft)."""


class InventoryVisibilityStock:
    """Keeps no state between calls."""

    def __init__(
        self, service: Service, events: Events, settings: InventoryVisibilitySettings
    ) -> None:
        self._service = service
        self._events = events
        self._settings = settings

    async def change(self, changes: Sequence[StockChange]) -> Sequence[Posting]:
        bodies = [entries.change(each, self._settings) for each in changes]
        return postings(bodies, await self._events.send("onhand", bodies))

    async def count(self, counts: Sequence[StockCount]) -> Sequence[Posting]:
        """A count overrides what our data source counted until then, and nothing of another."""
        bodies = [entries.count(each, self._settings) for each in counts]
        path = f"setonhand/{self._settings.data_source}"
        return postings(bodies, await self._events.send(path, bodies, single=False))

    async def transfer(self, transfers: Sequence[StockTransfer]) -> Sequence[Posting]:
        """Two changes each, the id of each derived from the transfer's; booked when both are."""
        changes = [half for each in transfers for half in _halves(each)]
        booked = await self.change(changes)
        pairs = zip(transfers, booked[::2], booked[1::2], strict=True)
        return [_both(each, out, into) for each, out, into in pairs]

    async def on_hand(
        self,
        company: str,
        items: Sequence[str],
        locations: Sequence[str] = (),
        sites: Sequence[str] = (),
    ) -> Sequence[OnHand]:
        """Of every item where none is named. Sites and locations are both needed. Raises
        DynamicsError."""
        if not sites or not locations:
            raise Refused("Inventory Visibility answers for named sites and locations only.")
        found: list[OnHand] = []
        for some_sites, some_locations in partitions(sites, locations):
            for at in range(0, max(len(items), 1), MAX_PRODUCTS):
                some = items[at : at + MAX_PRODUCTS]
                body = entries.query(company, some, some_sites, some_locations, self._settings)
                answer = await self._service.read(
                    Operation("POST", "onhand/indexquery", to_json(body))
                )
                try:
                    rows = json.loads(answer.body, parse_float=Decimal)
                    found += [entries.on_hand(company, row, self._settings) for row in rows]
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise TryLater("Inventory Visibility's answer cannot be read.") from error
        return found


def partitions(
    sites: Sequence[str], locations: Sequence[str]
) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Yield sites and locations that together cover each pair once, within the limit."""
    for at in range(0, len(locations), MAX_PARTITIONS):
        some = locations[at : at + MAX_PARTITIONS]
        deep = MAX_PARTITIONS // len(some)
        for site in range(0, len(sites), deep):
            yield sites[site : site + deep], some


def _halves(transfer: StockTransfer) -> tuple[StockChange, StockChange]:
    out = StockChange(
        event_id=f"{transfer.event_id}/out",
        company=transfer.company,
        item=transfer.item,
        quantity=-transfer.quantity,
        movement=Movement.ADJUSTED,
        site=transfer.from_site,
        location=transfer.from_location,
        at=transfer.at,
        variant=transfer.variant,
    )
    into = replace(
        out,
        event_id=f"{transfer.event_id}/in",
        quantity=transfer.quantity,
        site=transfer.to_site,
        location=transfer.to_location,
    )
    return out, into


def _both(transfer: StockTransfer, out: Posting, into: Posting) -> Posting:
    for half in (out, into):
        if isinstance(half, Failed):
            return half
    return Booked(transfer.event_id, already_there=False)
