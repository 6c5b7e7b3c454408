"""What one message costs in the host: `python -m tests.integration.functions.measure [COUNT]`.

Each function drains a backlog twice: from memory, so that host and worker are measured without the
SDK, and from the local bus through the unmodified SDK. Prints messages per second and the CPU time
of the host process per message.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from infra.local.functions.functions import ServiceBusTrigger
from infra.local.functions.host import Host, HostOptions
from infra.local.functions.host_json import load_host_settings
from infra.local.functions.message_source import MessageSource
from infra.local.servicebus import LocalServiceBus
from tests.integration.functions.topology import TOPOLOGY
from tests.unit.functions.fakes import MemorySource, received

APP = Path(__file__).parent / "apps" / "measured"
FUNCTIONS = ("batch_completed_by_host", "batch_settled_by_app", "single_completed_by_host")
BODY = json.dumps({"lines": ["x" * 100] * 15}).encode()


class _Drained(MemorySource):
    """A memory source that stops the host when its last message is settled."""

    def __init__(self, count: int) -> None:
        super().__init__(
            [received(f"m-{n}", body=BODY, locked_for=timedelta(hours=1)) for n in range(count)]
        )
        self.count = count
        self.host: Host | None = None

    def _settle(self, how: str, message: object) -> None:
        self.settled.append((how, ""))
        if len(self.settled) == self.count and self.host is not None:
            self.host.stop()


async def _run_here(function: str, count: int, bus: str) -> None:
    """In a process of its own: drain the backlog and print seconds and CPU seconds as JSON."""
    logging.disable(logging.WARNING)
    os.environ["BUS"] = bus or "Endpoint=sb://nowhere"
    memory = _Drained(0 if bus else count)

    def in_memory(_trigger: ServiceBusTrigger) -> MessageSource:
        return memory

    options = HostOptions(
        app=APP,
        settings=load_host_settings(APP / "host.json"),
        state=APP,
        port=0,
        only=frozenset({function}),
    )
    host = memory.host = Host(options, None if bus else in_memory)
    started: list[tuple[float, float]] = []
    watching: list[asyncio.Task[None]] = []

    def on_ready(_url: str, _functions: int) -> None:
        started.append((time.perf_counter(), time.process_time()))

    if bus:
        watching.append(asyncio.ensure_future(_stop_when_empty(host)))
    await host.run(on_ready)
    ((wall, cpu),) = started
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


async def _stop_when_empty(host: Host) -> None:
    admin = os.environ["ADMIN"]
    while True:
        await asyncio.sleep(0.25)
        counts = await asyncio.to_thread(_inspect, admin)
        if counts["active"] + counts["locked"] == 0:
            host.stop()
            return


def _inspect(admin: str) -> dict[str, int]:
    import httpx

    entities = httpx.get(f"{admin}/inspect").json()["entities"]
    return dict(entities["sale-completed/Subscriptions/sales"])


async def _measure(function: str, count: int, bus: LocalServiceBus | None) -> None:
    connection, settings = "", {}
    if bus is not None:
        connection = bus.connection_string
        settings = {"ADMIN": f"http://127.0.0.1:{bus.admin_port}"}
        async with (
            ServiceBusClient.from_connection_string(connection) as client,
            client.get_topic_sender("sale-completed") as sender,
        ):
            for start in range(0, count, 100):
                await sender.send_messages(
                    [ServiceBusMessage(BODY, message_id=f"m-{start + n}") for n in range(100)]
                )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __spec__.name, "--here", function, str(count), connection),
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
    )
    out, _ = await process.communicate()
    seconds, cpu = json.loads(out.decode().splitlines()[-1])
    source = "memory" if bus is None else "local bus"
    print(
        f"{function:26} {source:10} {count / seconds:7.0f} messages/s "
        f"{cpu / count * 1e6:7.0f} us CPU a message",
        flush=True,
    )


async def _main(count: int) -> None:
    for function in FUNCTIONS:
        await _measure(function, count, None)
        async with LocalServiceBus(TOPOLOGY) as bus:
            await _measure(function, count, bus)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        asyncio.run(_run_here(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
    else:
        asyncio.run(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
