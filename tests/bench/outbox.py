"""What a till's outbox costs: `python -m tests.bench.outbox [--facts 5000]`.

Facts of a mixed day, one after the other as at a till and many together: how many a second are on
disk for certain (SQLite in WAL mode, synced with every put), how many bytes a fact takes there, and
how fast a full outbox is uploaded to a local bus that is a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus
from infra.local.till.baskets import STORES, Mix, TradingDay
from infra.local.till.outbox import Outbox, Uploader
from shared.bus import Publisher
from shared.clock import utc_now
from shared.events import Fact, encode, new_event

ROOT = Path(__file__).parents[2]
TOPOLOGY = ROOT / "infra" / "topology.json"
TOGETHER = (1, 10, 100)
"""Facts in one put."""


def made_up(count: int) -> list[Fact]:
    """Return facts of a day of all stores."""
    day = TradingDay(3, STORES, transactions_per_store=-(-count // len(STORES)), mix=Mix())
    return list(day)[:count]


def put(folder: Path, facts: Sequence[Fact]) -> Path:
    """Put the facts in different ways; return the file of the last."""
    for together in TOGETHER:
        path = folder / f"outbox-{together}.db"
        with Outbox.open(path, _KEY) as outbox:
            milliseconds = []
            for start in range(0, len(facts), together):
                began = time.perf_counter()
                outbox.put(*facts[start : start + together])
                milliseconds.append((time.perf_counter() - began) * 1000)
        rate = len(facts) / sum(milliseconds) * 1000
        slow = sorted(milliseconds)[int(len(milliseconds) * 0.99)]
        print(f"put {together:>3} together  {rate:8,.0f} facts/s, p99 of a put {slow:.1f} ms")
    return path


def size(path: Path, facts: Sequence[Fact]) -> None:
    """Say what a fact takes on disk."""
    now = utc_now()
    json = sum(len(encode(new_event(fact, source="/tills", time=now))) for fact in facts)
    print(
        f"on disk           {path.stat().st_size / len(facts):8,.0f} bytes a fact,"
        f" whose JSON has {json / len(facts):,.0f}"
    )


async def upload(path: Path) -> None:
    """Upload the outbox to a bus in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.local.servicebus", "--config", str(TOPOLOGY)),
        *("--data", str(path.with_suffix(".bus")), "--amqp-port", "0", "--admin-port", "0"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        ready = (await process.stdout.readline()).decode()
        port = int(ready.partition("amqp=")[2].split()[0].rpartition(":")[2])
        address = LocalServiceBus(TOPOLOGY, amqp_port=port).connection_string
        publisher = Publisher(ServiceBusClient.from_connection_string(address))
        with Outbox.open(path, _KEY) as outbox:
            began = time.perf_counter()
            uploaded = await Uploader(outbox, publisher).upload()
            seconds = time.perf_counter() - began
        await publisher.aclose()
    finally:
        process.terminate()
        await process.wait()
    print(f"uploaded          {uploaded.facts / seconds:8,.0f} facts/s")


_KEY = Outbox.new_key()


def main(argv: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.outbox")
    parser.add_argument("--facts", type=int, default=5_000)
    facts = made_up(parser.parse_args(argv).facts)
    with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as folder:
        path = put(Path(folder), facts)
        size(path, facts)
        asyncio.run(upload(path))


if __name__ == "__main__":
    main()
