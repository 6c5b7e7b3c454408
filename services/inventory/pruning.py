"""Forget movements that hardly any count can ask for any more, and remember how far.

Records of kind `movements-forgotten`, one per place: the moment up to which movements may be
missing. A count taken before it can no longer be booked as a difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile

from services.inventory.positions import MOVEMENT, Moved, movements_after, observed_at, place_of
from shared.store.records import Record, Records

FORGOTTEN = "movements-forgotten"

_PAGE = 1000
_SETTLED = (Moved.SENT, Moved.ABSORBED)


async def forgotten(records: Records, places: Iterable[str]) -> dict[str, datetime]:
    """Return by place how far movements may be missing; places that miss none are left out."""
    found = await records.read(FORGOTTEN, places)
    return {place: datetime.fromisoformat(record.text) for place, record in found.items()}


async def prune(records: Records, now: datetime, horizon: timedelta) -> int:
    """Delete settled movements that were observed, and last written, before the horizon; return how
    many. Goes from place to place without reading what is kept of them."""
    oldest = now - horizon
    deleted = 0
    place = await _place_after(records, "")
    while place:
        deleted += await _prune_place(records, place, oldest, now)
        place = await _place_after(records, place.removesuffix("/") + "0")  # the sign after "/"
    return deleted


async def _place_after(records: Records, key: str) -> str:
    found = await records.find(MOVEMENT, after=key, limit=1)
    return place_of(found[0].key) if found else ""


async def _prune_place(records: Records, place: str, oldest: datetime, now: datetime) -> int:
    deleted, after, end = 0, "", movements_after(place, oldest)
    while True:
        page = await records.find(MOVEMENT, prefix=place, after=after, limit=_PAGE)
        old = list(takewhile(lambda record: record.key < end, page))
        settled = [record.key for record in old if record.state in _SETTLED and record.at < oldest]
        if settled:
            await _remember(records, place, observed_at(settled[-1]), now)
            await records.delete(MOVEMENT, settled)
        deleted += len(settled)
        if len(old) < _PAGE:
            return deleted
        after = page[-1].key


async def _remember(records: Records, place: str, moment: datetime, now: datetime) -> None:
    """Before anything is deleted: who reads this afterwards misses nothing unknowingly."""
    while True:
        stored = (await records.read(FORGOTTEN, [place])).get(place)
        if stored is not None and datetime.fromisoformat(stored.text) >= moment:
            return
        version = stored.version + 1 if stored else 1
        record = Record(FORGOTTEN, place, version, "", moment.isoformat(), now)
        if not await records.write([record]):
            return
