"""Sale-to-ledger latency at a steady rate: from the till's event to the booked document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from infra.local.platform import Platform
from infra.local.till.baskets import STORES, TradingDay
from infra.local.till.publish import publish
from shared.bus import Publisher
from shared.clock import utc_now
from shared.events import Event, SaleCompleted
from shared.store import Store
from tests.bench.observer import Observer, until
from tests.bench.processes import Meter

_SEED = 1
_PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Latency:
    """Milliseconds of each sale, ascending."""

    milliseconds: Sequence[float]

    def percentile(self, percent: int) -> float:
        """Return the smallest value that so many percent of the sales do not exceed."""
        rank = -(-percent * len(self.milliseconds) // 100)
        return self.milliseconds[max(rank, 1) - 1]


class _Watch:
    """Passes events on to a publisher and remembers when the till made each."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.made: dict[UUID, datetime] = {}

    async def publish(self, events: Iterable[Event[Any]]) -> None:
        events = list(events)
        self.made.update((event.id, event.time) for event in events)
        await self._publisher.publish(events)


def sales(business_day: date, count: int) -> list[SaleCompleted]:
    """Return about `count` sales of seven stores, at least as many."""
    per_store = count // len(STORES) * 5 // 4 + 20  # one in twenty is a return
    day = TradingDay(_SEED, STORES, business_day, transactions_per_store=per_store)
    return [fact for fact in day if isinstance(fact, SaleCompleted)][:count]


async def warm_up(publisher: Publisher, observer: Observer) -> None:
    """Book a few sales, so that connections, tokens and imports are no part of a figure."""
    facts = sales(date(2026, 1, 1), 200)
    await publish(facts, publisher)
    await _all_done(observer)


async def measure_latency(
    platform: Platform, publisher: Publisher, observer: Observer, rate: float, seconds: float
) -> tuple[Latency, Meter]:
    """Publish single sales at a rate; the document's time is taken after Dynamics has answered."""
    watch = _Watch(publisher)
    facts = sales(date(2026, 1, 2), int(rate * seconds))
    meter = Meter(platform)
    await publish(facts, watch, rate_per_second=rate)
    await _all_done(observer)
    meter.sample()
    url = platform.function_settings["STORE_URL"]
    async with await Store.open(url, utc_now) as store:
        results = await store.inbox("ledger").results(list(watch.made))
    if len(results) != len(facts):
        raise AssertionError(f"{len(facts)} sales published, {len(results)} booked")
    waits = (results[each].posted_at - made for each, made in watch.made.items())
    return Latency(sorted(wait.total_seconds() * 1000 for wait in waits)), meter


async def _all_done(observer: Observer) -> None:
    async def done() -> bool:
        return await observer.waiting() == 0

    await until(done, lambda: None, _PATIENCE_SECONDS)
