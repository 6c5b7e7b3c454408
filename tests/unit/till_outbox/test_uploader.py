"""How an outbox is emptied: in order, patiently, and never by losing something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.till.baskets import STORES, TradingDay
from infra.local.till.outbox import Outbox, Status, Uploader
from infra.local.till.outbox.uploader import FIRST_PAUSE, LONGEST_PAUSE
from shared.bus import PublishFailed, Unsent
from shared.events import BACKFILL, Event, Fact

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FACTS: list[Fact] = list(TradingDay(7, STORES[:1], transactions_per_store=30))


class World:
    """A bus that takes what `refuses` lets it, and time that passes by sleeping."""

    def __init__(self) -> None:
        self.now = NOW
        self.taken: list[Event[Any]] = []
        self.pauses: list[float] = []
        self.refuses: Callable[[Event[Any]], str | None] = lambda event: None
        self.hopeless: set[str] = set()
        self.took = asyncio.Event()

    def clock(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)

    async def publish(self, events: Sequence[Event[Any]]) -> None:
        refused = {str(each.id): why for each in events if (why := self.refuses(each))}
        self.taken += [each for each in events if str(each.id) not in refused]
        self.took.set()
        if refused:
            raise PublishFailed(
                [Unsent("t", id_, why, id_ in self.hopeless) for id_, why in refused.items()]
            )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def outbox(tmp_path: Path, world: World) -> Iterator[Outbox]:
    with Outbox.open(tmp_path / "outbox.db", Outbox.new_key(), clock=world.clock) as opened:
        yield opened


def uploader(outbox: Outbox, world: World, **options: Any) -> Uploader:
    return Uploader(
        outbox,
        world,
        clock=world.clock,
        sleep=world.sleep,
        chance=lambda: 0.0,
        batch=7,
        **options,
    )


async def test_everything_is_uploaded_in_order_and_nothing_waits_any_more(
    outbox: Outbox, world: World
) -> None:
    outbox.put(*FACTS)

    uploaded = await uploader(outbox, world).upload()

    assert [each.data for each in world.taken] == FACTS
    assert uploaded.facts == len(FACTS)
    assert outbox.status() == Status(0, 0, None)


async def test_while_the_bus_is_away_pauses_double_up_to_the_longest(
    outbox: Outbox, world: World
) -> None:
    outbox.put(*FACTS)
    back = NOW + timedelta(hours=1)
    world.refuses = lambda event: "not connected" if world.now < back else None

    uploaded = await uploader(outbox, world).upload()

    assert world.pauses[:4] == [FIRST_PAUSE.total_seconds() * 2**n for n in range(4)]
    assert max(world.pauses) == LONGEST_PAUSE.total_seconds()
    assert uploaded.facts == len(FACTS)
    assert uploaded.failed_attempts == len(world.pauses)


async def test_while_the_bus_is_away_one_fact_asks_for_all(outbox: Outbox, world: World) -> None:
    outbox.put(*FACTS)
    asked: list[Event[Any]] = []
    back = NOW + timedelta(minutes=10)

    def away(event: Event[Any]) -> str | None:
        asked.append(event)
        return "not connected" if world.now < back else None

    world.refuses = away

    uploaded = await uploader(outbox, world).upload()

    assert [each.data for each in world.taken] == FACTS
    assert len(asked) == 7 + (uploaded.failed_attempts - 1) + len(FACTS)


async def test_tills_of_a_chain_do_not_come_back_together(outbox: Outbox, world: World) -> None:
    outbox.put(FACTS[0])
    world.refuses = lambda event: "not connected" if len(world.pauses) < 1 else None
    luck = Uploader(
        outbox, world, clock=world.clock, sleep=world.sleep, chance=lambda: 0.5, batch=7
    )

    await luck.upload()

    assert world.pauses == [FIRST_PAUSE.total_seconds() * 0.75]


async def test_what_waited_long_goes_in_the_backfill_lane_and_what_is_new_does_not(
    outbox: Outbox, world: World
) -> None:
    outbox.put(*FACTS[:2])
    world.now += timedelta(hours=2)
    outbox.put(FACTS[2])

    uploaded = await uploader(outbox, world, late_after=timedelta(hours=1)).upload()

    assert [each.lane for each in world.taken] == [BACKFILL, BACKFILL, None]
    assert uploaded.late == 2


async def test_a_fact_the_bus_will_never_take_is_put_aside_and_holds_up_nobody(
    outbox: Outbox, world: World
) -> None:
    outbox.put(*FACTS)
    monster = str(FACTS[3].event_id)
    world.hopeless = {monster}
    world.refuses = lambda event: "too large" if str(event.id) == monster else None

    uploaded = await uploader(outbox, world).upload()

    assert [each.data for each in world.taken] == FACTS[:3] + FACTS[4:]
    assert [(each.event.data, why) for each, why in outbox.refused()] == [(FACTS[3], "too large")]
    assert (uploaded.refused, world.pauses) == (1, [])


async def test_progress_tells_what_is_left(outbox: Outbox, world: World) -> None:
    outbox.put(*FACTS[:15])
    told: list[int] = []

    await uploader(outbox, world, progress=lambda status: told.append(status.waiting)).upload()

    assert told == [8, 1, 0]


async def test_what_is_put_while_it_runs_is_uploaded_at_once(outbox: Outbox, world: World) -> None:
    running = asyncio.create_task(uploader(outbox, world).run())
    await asyncio.sleep(0)
    for fact in FACTS[:5]:
        world.took.clear()
        outbox.put(fact)
        await asyncio.wait_for(world.took.wait(), 30)
    running.cancel()

    assert [each.data for each in world.taken] == FACTS[:5]
