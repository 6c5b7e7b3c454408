"""A service with both lanes, whose late facts take it as long as posting to Dynamics would."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

import azure.functions as func

from shared.bus import BusCollaborators, Delivery, Done, Outcome, bus_collaborators, once
from shared.bus.triggers import subscription_trigger
from shared.events import BACKFILL
from shared.store.archive import MemoryArchive
from shared.store.parking import MemoryParking

POSTING_SECONDS = 0.05

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
        await asyncio.sleep(POSTING_SECONDS)
    for delivery in deliveries:
        seen = {"sequence": delivery.event.data.key.sequence, "lane": delivery.event.lane}
        print("seen " + json.dumps(seen), flush=True)
    return [Done() for _ in deliveries]
