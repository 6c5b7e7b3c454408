"""Playing a plan: what is put arrives, whatever is cut off, and time is the chain's own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from infra.local.till.chain import (
    TROUBLES,
    BusAway,
    Doing,
    Options,
    Plan,
    Scene,
    Tally,
    play,
    timeline,
)
from infra.local.till.chain.line import PATIENCE, Line
from infra.local.till.chain.timeline import Paced
from infra.local.till.outbox.uploader import LATE_AFTER
from shared.bus import PublishFailed, Unsent
from shared.clock import utc_now
from shared.events import BACKFILL, Event, Fact, new_event
from tests.unit.till_chain.plans import STORMS, options

SMALL = Options(stores=3, tills=2, customers=12, seed=3, troubles=STORMS)


class Bus:
    """Takes everything, a little later, but for what `refuses` names a cause for."""

    def __init__(self) -> None:
        self.taken: list[Event[Any]] = []
        self.refuses: Callable[[Event[Any]], Unsent | None] = lambda event: None

    async def publish(self, events: Sequence[Event[Any]]) -> None:
        await asyncio.sleep(0)
        refused = [unsent for each in events if (unsent := self.refuses(each))]
        names = {unsent.message_id for unsent in refused}
        self.taken += [each for each in events if str(each.id) not in names]
        if refused:
            raise PublishFailed(refused)


async def played(chosen: Options, bus: Bus, folder: Path, **more: Any) -> Tally:
    plan = Plan(chosen)
    return await play(plan, bus, folder, timeline(plan.begins, 0), **more)


def in_order(plan: Plan) -> dict[str, list[Fact]]:
    """Return what each till puts, each fact once."""
    found: dict[str, dict[Any, Fact]] = defaultdict(dict)
    for step in plan:
        for fact in step.facts:
            found[step.till].setdefault(fact.event_id, fact)
    return {till: list(facts.values()) for till, facts in found.items()}


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=options())
async def test_everything_put_arrives_once_and_in_the_order_of_its_till(
    chosen: Options, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bus = Bus()

    tally = await played(chosen, bus, tmp_path_factory.mktemp("tills"))

    facts = in_order(Plan(chosen))
    arrived = [event.data for event in bus.taken]
    assert len(arrived) == len({event.id for event in bus.taken}) == tally.facts
    for those in facts.values():
        ids = {fact.event_id for fact in those}
        assert [fact for fact in arrived if fact.event_id in ids] == those
    assert tally.facts == sum(map(len, facts.values()))


async def test_the_same_plan_comes_to_the_same_to_the_second(tmp_path: Path) -> None:
    first, second = Bus(), Bus()

    tallies = [
        await played(SMALL, bus, _made(tmp_path / name))
        for name, bus in (("first", first), ("second", second))
    ]

    assert tallies[0] == tallies[1]
    assert [(each.id, each.time, each.lane) for each in first.taken] == [
        (each.id, each.time, each.lane) for each in second.taken
    ]


async def test_what_waited_for_a_connection_comes_late_and_what_did_not_does_not(
    tmp_path: Path,
) -> None:
    bus, chosen = Bus(), Options(stores=6, customers=10, seed=5, troubles=TROUBLES["many"])

    tally = await played(chosen, bus, tmp_path)

    cut: dict[str, bool] = defaultdict(bool)
    put_without_connection: set[Any] = set()
    for step in Plan(chosen):
        if step.doing in (Doing.CUT, Doing.BACK):
            cut[step.till] = step.doing is Doing.CUT
        elif cut[step.till]:
            put_without_connection.update(fact.event_id for fact in step.facts)
    late = {event.id for event in bus.taken if event.lane == BACKFILL}
    assert late
    assert late <= put_without_connection
    assert tally.late == len(late)
    assert tally.late == sum(wait > LATE_AFTER for wait in tally.waits)


async def test_without_troubles_nothing_waits(tmp_path: Path) -> None:
    tally = await played(
        Options(stores=2, tills=1, customers=10, troubles=TROUBLES["none"]), Bus(), tmp_path
    )

    assert (tally.held, tally.late, tally.most_held) == (0, 0, 0)
    assert tally.put == tally.facts > 0


async def test_progress_follows_the_plan_and_ends_with_empty_outboxes(tmp_path: Path) -> None:
    scenes: list[Scene] = []

    tally = await played(SMALL, Bus(), tmp_path, progress=scenes.append)

    assert [scene.at for scene in scenes] == sorted(scene.at for scene in scenes)
    assert max(scene.cut_off for scene in scenes) > 1
    last = scenes[-1]
    assert (last.put, last.confirmed, last.waiting) == (tally.put, tally.facts, 0)
    assert last.cut_off == 0


async def test_a_fact_the_bus_will_never_take_is_counted_and_holds_up_nobody(
    tmp_path: Path,
) -> None:
    bus = Bus()
    bus.refuses = lambda event: (
        Unsent(event.data.TOPIC, str(event.id), "too large", is_hopeless=True)
        if event.data.TOPIC == "store-day-closed"
        else None
    )

    tally = await played(SMALL, bus, tmp_path)

    assert tally.refused == SMALL.stores
    assert tally.by_topic["store-day-closed"] == 0
    assert tally.by_topic["store-day-opened"] == SMALL.stores
    assert tally.failed_attempts == 0


async def test_a_bus_that_fails_now_and_then_delays_and_loses_nothing(tmp_path: Path) -> None:
    bus, calls = Bus(), 0

    def every_third(event: Event[Any]) -> Unsent | None:
        nonlocal calls
        calls += 1
        return None if calls % 3 else Unsent(event.data.TOPIC, str(event.id), "busy")

    bus.refuses = every_third

    tally = await played(SMALL, bus, tmp_path)

    assert tally.failed_attempts > 0
    assert {event.id for event in bus.taken} == {
        fact.event_id for facts in in_order(Plan(SMALL)).values() for fact in facts
    }


async def test_the_bus_may_be_away_for_a_while_and_no_longer() -> None:
    bus, moments = Bus(), [0.0, PATIENCE.total_seconds(), PATIENCE.total_seconds() + 1]
    bus.refuses = _refused
    line = Line(bus, utc_now, Tally(), monotonic=iter(moments).__next__)
    event = _event()
    for _ in range(2):
        with pytest.raises(PublishFailed):
            await line.publish([event])

    with pytest.raises(BusAway, match="connection refused"):
        await line.publish([event])


async def test_a_bus_that_stays_away_ends_the_play_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.till.chain.line.PATIENCE", timedelta(0))
    bus = Bus()
    bus.refuses = _refused

    with pytest.raises(BusAway, match="connection refused"):
        await played(SMALL, bus, tmp_path)


async def test_an_answer_that_comes_after_the_cut_is_not_heard() -> None:
    bus, tally = Bus(), Tally()
    line = Line(bus, utc_now, tally)
    sending = asyncio.create_task(line.publish([_event()]))
    await asyncio.sleep(0)
    line.is_cut = True

    with pytest.raises(PublishFailed, match="no connection"):
        await sending

    assert len(bus.taken) == 1
    assert tally.facts == 0


async def test_what_is_under_way_when_the_power_goes_arrives_all_the_same() -> None:
    bus, tally = Bus(), Tally()
    line = Line(bus, utc_now, tally)
    sending = asyncio.create_task(line.publish([_event()]))
    await asyncio.sleep(0)

    sending.cancel()
    await line.closed()

    assert sending.cancelled() or sending.cancelling()
    assert len(bus.taken) == 1
    assert tally.facts == 0


async def test_paced_time_goes_so_many_times_as_fast() -> None:
    seconds = 100.0
    plan = Plan(SMALL)
    time = Paced(plan.begins, 600, monotonic=lambda: seconds)

    seconds += 6

    assert time.now() == plan.begins + timedelta(hours=1)


def _refused(event: Event[Any]) -> Unsent:
    return Unsent(event.data.TOPIC, str(event.id), "connection refused")


def _event() -> Event[Any]:
    fact = next(iter(Plan(SMALL))).facts[0]
    return new_event(fact, source="/tills", time=utc_now())


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
