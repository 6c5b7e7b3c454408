"""Nothing is answered before it is durable, and health says when nothing can be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from infra.local.servicebus import LocalServiceBus, StorageError
from infra.local.servicebus.broker import Change
from infra.local.servicebus.storage import MemoryStorage

VERSION = {"api-version": "2021-05"}
QUEUE = (
    '<entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml"><QueueDescription '
    'xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"/></content>'
    "</entry>"
)


class Disk:
    """Where every commit waits while `free` is not set, and ends in `failure` if there is one."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()
        self.failure: StorageError | None = None


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()

    async def commit(_storage: MemoryStorage, _changes: Sequence[Change]) -> None:
        await disk.free.wait()
        if disk.failure is not None:
            raise disk.failure

    monkeypatch.setattr(MemoryStorage, "commit", commit)
    return disk


async def test_a_created_queue_is_answered_once_it_is_stored(
    disk: Disk, bus: LocalServiceBus
) -> None:
    disk.free.clear()
    async with httpx.AsyncClient(base_url=bus.admin_url, params=VERSION) as http:
        creating = asyncio.create_task(http.put("/orders", content=QUEUE))
        while (await http.get("/orders")).status_code == 404:
            pass
        assert not creating.done()

        disk.free.set()

        assert (await creating).status_code == 201


async def test_what_cannot_be_stored_is_refused_and_health_tells_why_until_it_can(
    disk: Disk, bus: LocalServiceBus
) -> None:
    async with httpx.AsyncClient(base_url=bus.admin_url) as http:
        assert (await http.get("/health")).json() == {"status": "healthy"}

        disk.failure = StorageError("The disk is full.")
        refused = await http.put("/orders", content=QUEUE, params=VERSION)
        ill = await http.get("/health")
        disk.failure = None
        await http.put("/others", content=QUEUE, params=VERSION)
        well = await http.get("/health")

    assert refused.status_code == 500
    assert "The disk is full." in refused.text
    assert (ill.status_code, ill.json()) == (
        503,
        {"status": "unhealthy", "reason": "The disk is full."},
    )
    assert well.status_code == 200
