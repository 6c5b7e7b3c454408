"""A till is killed again and again while it sells and uploads: what it kept arrives."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from collections import defaultdict
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus
from infra.local.till.outbox import Outbox
from shared.events import Event, Fact, decode
from tests.integration.bus.receiving import everything
from tests.integration.till.selling import DAY, sell

TOPOLOGY = Path(__file__).parents[3] / "infra" / "topology.json"
KILLS = 10
READERS = dict.fromkeys(
    ("gift-card-sold", "gift-card-redeemed", "loyalty-earned", "loyalty-redeemed"), "customers"
)
"""Who hears of a topic; of the others completeness does."""


class Life:
    """A till from its start to its death."""

    def __init__(self, path: Path, key: bytes, bus: str, first: int) -> None:
        # A server that has imported everything forks the tills: no life begins with a long wait.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.integration.till.selling"])
        self._from, to = context.Pipe(duplex=False)
        self._process = context.Process(target=sell, args=(path, key, bus, first, to), daemon=True)
        self._process.start()
        to.close()
        self.kept: list[int] = []
        self.uploads = 0
        self.is_done = False

    async def hear(self, *, kept: int = 0, uploads: int = 0) -> None:
        """Return when it has kept and uploaded as much, or says nothing more."""
        while len(self.kept) < kept or self.uploads < uploads:
            if not await asyncio.to_thread(self._listen, self._from):
                break

    async def kill(self) -> None:
        self._process.kill()
        while await asyncio.to_thread(self._listen, self._from):
            pass
        await asyncio.to_thread(self._process.join)

    def _listen(self, connection: Connection) -> bool:
        try:
            word = connection.recv()
        except EOFError:
            return False
        if word == "done":
            self.is_done = True
        elif word == "uploaded":
            self.uploads += 1
        else:
            self.kept.append(word)
        return True


@pytest.mark.slow
async def test_a_till_killed_again_and_again_loses_nothing_and_sells_nothing_twice(
    tmp_path: Path,
) -> None:
    chance = random.Random(11)
    path, key = tmp_path / "outbox.db", Outbox.new_key()
    lives: list[Life] = []
    kept: list[int] = []

    async with LocalServiceBus(TOPOLOGY) as bus:
        for _ in range(KILLS):
            life = Life(path, key, bus.connection_string, len(kept))
            await life.hear(kept=chance.randrange(20), uploads=chance.randrange(3))
            await life.kill()
            kept += life.kept
            lives.append(life)
        last = Life(path, key, bus.connection_string, len(kept))
        await last.hear(kept=len(DAY) + 1)
        kept += last.kept
        arrived = await _arrived(bus)

    assert last.is_done
    assert sum(life.uploads > 0 and not life.is_done for life in lives) > 2  # killed in full work
    assert kept == list(range(len(DAY)))
    by_id = {fact.event_id: fact for fact in DAY}
    assert {event.id for event in arrived} == by_id.keys()
    assert all(event.data == by_id[event.id] for event in arrived)
    assert _first_appearances(arrived) == _by_topic(DAY)


def _first_appearances(events: list[Event[Fact]]) -> dict[str, list[Fact]]:
    return _by_topic(list({event.id: event.data for event in events}.values()))


def _by_topic(facts: list[Fact]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.TOPIC].append(fact)
    return found


async def _arrived(bus: LocalServiceBus) -> list[Event[Fact]]:
    """Return what is on the bus, the messages of each topic in their order."""
    topics = sorted({fact.TOPIC for fact in DAY})
    async with ServiceBusClient.from_connection_string(bus.connection_string) as client:
        parts = await asyncio.gather(
            *(
                everything(bus, client, topic, READERS.get(topic, "completeness"))
                for topic in topics
            )
        )
    return [
        decode(b"".join(message.body))
        for part in parts
        for message in sorted(part, key=lambda each: each.sequence_number or 0)
    ]
