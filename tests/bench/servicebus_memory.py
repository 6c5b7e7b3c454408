"""What messages cost in memory: `python -m tests.bench.servicebus_memory`.

Resident size of the bus's process after 10^6 messages went through (sent, delivered, completed), in
memory and durable, and with 10^5 and 10^6 messages of 1 KiB waiting. Bare frames through a socket.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.servicebus_peer import RawReceiver, RawSender, Running, config, message, running

THROUGH = 1_000_000
REPORTS = 5
WAITING = (100_000, 1_000_000)
BATCH = 500
_MB = 1e6


def pass_through(bus: Running, count: int) -> float:
    """Send, receive and complete so many messages; return messages per second."""
    sender, receiver = (
        RawSender(bus.host, bus.amqp_port, "q"),
        RawReceiver(bus.host, bus.amqp_port, "q"),
    )
    messages = [message(number) for number in range(BATCH)]
    began = time.perf_counter()
    for _ in range(count // BATCH):
        sender.send(messages)
        receiver.receive(BATCH)
        receiver.complete()
    took = time.perf_counter() - began
    sender.close()
    receiver.close()
    return count / took


def flatness(what: str, data: Path | None) -> None:
    with running(config(q={}), data) as bus:
        print(f"{what}: {bus.resident_bytes / _MB:.1f} MB at the start", flush=True)
        for report in range(1, REPORTS + 1):
            rate = pass_through(bus, THROUGH // REPORTS)
            print(
                f"  after {report * THROUGH // REPORTS:>9,} messages"
                f" {bus.resident_bytes / _MB:6.1f} MB ({rate:,.0f} per second)",
                flush=True,
            )


def waiting(what: str, data: Path | None) -> None:
    with running(config(q={}), data) as bus:
        before, sent = bus.resident_bytes, 0
        size = len(message(0))
        sender = RawSender(bus.host, bus.amqp_port, "q")
        for count in WAITING:
            for first in range(sent, count, BATCH):
                sender.send([message(number) for number in range(first, first + BATCH)])
            sent = count
            grown = bus.resident_bytes - before
            print(
                f"{what}: {count:>9,} of {size} bytes waiting {grown / _MB:7.1f} MB more,"
                f" {grown / count:.0f} bytes each",
                flush=True,
            )
        sender.close()


def main(_argv: Sequence[str] | None = None) -> int:
    """Return 0."""
    flatness("in memory", None)
    waiting("in memory", None)
    with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as data:
        flatness("durable", Path(data))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
