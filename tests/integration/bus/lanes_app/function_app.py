"""A service with both lanes, whose late facts are posted only once a file is there."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import azure.functions as func

from shared.bus import BusCollaborators, Delivery, Done, Outcome, bus_collaborators, once
from shared.bus.triggers import subscription_trigger
from shared.events import BACKFILL
from shared.store.archive import MemoryArchive
from shared.store.parking import MemoryParking

POSTING_GOES_ON = Path(os.environ["POSTING_GOES_ON"])
"""While it is not there, posting a late fact takes its time."""

app = func.FunctionApp()


@dataclass(frozen=True)
class Wired:
    bus: BusCollaborators


async def build() -> Wired:
    return Wired(bus_collaborators(MemoryParking(), MemoryArchive()))


@subscription_trigger(
    app, topic="sale-completed", subscription="sales", wiring=once(build), lanes=True
)
async def book(deliveries: Sequence[Delivery], _: Wired) -> Sequence[Outcome]:
    if deliveries[0].event.lane == BACKFILL:
        print("posting late facts", flush=True)
        while not await asyncio.to_thread(POSTING_GOES_ON.exists):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
    for delivery in deliveries:
        seen = {"sequence": delivery.event.data.key.sequence, "lane": delivery.event.lane}
        print("seen " + json.dumps(seen), flush=True)
    return [Done() for _ in deliveries]
