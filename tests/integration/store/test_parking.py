"""What is promised of parked facts, in memory and on every database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from shared.store import ParkedKey, Store

from .conftest import NOW, NewDatabase
from .states import MORNING, State, parked

NOON = MORNING + timedelta(hours=3)
ITEM, OTHER = "item/gbrt/10010", "item/gbrt/10020"


async def test_a_parked_fact_comes_back_as_it_was_parked(state: State) -> None:
    fact = parked(1, traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01", history="10 s: busy")

    await state.parking.park([fact])

    assert await state.parking.facts() == [fact]
    [stored] = await state.parking.facts()
    assert [type(each) for each in stored.properties.values()] == [str, int, float, bool]


async def test_nothing_is_due_before_its_release_or_deadline(state: State) -> None:
    await state.parking.park([parked(1), parked(2, OTHER, hours=1)])

    assert await state.parking.due(NOON - timedelta(hours=2), 10) == []
    assert await state.parking.due(NOON, 10) == [parked(2, OTHER, hours=1)]


async def test_a_key_is_released_for_every_subscription_or_for_those_named(state: State) -> None:
    await state.parking.park(
        [parked(1), parked(1, subscription="inventory"), parked(2), parked(3, OTHER)]
    )

    assert await state.parking.release([ITEM], NOON, subscriptions=["inventory"]) == 1
    assert await state.parking.release([ITEM, "item/gbrt/nobody"], NOON) == 3
    assert await state.parking.release(["item/gbrt/nobody"], NOON) == 0
    due = await state.parking.due(MORNING, 10)
    assert [(each.subscription, each.released_at) for each in due] == [
        ("inventory", NOON),
        ("sales", NOON),
        ("sales", NOON),
    ]
    assert await state.parking.due(MORNING, 10, ["inventory"]) == due[:1]
    assert await state.parking.due(MORNING, 2) == due[:2]


async def test_a_probe_releases_what_has_waited_longest(state: State) -> None:
    await state.parking.park([parked(3), parked(1), parked(2), parked(4, OTHER)])

    assert await state.parking.release([ITEM, OTHER], NOON, most=1) == 2
    assert [each.fact_id for each in await state.parking.due(MORNING, 10)] == [
        parked(1).fact_id,
        parked(4).fact_id,
    ]
    assert await state.parking.release([ITEM], NOON, most=0) == 0


async def test_being_tried_in_between_does_not_make_a_fact_wait_longer(state: State) -> None:
    first = parked(1, hours=5)
    again = replace(parked(1, OTHER, minute=60), times=2, missing="another", body=b"{}", releases=1)
    await state.parking.park([first])
    await state.parking.release([ITEM], NOON)
    await state.parking.sent([first.stay], NOON)

    await state.parking.park([again])

    kept = replace(again, parked_at=first.parked_at, deadline=first.deadline)
    assert await state.parking.facts() == [kept]


async def test_a_release_while_a_fact_is_being_tried_counts_when_it_is_parked_again(
    state: State,
) -> None:
    await state.parking.park([parked(1)])
    await state.parking.release([ITEM], NOON)
    (tried,) = await state.parking.due(NOON, 10)
    await state.parking.sent([tried.stay], NOON)
    assert await state.parking.due(NOON, 10) == []

    assert await state.parking.release([ITEM], NOON) == 1
    assert await state.parking.due(NOON, 10) == []
    await state.parking.park([replace(tried, times=2)])

    (again,) = await state.parking.due(NOON, 10)
    assert (again.times, again.releases) == (2, 2)


async def test_a_release_between_reading_a_fact_and_noting_that_it_was_sent_counts_too(
    state: State,
) -> None:
    await state.parking.park([parked(1)])
    await state.parking.release([ITEM], NOON)
    (tried,) = await state.parking.due(NOON, 10)

    await state.parking.release([ITEM], NOON)
    await state.parking.sent([tried.stay], NOON)
    await state.parking.park([replace(tried, times=2)])

    assert [each.times for each in await state.parking.due(NOON, 10)] == [2]


async def test_what_was_sent_long_ago_and_is_still_here_is_due_again(state: State) -> None:
    await state.parking.park([parked(1), parked(2)])
    await state.parking.sent([parked(1).stay], NOON)
    await state.parking.sent([parked(2).stay], NOON + timedelta(hours=1))

    assert await state.parking.due(NOON, 10) == []
    due = await state.parking.due(NOON, 10, lost=NOON + timedelta(minutes=1))
    assert [each.fact_id for each in due] == [parked(1).fact_id]


async def test_probes_pass_over_what_is_on_its_way(state: State) -> None:
    await state.parking.park([parked(1), parked(2)])
    await state.parking.sent([parked(1).stay], NOON)

    assert await state.parking.release([ITEM], NOON, most=1) == 1
    assert [each.fact_id for each in await state.parking.due(MORNING, 10)] == [parked(2).fact_id]


async def test_a_fact_parked_twice_in_one_call_is_parked_once(state: State) -> None:
    await state.parking.park([parked(1), replace(parked(1, minute=90, hours=1), times=2)])

    [fact] = await state.parking.facts()
    assert (fact.times, fact.parked_at) == (2, parked(1).parked_at)
    assert fact.deadline == parked(1, minute=90, hours=1).deadline


async def test_a_fact_parked_again_since_it_was_published_is_not_forgotten(state: State) -> None:
    published, quick = parked(1), parked(2)
    await state.parking.park([published, quick])
    await state.parking.park([replace(quick, times=2)])

    await state.parking.sent([quick.stay], NOON)
    await state.parking.forget([published.stay, quick.stay, parked(3).stay])

    assert await state.parking.facts() == [replace(quick, times=2)]


async def test_what_waits_is_counted_by_subscription_and_key(state: State) -> None:
    await state.parking.park(
        [parked(2), parked(1, hours=30), parked(3, OTHER), parked(1, subscription="inventory")]
    )

    waiting = await state.parking.waiting()

    assert waiting[1] == ParkedKey(
        "sales", ITEM, parked(1).missing, 2, parked(1).parked_at, parked(2).deadline
    )
    assert [(each.subscription, each.key, each.facts) for each in waiting] == [
        ("inventory", ITEM, 1),
        ("sales", ITEM, 2),
        ("sales", OTHER, 1),
    ]
    assert await state.parking.waiting(["inventory"]) == waiting[:1]


async def test_parked_facts_are_read_page_by_page(state: State) -> None:
    # At one moment, so that only subscription and id order them.
    facts = [parked(n, subscription=name, minute=0) for n in range(4) for name in ("sales", "a")]
    await state.parking.park(facts)

    first = await state.parking.facts(limit=5)
    rest = await state.parking.facts(after=first[-1], limit=5)

    assert len(first) == 5
    assert {each.identity for each in first + rest} == {each.identity for each in facts}
    assert await state.parking.facts(key=OTHER) == []


async def test_redacting_a_forgotten_fact_does_not_park_it_again(state: State) -> None:
    await state.parking.park([parked(1), parked(2)])
    await state.parking.forget([parked(2).stay])

    await state.parking.redact({parked(1).identity: b"erased", parked(2).identity: b"erased"})

    assert await state.parking.facts() == [replace(parked(1), body=b"erased")]


async def test_two_probes_at_once_release_a_fact_once(new_database: NewDatabase) -> None:
    url = new_database()
    stores = [await Store.open(url, lambda: NOW) for _ in range(3)]
    try:
        await stores[0].parking.park([parked(number) for number in range(30)])
        released = await asyncio.gather(
            *(store.parking.release([ITEM], NOW, most=4) for store in stores for _ in range(5))
        )
        due = await stores[0].parking.due(MORNING, 100)
    finally:
        for store in stores:
            await store.aclose()

    assert sum(released) == len(due) >= 4


async def test_parking_and_releasing_many_at_once_loses_nothing(new_database: NewDatabase) -> None:
    url = new_database()
    stores = [await Store.open(url, lambda: NOW) for _ in range(3)]
    facts = [parked(number, f"item/gbrt/{number % 3}") for number in range(60)]
    keys = [f"item/gbrt/{number}" for number in range(3)]
    try:
        await asyncio.gather(
            stores[0].parking.park(facts),
            stores[1].parking.park(facts[::-1]),
            *(store.parking.release(keys, NOW, most=2) for store in stores),
        )
        await stores[2].parking.release(keys, NOW)
        due = await stores[0].parking.due(MORNING, 100)
    finally:
        for store in stores:
            await store.aclose()

    assert {each.fact_id for each in due} == {each.fact_id for each in facts}
