"""How fast the chain drains a backlog, beside a bare SDK loop over the same messages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from infra.local.cli.certificates import fetch_certificates, verdict
from infra.local.platform import Platform
from infra.local.till.baskets import STORES, TradingDay
from infra.local.till.publish import publish
from shared.bus import Publisher
from shared.events import Fact, SaleCompleted
from tests.bench.bare_receiver import in_its_own_process
from tests.bench.bench_topology import SUBSCRIPTION, TOPIC
from tests.bench.observer import Observer, until
from tests.bench.processes import Meter

BUSINESS_DAY = date(2026, 3, 2)
_SEED = 2
DELIVERIES_PER_SALE = 3
"""The sale to `sales` and to `completeness`, and its `document-posted` to `completeness`."""

_PATIENCE_SECONDS = 1800


@dataclass(frozen=True)
class Drain:
    """Seconds count from the host's ready line; messages of the bare loop per second."""

    transactions: int
    published_seconds: float
    start_seconds: float
    documents_seconds: float
    completeness_seconds: float
    bare_before: float
    bare_after: float
    dynamics: dict[str, int]
    verdict: str
    meter: Meter

    @property
    def per_second(self) -> float:
        """Transactions booked and witnessed per second."""
        return self.transactions / self.completeness_seconds

    @property
    def bare_per_second(self) -> float:
        """Mean of the loop before the drain and the one after it."""
        return (self.bare_before + self.bare_after) / 2


def backlog(count: int) -> list[Fact]:
    """Return a trading day of at least `count` sales and returns, with its day closes."""
    per_store = -(-count // len(STORES))
    return list(TradingDay(_SEED, STORES, BUSINESS_DAY, transactions_per_store=per_store))


async def measure_drain(
    platform: Platform, publisher: Publisher, observer: Observer, facts: Sequence[Fact]
) -> Drain:
    """Publish while no function runs, then start the host and wait for the last message."""
    functions = platform.components["functions"]
    await functions.stop()
    bus = platform.addresses.servicebus_connection_string
    await _bare(bus, 1 << 30)  # what earlier phases left there
    booked_before, requests_before = await observer.documents(), await observer.requests()
    started = time.monotonic()
    await publish(facts, publisher)
    published = time.monotonic() - started

    sales = sum(isinstance(fact, SaleCompleted) for fact in facts)
    bare_before = await _bare(bus, sales // 2)
    started = time.monotonic()
    await functions.start()
    ready = time.monotonic()
    meter = Meter(platform)
    transactions = len(facts) - len(STORES)

    async def booked() -> bool:
        return await observer.documents() - booked_before >= transactions

    async def witnessed() -> bool:
        return await observer.waiting() == 0

    documents_at = await until(booked, meter.sample, _PATIENCE_SECONDS)
    completeness_at = await until(witnessed, meter.sample, _PATIENCE_SECONDS)
    meter.sample()
    bare_after = await _bare(bus, sales)
    requests = await observer.requests()
    certificates = await fetch_certificates(
        platform.addresses, None, None, BUSINESS_DAY.isoformat()
    )
    return Drain(
        transactions=transactions,
        published_seconds=published,
        start_seconds=ready - started,
        documents_seconds=documents_at - ready,
        completeness_seconds=completeness_at - ready,
        bare_before=bare_before,
        bare_after=bare_after,
        dynamics={name: requests[name] - requests_before.get(name, 0) for name in requests},
        verdict=verdict(certificates["certificates"]),
        meter=meter,
    )


async def _bare(connection: str, count: int) -> float:
    completed, seconds = await in_its_own_process(connection, TOPIC, SUBSCRIPTION, count)
    return completed / seconds if seconds else 0.0
