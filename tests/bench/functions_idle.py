"""What listening costs the local Functions host: `python -m tests.bench.functions_idle`.

A host with a function on every subscription of the topology, and a local bus, in processes of
their own: how soon the host is ready, what both use while nothing happens, and how long a lone
message takes from its sender to the function.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

REPOSITORY = Path(__file__).resolve().parents[2]
TOPOLOGY = REPOSITORY / "infra" / "topology.json"
APP = Path(__file__).resolve().parent / "idle_app"

SECONDS = 10.0
TOPIC = "order-placed"
"""Has one subscription, so that a message waits for one function only."""
MESSAGES = 100
PAUSE_SECONDS = 0.1
"""About, between two lone messages: longer than one takes."""


@asynccontextmanager
async def component(*arguments: str, **environment: str) -> AsyncIterator[_Component]:
    """A component of the local platform, ready; stopped at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments),
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield _Component(process)
    finally:
        process.terminate()
        await process.wait()


class _Component:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.usage = psutil.Process(process.pid)

    async def line(self, beginning: str) -> str:
        """Return the next line with this beginning, without it."""
        assert self._process.stdout is not None
        async for raw in self._process.stdout:
            text = raw.decode().strip()
            if text.startswith(beginning):
                return text.removeprefix(beginning)
        raise AssertionError(f"a process ended without saying {beginning!r}")


async def measure() -> None:
    """Print the figures."""
    async with component(
        *("infra.local.servicebus", "--in-memory", "--config", str(TOPOLOGY)),
        *("--amqp-port", "0", "--admin-port", "0"),
    ) as bus:
        ready = dict(
            part.split("=", 1) for part in (await bus.line("ready ")).split() if "=" in part
        )
        connection = (
            f"Endpoint=sb://{ready['amqp']};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )
        began = time.perf_counter()
        settings = {"ServiceBusConnection": connection, "TOPOLOGY": str(TOPOLOGY)}
        async with component(
            *("infra.local.functions", "--app", str(APP), "--port", "0"), **settings
        ) as host:
            functions = (await host.line("ready functions ")).rpartition("functions=")[2]
            print(f"ready with {functions} functions after {time.perf_counter() - began:.2f} s")
            await _lone_messages(connection, host, 20)
            await asyncio.sleep(3)
            await _idle({"host": host, "bus": bus})
            _print_waits(await _lone_messages(connection, host, MESSAGES))


async def _idle(components: dict[str, _Component]) -> None:
    before = {name: each.usage.cpu_times() for name, each in components.items()}
    await asyncio.sleep(SECONDS)
    for name, each in components.items():
        now, then = each.usage.cpu_times(), before[name]
        seconds = now.user + now.system - then.user - then.system
        memory = each.usage.memory_info().rss / 1e6
        print(f"idle {name:<5} {seconds / SECONDS:6.1%} of a core, {memory:.0f} MB")


async def _lone_messages(connection: str, host: _Component, count: int) -> list[float]:
    waits = []
    async with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_topic_sender(TOPIC) as sender,
    ):
        chance = random.Random(1)
        for _ in range(count):
            await sender.send_messages(ServiceBusMessage(str(time.time())))
            waits.append(float(await host.line("waited ")))
            await asyncio.sleep(PAUSE_SECONDS * (0.5 + chance.random()))
    return sorted(waits)


def _print_waits(waits: Sequence[float]) -> None:
    p50, p99 = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
    print(f"lone message p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, from sender to function")


def main() -> int:
    """Return 0."""
    asyncio.run(measure())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
