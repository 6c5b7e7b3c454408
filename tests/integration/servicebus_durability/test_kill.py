"""A bus killed (SIGKILL) while unmodified clients send to it and settle."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from pathlib import Path

from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusError

from tests.integration.servicebus_durability.program import SECONDS, Bus, running, waiting

KILLS = 3
SENDERS = 3


class Seen:
    """What clients were told; names are sent once each."""

    def __init__(self) -> None:
        self.accepted: set[str] = set()
        self.settling: set[str] = set()
        self.settled: set[str] = set()


async def send(bus: Bus, seen: Seen, prefix: str) -> None:
    async with bus.client() as client, client.get_queue_sender("q") as sender:
        for number in range(100_000):
            names = [f"{prefix}-{number}-{part}" for part in range(1 + number % 4)]
            await sender.send_messages([ServiceBusMessage(name) for name in names])
            seen.accepted.update(names)


async def complete(bus: Bus, seen: Seen) -> None:
    async with bus.client() as client, client.get_queue_receiver("q") as receiver:
        while True:
            for message in await receiver.receive_messages(10, max_wait_time=5):
                seen.settling.add(str(message))
                await receiver.complete_message(message)
                seen.settled.add(str(message))


async def work_until_killed(bus: Bus, seen: Seen, run: int, settlements: int) -> None:
    """Kill the bus once so many messages were settled since the start of the run."""
    enough = len(seen.settled) + settlements

    async def killer() -> None:
        while len(seen.settled) < enough:  # noqa: ASYNC110 - a kill at any instant is the point
            await asyncio.sleep(random.random() / 100)
        await bus.kill()

    async def until_gone(work: asyncio.Task[None]) -> None:
        with suppress(ServiceBusError, ConnectionError, asyncio.CancelledError):
            await work

    tasks = [asyncio.create_task(send(bus, seen, f"{run}-{n}")) for n in range(SENDERS)]
    tasks.append(asyncio.create_task(complete(bus, seen)))
    await asyncio.wait_for(killer(), SECONDS)
    # Clients do not all notice at once that their peer is gone.
    _, pending = await asyncio.wait(tasks, timeout=0.5)
    for task in pending:
        task.cancel()
    await asyncio.gather(*map(until_gone, tasks))


async def test_no_accepted_message_is_lost_and_no_settled_one_comes_back(tmp_path: Path) -> None:
    seen = Seen()

    for run in range(KILLS):
        async with running(tmp_path) as bus:
            await work_until_killed(bus, seen, run, settlements=20 + 15 * run)

    async with running(tmp_path) as bus, bus.client() as client:
        found = await waiting(client)
    assert len(seen.accepted) > 60
    assert seen.accepted - seen.settling <= set(found), "an accepted message is lost"
    assert not seen.settled & set(found), "a settled message is back"
    assert len(found) == len(set(found)), "a message is there twice"
