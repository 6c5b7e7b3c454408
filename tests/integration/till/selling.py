"""A till that sells and uploads until somebody ends it; run in a process that is killed."""

from __future__ import annotations

import asyncio
import contextlib
from multiprocessing.connection import Connection
from pathlib import Path

from azure.servicebus.aio import ServiceBusClient

from infra.local.till.baskets import Mix, Store, TradingDay
from infra.local.till.outbox import Outbox, Uploader
from shared.bus import Publisher
from shared.events import Fact

DAY: list[Fact] = list(
    TradingDay(5, [Store("gbrt", "LONDON", ("T1",))], transactions_per_store=350, mix=Mix())
)
"""What the till sells, in order."""
CUSTOMER_SECONDS = 0.01
"""How long each takes."""
MOST_WAITING = 20
"""Facts in the outbox at which the next customer waits: however slowly it uploads, a till has much
of its day before it when it is killed."""


def sell(path: Path, key: bytes, bus: str, first: int, to: Connection) -> None:
    """Sell the facts from that number on. Each number goes to `to` once its fact is kept for
    certain, "uploaded" with each upload, and "done" when everything is on the bus."""
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_sell(path, key, bus, first, to))


async def _sell(path: Path, key: bytes, bus: str, first: int, to: Connection) -> None:
    publisher = Publisher(ServiceBusClient.from_connection_string(bus))
    with Outbox.open(path, key) as outbox:
        uploader = Uploader(outbox, publisher, progress=lambda status: to.send("uploaded"))
        uploading = asyncio.create_task(uploader.run())
        for number, fact in enumerate(DAY[first:], start=first):
            outbox.put(fact)
            to.send(number)
            await asyncio.sleep(CUSTOMER_SECONDS)
            while outbox.status().waiting >= MOST_WAITING:  # noqa: ASYNC110 - as customers do
                await asyncio.sleep(CUSTOMER_SECONDS)
        uploading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await uploading
        await uploader.upload()
    await publisher.aclose()
    to.send("done")
