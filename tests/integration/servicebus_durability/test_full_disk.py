"""A bus whose disk is full, and has room again."""

from __future__ import annotations

import asyncio
import resource
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusSender
from azure.servicebus.exceptions import ServiceBusError

from tests.integration.servicebus_durability.program import (
    SECONDS,
    STORE,
    Bus,
    running,
    waiting,
)

ROOM = 400_000  # bytes a file may grow to while the disk is "full"
FILLING: dict[str | bytes, Any] = {"filling": "x" * 30_000}


def see_failed_writes() -> None:
    """A file size limit stands in for the full disk: SQLite sees a write fail all the same."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def leave_room(bus: Bus, count: int) -> None:
    _, most = resource.prlimit(bus.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(bus.process.pid, resource.RLIMIT_FSIZE, (count, most))


async def send(sender: ServiceBusSender, accepted: list[str], *names: str) -> None:
    for name in names:
        await sender.send_messages(ServiceBusMessage(name, application_properties=FILLING))
        accepted.append(name)


async def health(bus: Bus) -> tuple[int, str]:
    async with httpx.AsyncClient(timeout=SECONDS) as http:
        answer = await http.get(f"{bus.admin}/health")
    return answer.status_code, answer.text


async def healthy_again(bus: Bus) -> None:
    async with asyncio.timeout(SECONDS):
        while (await health(bus))[0] != 200:  # noqa: ASYNC110 - another process tells no event
            await asyncio.sleep(0.05)


async def test_a_full_disk_refuses_and_costs_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    accepted: list[str] = []
    async with running(tmp_path, before=see_failed_writes) as bus:
        async with bus.client() as client, client.get_queue_sender("q") as sender:
            leave_room(bus, ROOM)
            with pytest.raises(ServiceBusError) as caught:
                await send(sender, accepted, *(f"m{number}" for number in range(100)))
            code, reason = await health(bus)
            with pytest.raises(ServiceBusError):
                await send(sender, accepted, "refused")
            leave_room(bus, resource.RLIM_INFINITY)
            await healthy_again(bus)
            await send(sender, accepted, "after")
        await bus.kill()

    assert len(accepted) > 2
    assert STORE in str(caught.value)
    assert "until then nothing is acknowledged" in str(caught.value)
    assert code == 503
    assert STORE in reason
    async with running(tmp_path) as bus, bus.client() as client:
        found = await waiting(client)
    assert [name for name in found if name in accepted] == accepted
    assert "refused" not in found
