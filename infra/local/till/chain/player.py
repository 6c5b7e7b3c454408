"""Plays a plan: every till with its own outbox and uploader, onto one bus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.local.till.chain.line import BusAway
from infra.local.till.chain.plan import Plan
from infra.local.till.chain.station import Station, Surroundings
from infra.local.till.chain.steps import Doing, Step
from infra.local.till.chain.tally import Tally
from infra.local.till.chain.timeline import Timeline
from infra.local.till.outbox import Outbox
from infra.local.till.outbox.uploader import EventPublisher


@dataclass(frozen=True, slots=True)
class Scene:
    """How far a plan is played."""

    at: datetime
    put: int
    confirmed: int
    waiting: int
    cut_off: int
    """Tills without connection."""


Progress = Callable[[Scene], None]


async def play(
    plan: Plan,
    publisher: EventPublisher,
    folder: Path,
    timeline: Timeline,
    progress: Progress | None = None,
) -> Tally:
    """Play the plan to its end, which is when every outbox is empty; return what it came to.

    The tills' outboxes lie in `folder`, under a key of their own that nobody keeps: interrupted,
    play the plan anew. What arrives twice does so with the same content. Raises BusAway.
    """
    tally, changed = Tally(), asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            around = Surroundings(
                timeline=timeline,
                publisher=publisher,
                tally=tally,
                folder=folder,
                key=Outbox.new_key(),
                seed=plan.options.seed,
                tasks=tasks,
                changed=changed,
            )
            stations = {name: Station(name, clock, around) for name, clock in plan.clocks.items()}
            await _Play(stations, around, progress).through(plan)
            for station in stations.values():
                tally.refused += await station.close()
    except* BusAway as failures:
        raise failures.exceptions[0] from None
    return tally


class _Play:
    def __init__(
        self,
        stations: Mapping[str, Station],
        around: Surroundings,
        progress: Progress | None,
    ) -> None:
        self._stations = stations
        self._around = around
        self._progress = progress
        self._cut_off: set[str] = set()

    async def through(self, plan: Plan) -> None:
        timeline, tally = self._around.timeline, self._around.tally
        for step in plan:
            await timeline.until(step.at, self._settled)
            if step.doing is not Doing.PUT:
                await timeline.stand_still(self._settled)
            await self._stations[step.till].take(step)
            tally.doings[step.doing] += 1
            tally.put += len(step.facts)
            self._follow(step)
        while self._waiting:
            await timeline.pass_on(self._around.changed, self._settled)
        self._tell(timeline.now())

    @property
    def _waiting(self) -> int:
        return sum(station.waiting for station in self._stations.values())

    async def _settled(self) -> None:
        changed, stations = self._around.changed, self._stations.values()
        while not _all_quiet(stations):
            changed.clear()
            await changed.wait()

    def _follow(self, step: Step) -> None:
        if step.doing is Doing.CUT:
            self._cut_off.add(step.till)
        elif step.doing is Doing.BACK:
            self._cut_off.discard(step.till)
        self._tell(step.at)

    def _tell(self, at: datetime) -> None:
        if self._progress is not None:
            tally = self._around.tally
            scene = Scene(at, tally.put, tally.facts, self._waiting, len(self._cut_off))
            self._progress(scene)


def _all_quiet(stations: Collection[Station]) -> bool:
    return all(station.is_quiet for station in stations)
