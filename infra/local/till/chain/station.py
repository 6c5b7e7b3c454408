"""One till while a plan is played: its outbox on disk, its uploader, its line to the bus."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.local.till.chain.clocks import TillClock
from infra.local.till.chain.line import Line
from infra.local.till.chain.steps import Doing, Step
from infra.local.till.chain.tally import Tally
from infra.local.till.chain.timeline import Timeline
from infra.local.till.outbox import Outbox, Status, Uploader
from infra.local.till.outbox.uploader import EventPublisher


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the tills of a chain have in common."""

    timeline: Timeline
    publisher: EventPublisher
    tally: Tally
    folder: Path
    key: bytes
    seed: int
    tasks: asyncio.TaskGroup
    changed: asyncio.Event
    """Set whenever a till has uploaded something or goes to sleep."""


class Station:
    """A till with a file of its own. It is on at first."""

    def __init__(self, name: str, clock: TillClock, around: Surroundings) -> None:
        self.waiting = 0
        """Facts in its outbox."""
        self._clock, self._around = clock, around
        self._path = around.folder / f"{name.replace('/', '+')}.db"
        self._chance = random.Random(f"uploads/{around.seed}/{name}")
        self._line = Line(around.publisher, self._reads, around.tally)
        self._nap: asyncio.Future[None] | None = None
        self._switch_on()

    @property
    def is_quiet(self) -> bool:
        """Return whether nothing is under way: nothing waits, or it sleeps, or it is off."""
        asleep = self._nap is not None and not self._nap.done()
        return self.waiting == 0 or asleep or self._uploading.done()

    async def take(self, step: Step) -> None:
        """Let happen to it what the step says."""
        if step.doing is Doing.OFF:
            await self._switch_off()
        elif step.doing is Doing.ON:
            self._switch_on()
        elif step.doing in (Doing.CUT, Doing.BACK):
            self._line.is_cut = step.doing is Doing.CUT
        if step.facts:
            self._line.put(self._outbox.put(*step.facts))
            self.waiting = self._outbox.status().waiting

    async def close(self) -> int:
        """End it; return how many facts the bus will never take."""
        refused = self._outbox.status().refused
        await self._switch_off()
        await self._line.closed()
        return refused

    def _reads(self) -> datetime:
        return self._clock.read(self._around.timeline.now())

    def _switch_on(self) -> None:
        self._outbox = Outbox.open(self._path, self._around.key, clock=self._reads)
        uploader = Uploader(
            self._outbox,
            self._line,
            clock=self._reads,
            sleep=self._sleep,
            chance=self._chance.random,
            progress=self._told,
        )
        self._uploading = self._around.tasks.create_task(uploader.run())

    async def _switch_off(self) -> None:
        self._uploading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._uploading
        self._outbox.close()

    async def _sleep(self, seconds: float) -> None:
        self._nap = self._around.timeline.nap(seconds)
        self._around.changed.set()
        await self._nap

    def _told(self, status: Status) -> None:
        self.waiting = status.waiting
        self._around.changed.set()
