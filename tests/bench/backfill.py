"""Live sales beside a backlog of late ones: `python -m tests.bench.backfill [--late 100000]`.

Real processes as under `tillbus up`, sales and completeness. First a steady rate of live sales
alone, then the same rate while a till that was offline for long has uploaded its sales in the
backfill lane: how long live sales take, and how fast the late ones are booked meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from uuid import UUID

from infra.local.cli.till import till_publisher
from infra.local.platform import DidNotStart, Platform, PlatformOptions
from infra.local.till.publish import BATCH
from shared.bus import Publisher
from shared.clock import utc_now
from shared.events import BACKFILL, Event, SaleCompleted, new_event
from shared.store import Store
from tests.bench.latency import Latency, sales
from tests.bench.observer import until

RATE = 20.0
"""Live sales per second."""

_PATIENCE_SECONDS = 300


async def live(publisher: Publisher, store: Store, business_day: date, seconds: float) -> Latency:
    """Publish live sales one by one; return how long each took to its document."""
    began, made = time.monotonic(), {}
    for number, fact in enumerate(sales(business_day, int(RATE * seconds))):
        await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
        event = new_event(fact, source="/tills/live", time=utc_now())
        made[event.id] = event.time
        await publisher.publish([event])

    async def all_booked() -> bool:
        return await booked(store, list(made)) == len(made)

    await until(all_booked, lambda: None, _PATIENCE_SECONDS)
    results = await store.inbox("ledger").results(made)
    waits = ((results[each].posted_at - at).total_seconds() for each, at in made.items())
    return Latency(sorted(wait * 1000 for wait in waits))


async def upload(publisher: Publisher, count: int) -> list[UUID]:
    """Publish late sales as fast as the bus takes them; return their ids."""
    events: list[Event[SaleCompleted]] = [
        new_event(fact, source="/tills/late", time=utc_now(), lane=BACKFILL)
        for fact in sales(date(2026, 2, 1), count)
    ]
    for start in range(0, len(events), BATCH):
        await publisher.publish(events[start : start + BATCH])
    return [event.id for event in events]


async def booked(store: Store, ids: Sequence[UUID]) -> int:
    """Return how many of these facts have their document."""
    inbox = store.inbox("ledger")
    return sum(
        [len(await inbox.results(ids[start : start + 500])) for start in range(0, len(ids), 500)]
    )


async def measure(late: int, seconds: float) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as folder:
        options = PlatformOptions(Path(folder) / "data", services=("sales", "completeness"))
        async with (
            Platform(options) as platform,
            till_publisher(platform.addresses) as publisher,
            await Store.open(platform.function_settings["STORE_URL"], utc_now) as store,
        ):
            await live(publisher, store, date(2026, 1, 1), 5)  # connections, tokens, imports
            _print("live alone", await live(publisher, store, date(2026, 1, 2), seconds))
            ids = await upload(publisher, late)
            before, began = await booked(store, ids), time.monotonic()
            _print("beside the backlog", await live(publisher, store, date(2026, 1, 3), seconds))
            after, ended = await booked(store, ids), time.monotonic()
            print(
                f"late sales booked meanwhile  {(after - before) / (ended - began):.0f}/s", end=""
            )
            print(f", {len(ids) - after} of {len(ids)} still waiting")
            began = time.monotonic()
            await asyncio.sleep(seconds)
            then = await booked(store, ids)
            print(
                f"and while nothing is live    {(then - after) / (time.monotonic() - began):.0f}/s"
            )


def _print(name: str, latency: Latency) -> None:
    p50, p99 = latency.percentile(50), latency.percentile(99)
    print(
        f"{name:<20} sale to ledger p50 {p50:.0f} ms, p99 {p99:.0f} ms"
        f" ({len(latency.milliseconds)} sales at {RATE:.0f}/s)",
        flush=True,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, or 1 and a sentence when the platform does not start or does not finish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--late", type=int, default=20_000, help="sales in the backlog")
    parser.add_argument("--seconds", type=float, default=20, help="of steady live sales")
    arguments = parser.parse_args(argv)
    try:
        asyncio.run(measure(arguments.late, arguments.seconds))
    except (DidNotStart, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
