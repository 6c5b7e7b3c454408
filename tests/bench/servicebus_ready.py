"""How soon the local bus serves: `python -m tests.bench.servicebus_ready`.

From the start of its process to its ready line, with an empty store; how much of that is starting
Python and importing; and what `async with LocalServiceBus(...)` takes in a process that runs.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from infra.local.servicebus import LocalServiceBus
from tests.bench.servicebus_peer import ROOT, best_of, config, ready, start

ROUNDS = 7
DOCUMENT = config(q={})


def until_ready(path: Path, *, durable: bool) -> float:
    """Return seconds from process start to ready line."""
    with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as data:
        began = time.perf_counter()
        process = start(path, Path(data) if durable else None)
        ready(process)
        took = time.perf_counter() - began
        process.terminate()
        process.wait()
    return took


def python(*arguments: str) -> float:
    """Return the seconds a Python process takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)
    return time.perf_counter() - began


async def in_process(data: Path | None) -> float:
    """Return the seconds until an embedded bus serves."""
    began = time.perf_counter()
    async with LocalServiceBus(DOCUMENT, data=data):
        return time.perf_counter() - began


def embedded(*, durable: bool) -> float:
    with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as data:
        return asyncio.run(in_process(Path(data) if durable else None))


def main(_argv: Sequence[str] | None = None) -> int:
    """Return 0."""
    print(f"ms, best of {ROUNDS}")
    with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as folder:
        path = Path(folder) / "Config.json"
        path.write_text(json.dumps(DOCUMENT))
        rows = {
            "process start to ready line, in memory": lambda: until_ready(path, durable=False),
            "process start to ready line, durable": lambda: until_ready(path, durable=True),
            "  of which starting Python": lambda: python("-c", "pass"),
            "  and importing the bus": lambda: (
                python("-c", "import infra.local.servicebus.__main__") - python("-c", "pass")
            ),
            "LocalServiceBus in a running process, in memory": lambda: embedded(durable=False),
            "LocalServiceBus in a running process, durable": lambda: embedded(durable=True),
        }
        for what, measure in rows.items():
            print(f"{what:<48} {best_of(ROUNDS, measure) * 1000:6.1f}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
