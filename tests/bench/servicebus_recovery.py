"""How soon a bus of a million messages serves: `python -m tests.bench.servicebus_recovery`.

Messages of 1 KiB are sent and the process stopped in order; then a thousand are completed and it is
killed (SIGKILL), twice. Seconds from process start to ready line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.servicebus_peer import (
    RawReceiver,
    RawSender,
    Running,
    config,
    message,
    ready,
    start,
)

MESSAGES = 1_000_000
COMPLETED = 1_000
BATCH = 500


def fill(bus: Running, count: int) -> None:
    sender = RawSender(bus.host, bus.amqp_port, "q")
    for first in range(0, count, BATCH):
        sender.send([message(number) for number in range(first, first + BATCH)])
    sender.close()


def complete(bus: Running, count: int) -> None:
    receiver = RawReceiver(bus.host, bus.amqp_port, "q")
    receiver.receive(count)
    receiver.complete()
    receiver.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0."""
    parser = argparse.ArgumentParser(description="Measure recovery.")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    count = parser.parse_args(argv).messages
    with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as folder:
        path, data = Path(folder) / "Config.json", Path(folder) / "data"
        path.write_text(json.dumps(config(q={})))
        for before in ("an empty store", "a stop in order", "kill -9", "kill -9 once more"):
            began = time.perf_counter()
            process = start(path, data)
            bus = ready(process)
            took = time.perf_counter() - began
            stored = sum(file.stat().st_size for file in data.iterdir())
            print(
                f"ready {took:6.2f} s after {before}: {bus.cpu_seconds:6.2f} s of CPU,"
                f" {bus.resident_bytes / 1e6:6.0f} MB resident, {stored / 1e6:6.0f} MB stored",
                flush=True,
            )
            if before == "an empty store":
                began = time.perf_counter()
                fill(bus, count)
                print(f"  sent {count:,} in {time.perf_counter() - began:.0f} s", flush=True)
                process.terminate()
            else:
                complete(bus, COMPLETED)
                process.kill()
            process.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
