"""What the timer does: days that closed unnoticed, late tickets, and aggregates not booked yet."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from services.sales import aggregates, posting
from services.sales.collaborators import Collaborators
from services.sales.tickets import CLOSING, LATE, OPEN, STORE_DAY, TICKET
from shared.bus import PublishFailed
from shared.store.errors import StoreUnavailable

_log = logging.getLogger("tillbus.sales")

UNCLOSED = timedelta(hours=36)
"""How long tickets wait for a day that nobody closes."""
LATE_PAUSE = timedelta(minutes=5)
"""After so long without another, the late tickets of a day are an aggregate."""
LATE_LIMIT = timedelta(hours=1)
"""So long, and no longer, the first of them waits for others."""


async def post_ripe(all_: Collaborators) -> None:
    """Bring on whatever is due; what fails is logged and due again next time."""
    try:
        async for day in _ripe_days(all_):
            await _assign(day, all_)
        await posting.post(all_)
    except StoreUnavailable as error:
        _log.error("The store is unavailable, aggregates wait: %s", error)
    except PublishFailed as error:
        _log.warning("Tickets are announced later: %s", error)


async def _assign(day: str, all_: Collaborators) -> None:
    company = all_.companies.get(day.split("/")[0])
    if company is None:
        _log.error("Tickets of %s wait: its company is no longer in COMPANIES", day)
        return
    await aggregates.begin_closing(day, all_.records, all_.clock)
    await aggregates.assign(day, company, all_.records, all_.clock)
    await aggregates.finish_closing(day, all_.records, all_.clock)


async def _ripe_days(all_: Collaborators) -> AsyncIterator[str]:
    now = all_.clock()
    async for day in aggregates.every(all_.records, STORE_DAY, state=CLOSING):
        yield day.key
    async for day in aggregates.every(all_.records, STORE_DAY, state=OPEN):
        if day.at + UNCLOSED <= now:
            yield day.key
    late: dict[str, list[datetime]] = {}
    async for ticket in aggregates.every(all_.records, TICKET, state=LATE):
        late.setdefault(ticket.key.rsplit("/", 2)[0], []).append(ticket.at)
    for key, moments in late.items():
        if max(moments) + LATE_PAUSE <= now or min(moments) + LATE_LIMIT <= now:
            yield key
