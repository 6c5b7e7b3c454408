"""The whole chain, measured: `python -m tests.bench.pipeline [--sales 20000]`.

Real processes as under `tillbus up`, on a bus that also serves a bare SDK loop the same messages:
rates are read as ratios to that loop, because machines differ and are shared.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infra.local.cli.till import till_publisher
from infra.local.platform import DidNotStart, Platform, PlatformOptions
from tests.bench.bench_topology import write_topology
from tests.bench.drain import DELIVERIES_PER_SALE, Drain, backlog, measure_drain
from tests.bench.latency import Latency, measure_latency, warm_up
from tests.bench.observer import Observer
from tests.bench.processes import Meter

RATE = 20.0
"""Sales per second while latency is measured."""


async def measure(sales: int, seconds: float, services: Sequence[str]) -> None:
    """Run both measurements on one platform and print their figures."""
    facts = backlog(sales)
    with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as name:
        folder = Path(name)
        options = PlatformOptions(
            folder / "data", topology=write_topology(folder), services=services
        )
        async with (
            Platform(options) as platform,
            Observer(platform.addresses) as observer,
            till_publisher(platform.addresses) as publisher,
        ):
            await warm_up(publisher, observer)
            if seconds:
                latency, meter = await measure_latency(platform, publisher, observer, RATE, seconds)
                _print_latency(latency, meter)
            if sales:
                _print_drain(await measure_drain(platform, publisher, observer, facts))
            stats = await observer.spans()
            print(f"telemetry received     {stats['spans']} spans, {stats['logs']} log lines")


def _print_latency(latency: Latency, meter: Meter) -> None:
    p50, p99 = latency.percentile(50), latency.percentile(99)
    print(f"sale to ledger         p50 {p50:.0f} ms, p99 {p99:.0f} ms", end=" ")
    print(f"({len(latency.milliseconds)} sales at {RATE:.0f}/s)")
    _print_usage(meter, len(latency.milliseconds))


def _print_drain(drain: Drain) -> None:
    count, bare = drain.transactions, drain.bare_per_second
    handled = drain.per_second * DELIVERIES_PER_SALE
    calls = sum(drain.dynamics.get(kind, 0) for kind in ("batch", "single", "token"))
    print(f"backlog                {count} sales and returns, published in", end=" ")
    print(f"{drain.published_seconds:.1f} s ({count / drain.published_seconds:.0f}/s)")
    print(f"host ready after       {drain.start_seconds:.1f} s")
    print(f"all in Dynamics        {drain.documents_seconds:.1f} s after that", end=" ")
    print(f"({count / drain.documents_seconds:.0f} sales/s)")
    print(f"completeness done      {drain.completeness_seconds:.1f} s after that", end=" ")
    print(f"({drain.per_second:.0f} sales/s), store-days: {drain.verdict}")
    print(f"bare SDK loop          {drain.bare_before:.0f} messages/s before,", end=" ")
    print(f"{drain.bare_after:.0f} after")
    print(f"ratio to bare          {drain.per_second / bare:.3f} per sale,", end=" ")
    print(f"{handled / bare:.3f} per message ({DELIVERIES_PER_SALE} deliveries a sale)")
    print(f"Dynamics calls         {calls * 1000 / count:.1f} per 1,000 sales", end=" ")
    print(f"({drain.dynamics.get('batch', 0)} batch, {drain.dynamics.get('single', 0)}", end=" ")
    print(f"single, {drain.dynamics.get('token', 0)} token)")
    _print_usage(drain.meter, count)


def _print_usage(meter: Meter, sales: int) -> None:
    for name, usage in meter.usage.items():
        per_sale = usage.cpu_seconds * 1000 / sales
        print(f"  {name:<20} {usage.cpu_seconds:6.1f} s CPU ({per_sale:.2f} ms a sale),", end=" ")
        print(f"{usage.most_bytes / 1_000_000:.0f} MB")


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, or 1 and a sentence when the platform does not start or does not finish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sales", type=int, default=20_000, help="of the backlog; 0 leaves it out")
    parser.add_argument("--seconds", type=float, default=30, help="of steady sales; 0 for none")
    parser.add_argument(
        "--service", action="append", default=[], help="a host process of its own; repeatable"
    )
    arguments = parser.parse_args(argv)
    try:
        asyncio.run(measure(arguments.sales, arguments.seconds, arguments.service))
    except (DidNotStart, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
