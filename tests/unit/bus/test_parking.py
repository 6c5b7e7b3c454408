"""Parked facts come back when they are released, when their deadline has passed, and as probes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from azure.servicebus import ServiceBusMessage

from shared.bus.copies import Unparked, unparked_message
from shared.bus.message import Received
from shared.bus.parking import PAGE, Returning, probes_due, to_probe
from shared.events import encode
from shared.store.errors import StoreUnavailable
from shared.store.parking import MemoryParking, ParkedFact, ParkedKey, ParkedStay
from tests.unit.bus.samples import NOW, TRACEPARENT, MemoryBus, sale_event

KEY = "item/gbrt/4711"
MINUTE = timedelta(minutes=1)


def parked(
    sequence: int = 1, key: str = KEY, subscription: str = "sales", at: datetime = NOW
) -> ParkedFact:
    event = sale_event(sequence)
    return ParkedFact(
        fact_id=event.id,
        topic="sale-completed",
        subscription=subscription,
        key=key,
        missing="no item 4711",
        body=encode(event),
        properties={"type": event.type, "lane": "backfill"},
        subject=event.subject,
        attempt=2,
        times=1,
        history="1. parked",
        first_seen=NOW - timedelta(hours=1),
        parked_at=at,
        deadline=at + timedelta(days=3),
        traceparent=TRACEPARENT,
    )


class World:
    """One service's parking with a clock the test moves, from NOW on."""

    def __init__(self, *facts: ParkedFact, parking: MemoryParking | None = None) -> None:
        self.now = NOW
        self.bus = MemoryBus()
        self.parking = parking or MemoryParking()
        self.collaborators = self.bus.collaborators(clock=lambda: self.now, parking=self.parking)
        self.returning = Returning(["sales", "sales-backfill"])
        self.facts = facts

    async def run(self, after: timedelta = timedelta(0)) -> list[ServiceBusMessage]:
        """Let time pass, run once and return what that put on the bus."""
        await self.parking.park(self.facts)
        self.facts = ()
        self.now += after
        before = len(self.bus.sent("sale-completed"))
        await self.returning.run(self.collaborators)
        return self.bus.sent("sale-completed")[before:]

    async def still_parked(self) -> list[UUID]:
        return [each.fact_id for each in await self.parking.facts()]


def as_received(message: ServiceBusMessage) -> Received:
    """The message as its subscription would get it."""
    properties = {
        str(name): value for name, value in (message.application_properties or {}).items()
    }
    body = b"".join(message.body)
    return Received(body, str(message.message_id), properties, 1, "lock", None)


async def test_what_waits_for_nothing_yet_stays() -> None:
    world = World(parked())

    assert await world.run(timedelta(seconds=4)) == []
    assert await world.still_parked() == [sale_event().id]


async def test_a_released_fact_goes_back_to_its_subscription_as_it_was() -> None:
    world = World(parked())
    await world.run()
    await world.parking.release([KEY], world.now)

    (message,) = await world.run()

    copy = as_received(message)
    assert copy.body == encode(sale_event())
    assert copy.properties["retry-for"] == "sales"
    assert copy.properties["lane"] == "backfill"
    assert (copy.attempt, copy.history) == (2, "1. parked")
    assert copy.first_seen(NOW) == NOW - timedelta(hours=1)
    assert copy.traceparent == TRACEPARENT
    assert copy.parked is not None
    assert (copy.parked.key, copy.parked.times) == (KEY, 1)
    assert copy.parked.parked_at == NOW
    assert copy.parked.releases == 1
    assert (copy.waited_out, copy.probes) == ((), None)


async def test_a_fact_on_its_way_is_seen_all_the_while_and_not_sent_twice() -> None:
    world = World(parked())
    await world.run()
    await world.parking.release([KEY], world.now)

    assert len(await world.run()) == 1

    assert await world.still_parked() == [sale_event().id]
    assert await world.run(timedelta(hours=4)) == []


async def test_a_copy_nothing_was_heard_of_is_sent_once_more_and_is_no_duplicate() -> None:
    world = World(parked())
    await world.run()
    await world.parking.release([KEY], world.now)
    (first,) = await world.run()

    (second,) = await world.run(timedelta(days=2))

    assert first.message_id != second.message_id
    assert await world.run(timedelta(hours=4)) == []


async def test_a_release_while_a_fact_is_being_tried_brings_it_back_at_once() -> None:
    world = World(parked())
    await world.run()
    await world.parking.release([KEY], world.now)
    (message,) = await world.run()
    stay = as_received(message).parked
    assert stay is not None

    await world.parking.release([KEY], world.now)
    await world.parking.park([replace(parked(), times=2, releases=stay.releases)])

    assert len(await world.run()) == 1


async def test_an_overdue_fact_comes_back_once_more_and_says_what_it_waited_for() -> None:
    world = World(parked())
    await world.run()

    (message,) = await world.run(timedelta(days=3))

    assert as_received(message).waited_out == (KEY,)
    assert await world.still_parked() == []


async def test_facts_of_other_services_are_left_to_them() -> None:
    world = World(parked(subscription="inventory"))
    await world.run()

    assert await world.run(timedelta(days=30)) == []
    assert len(await world.still_parked()) == 1


async def test_late_facts_go_back_to_the_backfill_subscription() -> None:
    world = World(parked(subscription="sales-backfill"))
    await world.run()
    await world.parking.release([KEY], world.now)

    (message,) = await world.run()

    assert as_received(message).properties["retry-for"] == "sales-backfill"


async def test_more_facts_than_are_read_at_once_all_come_back_in_one_run() -> None:
    facts = [parked(n) for n in range(1, 2 * PAGE + 2)]
    world = World(*facts)
    await world.run()
    await world.parking.release([KEY], world.now)

    messages = await world.run()

    assert len({message.message_id for message in messages}) == len(messages) == len(facts)


async def test_a_fact_is_on_its_way_only_when_the_bus_has_its_copy() -> None:
    world = World(parked())
    await world.run()
    await world.parking.release([KEY], world.now)
    world.bus.refuses = lambda _topic: True

    assert await world.run() == []
    assert await world.still_parked() == [sale_event().id]

    world.bus.refuses = lambda _topic: False
    assert len(await world.run()) == 1


class ForgetfulParking(MemoryParking):
    """The store goes away between the bus's acceptance and the note of it."""

    away = True

    async def sent(self, stays: Iterable[ParkedStay], now: datetime) -> None:
        if self.away:
            raise StoreUnavailable("the database restarts")
        await super().sent(stays, now)


async def test_a_copy_published_twice_is_a_duplicate_to_the_bus() -> None:
    parking = ForgetfulParking()
    world = World(parked(), parking=parking)
    await world.run()
    await parking.release([KEY], world.now)

    (first,) = await world.run()
    parking.away = False
    (second,) = await world.run(timedelta(seconds=10))

    assert first.message_id == second.message_id


async def test_a_second_stay_is_never_swallowed_as_a_duplicate_of_the_first() -> None:
    world = World(parked())
    await world.run()
    await world.parking.release([KEY], world.now)
    (first,) = await world.run()

    # The original is delivered again after all, and its stay has the same number.
    await world.parking.park([parked()])
    world.now += timedelta(seconds=10)
    await world.parking.release([KEY], world.now)
    (second,) = await world.run()

    assert first.message_id != second.message_id


class QuickReturn(MemoryParking):
    """Before the pump can note what it published, its copy has been parked again."""

    async def sent(self, stays: Iterable[ParkedStay], now: datetime) -> None:
        await self.park([replace(each, times=each.times + 1) for each in await self.facts()])
        await super().sent(stays, now)


async def test_a_copy_that_is_parked_again_before_it_is_noted_waits_like_any_other() -> None:
    world = World(parked(), parking=QuickReturn())
    await world.run()
    await world.parking.release([KEY], world.now)

    assert len(await world.run()) == 1

    (fact,) = await world.parking.facts()
    assert (fact.times, fact.released_at, fact.sent_at) == (2, None, None)


async def test_the_fact_that_waited_longest_is_tried_after_a_minute_as_a_probe() -> None:
    world = World(parked(1), parked(2, at=NOW + timedelta(seconds=5)))
    await world.run()

    (message,) = await world.run(MINUTE)

    probe = as_received(message)
    assert (message.subject, probe.probes) == (sale_event(1).subject, KEY)
    assert probe.waited_out == ()


async def test_every_waiting_key_has_a_probe_of_its_own() -> None:
    world = World(parked(1, "item/gbrt/1"), parked(2, "item/gbrt/2"), parked(3, "item/gbrt/1"))
    await world.run()

    messages = await world.run(MINUTE)

    assert {as_received(each).probes for each in messages} == {"item/gbrt/1", "item/gbrt/2"}
    assert len(messages) == 2


async def test_a_probe_does_not_wake_what_another_service_has_parked_longer() -> None:
    world = World(parked(1, subscription="inventory", at=NOW - MINUTE / 2), parked(2))
    await world.run()

    (message,) = await world.run(MINUTE)

    assert message.subject == sale_event(2).subject


async def test_facts_released_by_their_record_are_no_probes() -> None:
    world = World(parked(1), parked(2, at=NOW + timedelta(seconds=5)))
    await world.run()
    await world.parking.release([KEY], world.now)

    messages = await world.run(MINUTE)

    assert [as_received(each).probes for each in messages] == [None, None]


async def test_a_worker_that_just_started_probes_what_has_waited() -> None:
    world = World(parked())

    assert len(await world.run(timedelta(hours=5))) == 1


async def test_a_store_that_is_away_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    class Away(MemoryParking):
        async def due(self, *_: object, **__: object) -> list[ParkedFact]:
            raise StoreUnavailable("the database restarts")

    assert await World(parking=Away()).run() == []
    assert "the database restarts" in caplog.text


def probes(waited_until: timedelta, every: timedelta) -> Iterator[timedelta]:
    """When probes are due, looking at the clock `every` so often."""
    moment = timedelta(0)
    while moment <= waited_until:
        key = ParkedKey("sales", KEY, "no item", 1, NOW, NOW + timedelta(days=3))
        if to_probe([key], NOW + moment - every, NOW + moment):
            yield moment
        moment += every


def test_probes_come_at_growing_intervals() -> None:
    minutes = [moment / MINUTE for moment in probes(timedelta(hours=4), MINUTE / 12)]

    assert minutes == [1 / 12, 1, 5, 15, 60, 120, 180, 240]


def test_probes_missed_while_nobody_looked_are_made_up_for_by_one() -> None:
    assert probes_due(timedelta(hours=2)) == 6
    assert len(list(probes(timedelta(hours=4), timedelta(hours=2)))) == 2


async def test_what_came_to_exist_while_a_fact_was_being_handled_keeps_it_waiting_for_seconds() -> (
    None
):
    world = World(parked())
    await world.parking.release([KEY], NOW)

    await world.run()

    assert len(await world.run(timedelta(seconds=10))) == 1


def test_a_fact_with_two_missing_records_names_both_when_it_has_waited_for_them() -> None:
    fact = parked()
    first = as_received(unparked_message(Unparked(fact, overdue=True)))
    again = replace(fact, key="item/gbrt/42", properties=first.properties)

    second = as_received(unparked_message(Unparked(again, overdue=True)))

    assert second.waited_out == (KEY, "item/gbrt/42")
