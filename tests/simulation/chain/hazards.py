"""Where faults strike: every side effect passes one numbered point."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")


class Strike(StrEnum):
    """What happens at a point."""

    CRASH_BEFORE = "crash-before"
    """The process dies; the effect does not happen."""
    CRASH_AFTER = "crash-after"
    """The effect happens; the process dies before it learns so."""
    FAIL = "fail"
    """The effect does not happen, and whoever wanted it is told."""
    LOSE = "lose"
    """The effect happens, and whoever wanted it is told it may not have."""
    SLOW = "slow"
    """It takes longer than locks last."""


SLOW_SECONDS = 95.0

Effect = Callable[[], Awaitable[T]]
Failure = Callable[[Strike], Exception]
"""What FAIL and LOSE look like to whoever wanted the effect."""


class Process:
    """Something that can die: its tasks end at once, and nothing it started goes on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.died = asyncio.Event()
        self._built: dict[object, asyncio.Future[Any]] = {}

    async def once(self, build: Callable[[], Awaitable[Any]]) -> Any:
        """Return what `build` gives, built by the first who asks in this process."""
        if build not in self._built:
            self._built[build] = asyncio.ensure_future(build())
        return await asyncio.shield(self._built[build])

    def die(self) -> None:
        self.is_dead = True
        self.died.set()

    async def bury(self) -> None:
        """Close what was built, once the process is dead: nothing of it has an effect any more."""
        for built in self._built.values():
            if not built.done():
                built.cancel()
            for collaborators in await asyncio.gather(built, return_exceptions=True):
                if not isinstance(collaborators, BaseException):
                    await collaborators.aclose()


current: ContextVar[Process | None] = ContextVar("current process", default=None)


@dataclass
class Hazards:
    """`strikes`: point -> strike, for a repetition; without, `chance` of each kind decides.

    Points are numbered in the order in which they are passed, which is the same for the same seed
    and strikes.
    """

    seed: int
    chance: Mapping[Strike, float] = field(default_factory=dict)
    strikes: Mapping[int, Strike] | None = None
    calm_after: float = float("inf")
    """Virtual seconds after which nothing strikes any more, so that the run comes to an end."""

    def __post_init__(self) -> None:
        self.points = 0
        self.struck: dict[int, Strike] = {}
        self.told: list[str] = []
        self._random = random.Random(f"{self.seed}/strikes")
        self._latency = random.Random(f"{self.seed}/latency")

    async def around(
        self, what: str, effect: Effect[T], failure: Failure, latency: float = 0.02
    ) -> T:
        """Let the effect happen, or what strikes instead. `latency`: its longest usual duration."""
        process = current.get()
        _check(process)
        strike = self._strike(what)
        await asyncio.sleep(self._latency.random() * latency)
        _check(process)
        match strike:
            case None:
                result = await effect()
            case Strike.SLOW:
                await asyncio.sleep(SLOW_SECONDS)
                _check(process)
                result = await effect()
            case Strike.FAIL:
                raise failure(strike)
            case Strike.LOSE:
                await effect()
                raise failure(strike)
            case Strike.CRASH_BEFORE | Strike.CRASH_AFTER if process is None:
                result = await effect()  # tills and the like do not die of this
            case Strike.CRASH_BEFORE:
                await _die(process)
            case Strike.CRASH_AFTER:
                await effect()
                await _die(process)
        _check(process)
        return result

    def at_once(self, what: str, effect: Callable[[], T], failure: Failure) -> T:
        """The same for an effect that blocks."""
        process = current.get()
        _check(process)
        strike = self._strike(what)
        if strike in (Strike.FAIL, Strike.CRASH_BEFORE):
            if process is not None and strike is Strike.CRASH_BEFORE:
                process.die()
            raise failure(strike)
        result = effect()
        if strike in (Strike.LOSE, Strike.CRASH_AFTER):
            if process is not None and strike is Strike.CRASH_AFTER:
                process.die()
            raise failure(strike)
        return result

    def _strike(self, what: str) -> Strike | None:
        self.points += 1
        if asyncio.get_running_loop().time() > self.calm_after:
            return None
        strike = self._drawn() if self.strikes is None else self.strikes.get(self.points)
        if strike is not None:
            self.struck[self.points] = strike
            time = asyncio.get_running_loop().time()
            process = current.get()
            who = process.name if process else "till"
            self.told.append(f"{time:10.3f} s  point {self.points}  {strike} at {what} by {who}")
        return strike

    def _drawn(self) -> Strike | None:
        drawn = self._random.random()
        for strike, chance in self.chance.items():
            drawn -= chance
            if drawn < 0:
                return strike
        return None


def _check(process: Process | None) -> None:
    """A dead process does nothing more, not even what it does when it is cancelled."""
    if process is not None and process.is_dead:
        raise asyncio.CancelledError


async def _die(process: Process | None) -> None:
    assert process is not None
    process.die()
    raise asyncio.CancelledError
