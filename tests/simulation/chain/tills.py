"""A day of some tills: what they publish when, twice, late, in disorder, by wrong clocks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from infra.local.till.baskets import Mix, Store, TradingDay
from shared.bus import Publisher, PublishFailed
from shared.events import BACKFILL, Event, Fact, new_event
from tests.simulation.chain.town import around
from tests.simulation.chain.virtual import BEGIN, now

DAY = date(2026, 3, 2)
STORES = (Store("gbrt", "LONDON", ("T1", "T2")), Store("kwrt", "KUWAIT-CITY", ("T1",)))
MOST_SKEW = timedelta(minutes=7)
OPENS = datetime(2026, 3, 2, 8, tzinfo=UTC)
FASTER = 10
"""How much faster the day passes than the facts say: their clocks are not ours anyway."""
LATE = timedelta(minutes=100)
"""When the tills upload that were offline, after the stores have closed."""


@dataclass(frozen=True)
class Upload:
    """One publication of one fact; `at` is when the till tries first."""

    at: datetime
    fact: Fact
    lane: str | None = None


NO_TILL = ("", "", "")

MIX = Mix(returned=120, exchanged=80, voided=50, suspended=30, training=30, no_sale=30)
"""More of what can go wrong than a store has."""


def facts_of(seed: int, per_store: int, stores: Sequence[Store] = STORES) -> list[Fact]:
    till_day = TradingDay(seed, stores, DAY, transactions_per_store=per_store, mix=MIX)
    at_tills = list(till_day)
    return [*at_tills, *around(seed, OPENS, stores, at_tills)]


def uploads(seed: int, facts: Sequence[Fact]) -> list[Upload]:
    """Return when each fact is published, and how often; every fact at least once."""
    chance = random.Random(f"{seed}/uploads")
    tills = sorted({_till(fact) for fact in facts} - {NO_TILL})
    offline = {till for till in tills if chance.random() < 0.2}
    found: list[Upload] = []
    for fact in facts:
        happened = _happened(fact)
        at = BEGIN + (happened - OPENS) / FASTER + timedelta(seconds=chance.expovariate(1 / 5))
        lane = None
        if _till(fact) in offline:
            at, lane = BEGIN + LATE + timedelta(seconds=chance.uniform(0, 300)), BACKFILL
        elif chance.random() < 0.1:
            at += timedelta(minutes=chance.uniform(0, 20))  # overtaken by what came after it
        found.append(Upload(at, fact, lane))
        if chance.random() < 0.15:  # published again, within the duplicate window or beyond it
            found.append(Upload(at + timedelta(minutes=chance.uniform(0, 30)), fact, lane))
    return sorted(found, key=lambda each: (each.at, str(each.fact.event_id)))


def _happened(fact: Fact) -> datetime:
    for name in _MOMENTS:
        if hasattr(fact, name):
            moment: datetime = getattr(fact, name)
            return moment
    return OPENS


_MOMENTS = (
    "occurred_at",
    "closed_at",
    "opened_at",
    "observed_at",
    "changed_at",
    "given_at",
    "placed_at",
    "cancelled_at",
    "captured_at",
)


def _till(fact: Fact) -> tuple[str, ...]:
    key = getattr(fact, "key", None)
    return (key.company, key.store, key.terminal) if key else NO_TILL


async def publish(seed: int, planned: Sequence[Upload], publisher: Publisher) -> None:
    """Publish everything at its time; a till that is not confirmed tries until it is."""
    chance = random.Random(f"{seed}/tills")
    skews = {
        till: timedelta(seconds=chance.uniform(-1, 1) * MOST_SKEW.total_seconds())
        for till in sorted({_till(upload.fact) for upload in planned})
    }
    async with asyncio.TaskGroup() as tasks:
        for upload, event in _events(planned, skews):
            wait = max((upload.at - now()).total_seconds(), 0)
            await asyncio.sleep(wait)
            tasks.create_task(_until_confirmed(event, publisher, chance))


def _events(
    planned: Sequence[Upload], skews: dict[tuple[str, ...], timedelta]
) -> Iterator[tuple[Upload, Event[Fact]]]:
    for upload in planned:
        told = upload.at + skews[_till(upload.fact)]
        yield upload, new_event(upload.fact, source="/tills/x", time=told, lane=upload.lane)


async def _until_confirmed(event: Event[Fact], publisher: Publisher, chance: random.Random) -> None:
    while True:
        try:
            await publisher.publish([event])
        except PublishFailed:
            await asyncio.sleep(chance.uniform(1, 60))
        else:
            return
