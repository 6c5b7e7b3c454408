"""Forget movements that no count can ask for any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import takewhile

from services.inventory.positions import MOVEMENT, Moved
from shared.store.records import Record, Records

_PAGE = 1000
_SETTLED = (Moved.SENT, Moved.ABSORBED)
_BEYOND = "\N{DIGIT ZERO}"
"""Follows the `/` that ends a place's key."""

MARGIN = timedelta(days=1)
"""Movements are kept this much longer than counts are taken."""


async def prune(records: Records, now: datetime, horizon: timedelta) -> int:
    """Delete settled movements observed before the horizon; return how many. Goes from place to
    place without reading what is kept of them."""
    oldest = now - horizon - MARGIN
    deleted = 0
    place = await _next_place(records, "")
    while place:
        deleted += await _prune_place(records, place, oldest)
        place = await _next_place(records, place.removesuffix("/") + _BEYOND)
    return deleted


async def _next_place(records: Records, after: str) -> str:
    found = await records.find(MOVEMENT, after=after, limit=1)
    return _place_of(found[0]) if found else ""


def _place_of(record: Record) -> str:
    return record.key.rsplit("/", 2)[0] + "/"


async def _prune_place(records: Records, place: str, oldest: datetime) -> int:
    deleted, after = 0, ""
    while True:
        page = await records.find(MOVEMENT, prefix=place, after=after, limit=_PAGE)
        old = list(takewhile(lambda record: record.at < oldest, page))
        settled = [record.key for record in old if record.state in _SETTLED]
        await records.delete(MOVEMENT, settled)
        deleted += len(settled)
        if len(old) < _PAGE:
            return deleted
        after = page[-1].key
