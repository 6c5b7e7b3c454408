"""Keep what comes in, as it came."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from shared.bus.delivery import Delivery
from shared.events import Fact
from shared.store.archive import Archive, ArchivedFact


async def keep(archive: Archive, received: Iterable[tuple[Delivery, bytes]], now: datetime) -> None:
    """Keep deliveries with their bodies; what is there already stays. Raises StoreUnavailable."""
    await archive.keep([_archived(delivery, body, now) for delivery, body in received])


def _archived(delivery: Delivery, body: bytes, now: datetime) -> ArchivedFact:
    # Services that archive nothing do not load what erasure needs.
    from shared.erasure import persons_of

    event = delivery.event
    company, store = event.data.place or (getattr(event.data, "company", ""), "")
    return ArchivedFact(
        fact_id=event.id,
        fact_type=event.type,
        subject=event.subject,
        company=company,
        store=store,
        business_day=_business_day(event.data),
        body=body,
        archived_at=now,
        persons=persons_of(event.data),
    )


def _business_day(fact: Fact) -> date | None:
    for holder in (fact, getattr(fact, "key", None), getattr(fact, "transaction", None)):
        day = getattr(holder, "business_day", None)
        if isinstance(day, date):
            return day
    return None
