"""Parked facts on the real bus and a real store, on a clock the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from azure.servicebus.aio import ServiceBusClient

from shared.bus import Delivery, Done, Outcome, Parked, Publisher
from shared.bus.consumer import consume
from shared.bus.message import received
from shared.bus.parking import Returning
from shared.bus.settlement import ManagementSettlement
from shared.bus.verdicts import Subscription
from shared.events import BACKFILL
from shared.store import Store
from tests.integration.bus.conftest import collaborators
from tests.integration.bus.receiving import PATIENCE_SECONDS, dead_letters, take, take_all
from tests.unit.bus.samples import NOW, sale_event

ITEM = "item/gbrt/4711"
DAY = timedelta(days=1)


class Service:
    """What books sales as soon as the item exists; its bus and its store are real."""

    def __init__(self, publisher: Publisher, client: ServiceBusClient, store: Store) -> None:
        self.now = NOW
        self.item_exists = False
        self.item_appears_while_looking = False
        self.booked: list[int] = []
        self.waited_out: list[str | None] = []
        self.parking = store.parking
        self.bus = collaborators(publisher, clock=lambda: self.now, parking=store.parking)
        self._client = client
        self._returning = Returning(["sales", "sales-backfill"])

    async def take(
        self, count: int, subscription: str = "sales", seconds: float = PATIENCE_SECONDS
    ) -> list[str]:
        """Handle the next messages of a subscription; return their ids."""
        async with self._client.get_subscription_receiver("sale-completed", subscription) as source:
            messages = [received(each) for each in await take(source, count, seconds=seconds)]
            await consume(
                messages,
                ManagementSettlement(source),
                self._book,
                source=Subscription("sale-completed", subscription),
                bus=self.bus,
            )
        return [each.message_id for each in messages]

    async def run(self, after: timedelta) -> int:
        self.now += after
        return await self._returning.run(self.bus)

    async def _book(self, deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        self.waited_out += [each.waited_out for each in deliveries]
        if not self.item_exists:
            if self.item_appears_while_looking:
                self.item_exists = True
                await self.parking.release([ITEM], self.now)
            return [Parked(ITEM, "no item 4711")] * len(deliveries)
        self.booked += [each.event.data.key.sequence for each in deliveries]
        return [Done()] * len(deliveries)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with await Store.open(f"sqlite+aiosqlite:///{tmp_path}/store", lambda: NOW) as opened:
        yield opened


@pytest.fixture
def service(publisher: Publisher, client: ServiceBusClient, store: Store) -> Service:
    return Service(publisher, client, store)


async def test_a_parked_fact_waits_off_the_bus_and_comes_back_when_its_key_is_released(
    publisher: Publisher, service: Service
) -> None:
    await publisher.publish([sale_event(1)])
    await service.take(1)
    assert await service.run(timedelta(seconds=4)) == 0
    assert await service.take(1, seconds=0.5) == []

    service.item_exists = True
    await service.parking.release([ITEM], service.now)
    assert await service.run(timedelta(seconds=10)) == 1

    await service.take(1)
    assert service.booked == [1]
    assert await service.parking.facts() == []


async def test_nobody_else_sees_the_copy(
    publisher: Publisher, service: Service, client: ServiceBusClient
) -> None:
    await publisher.publish([sale_event(1)])
    await service.take(1)
    await service.parking.release([ITEM], service.now)
    await service.run(timedelta(seconds=10))

    for subscription in ("completeness", "inventory", "customers"):
        async with client.get_subscription_receiver("sale-completed", subscription) as other:
            (original,) = await take_all(other, 1)
        assert str(original.message_id) == str(sale_event(1).id)


async def test_a_fact_whose_deadline_passes_comes_once_more_and_is_then_a_dead_letter(
    publisher: Publisher, service: Service, client: ServiceBusClient
) -> None:
    await publisher.publish([sale_event(1)])
    await service.take(1)

    assert await service.run(3 * DAY) == 1
    await service.take(1)

    assert service.waited_out == [None, ITEM]
    (dead,) = await dead_letters(client, "sale-completed", "sales", 1)
    assert dead.dead_letter_reason == "master-data-missing"
    assert dead.dead_letter_error_description == (
        "waited for 3 days, 0:00:00 for item/gbrt/4711 in vain: no item 4711"
    )
    assert await service.parking.facts() == []


async def test_a_fact_may_be_parked_again_and_again_and_is_never_taken_for_a_duplicate(
    publisher: Publisher, service: Service
) -> None:
    await publisher.publish([sale_event(1)])
    ids = await service.take(1)
    for _ in range(3):
        await service.parking.release([ITEM], service.now)
        assert await service.run(timedelta(seconds=10)) == 1
        ids += await service.take(1)

    assert len(set(ids)) == 4
    (fact,) = await service.parking.facts()
    assert (fact.times, fact.attempt) == (4, 1)
    assert (fact.parked_at, fact.deadline) == (NOW, NOW + 3 * DAY)


async def test_when_the_probe_is_booked_the_others_of_its_key_follow(
    publisher: Publisher, service: Service
) -> None:
    await publisher.publish([sale_event(n) for n in range(1, 21)])
    await service.take(20)
    service.item_exists = True

    assert await service.run(timedelta(minutes=1)) == 1
    await service.take(1)
    assert len(service.booked) == 1

    assert await service.run(timedelta(seconds=10)) == 19
    await service.take(19)
    assert sorted(service.booked) == list(range(1, 21))


async def test_a_probe_that_fails_wakes_nobody(publisher: Publisher, service: Service) -> None:
    await publisher.publish([sale_event(n) for n in (1, 2)])
    await service.take(2)

    assert await service.run(timedelta(minutes=1)) == 1
    await service.take(1)

    assert await service.run(timedelta(seconds=10)) == 0
    assert len(await service.parking.facts()) == 2


async def test_what_appears_while_a_probe_looks_for_it_brings_the_probe_back_at_once(
    publisher: Publisher, service: Service
) -> None:
    await publisher.publish([sale_event(1)])
    await service.take(1)
    assert await service.run(timedelta(hours=1)) == 1
    service.item_appears_while_looking = True
    await service.take(1)

    assert await service.run(timedelta(seconds=10)) == 1
    await service.take(1)

    assert service.booked == [1]
    assert await service.parking.facts() == []


async def test_a_late_fact_comes_back_in_its_lane(publisher: Publisher, service: Service) -> None:
    await publisher.publish([sale_event(1, lane=BACKFILL)])
    await service.take(1, "sales-backfill")
    service.item_exists = True
    await service.parking.release([ITEM], service.now)
    await service.run(timedelta(seconds=10))

    assert await service.take(1, "sales", seconds=0.5) == []
    await service.take(1, "sales-backfill")
    assert service.booked == [1]
