"""One run of a seed: from the first upload until everything has come to rest, and what is wrong."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.servicebus.config import load_config
from shared.bus import Publisher
from tests.simulation.chain.apps import App, Platform, apps
from tests.simulation.chain.bus import SimulatedBus
from tests.simulation.chain.dynamics import SimulatedDynamics, Weather
from tests.simulation.chain.hazards import Hazards, Strike
from tests.simulation.chain.invariants import World, broken
from tests.simulation.chain.stores import SimulatedStore
from tests.simulation.chain.tills import facts_of, publish, uploads
from tests.simulation.chain.virtual import now, run
from tests.simulation.chain.workers import Worker

TOPOLOGY = Path(__file__).resolve().parents[3] / "infra" / "topology.json"

CHANCES: Mapping[Strike, float] = {
    Strike.CRASH_BEFORE: 0.004,
    Strike.CRASH_AFTER: 0.004,
    Strike.FAIL: 0.008,
    Strike.LOSE: 0.008,
    Strike.SLOW: 0.002,
}
CALM_AFTER = 3 * 3600.0
"""Virtual seconds: an hour after the last till has uploaded."""
PATIENCE = 5 * 24 * 3600.0


@dataclass(frozen=True)
class Plan:
    """What decides a run; `strikes` None lets the seed decide."""

    seed: int
    per_store: int = 12
    instances: int = 2
    strikes: tuple[tuple[int, Strike], ...] | None = None


@dataclass
class Result:
    plan: Plan
    failures: list[str] = field(default_factory=list)
    struck: Mapping[int, Strike] = field(default_factory=dict)
    told: Sequence[str] = ()
    points: int = 0
    deaths: int = 0
    virtual_seconds: float = 0.0


class Simulation:
    """Runs plans one after the other over one set of Dynamics products."""

    def __init__(self, folder: Path, apps_: Sequence[App]) -> None:
        self._dynamics = SimulatedDynamics(folder)
        self._config = load_config(TOPOLOGY)
        self._apps = apps_

    def run(self, plan: Plan) -> Result:
        """Return what became of the plan; the same plan, the same result."""
        self._dynamics.reset()
        return run(lambda: self._simulate(plan))

    async def _simulate(self, plan: Plan) -> Result:
        strikes = None if plan.strikes is None else dict(plan.strikes)
        hazards = Hazards(plan.seed, CHANCES, strikes, CALM_AFTER)
        bus = SimulatedBus(self._config, hazards)
        store = SimulatedStore(hazards)
        platform = Platform(bus, store, plan.seed)
        facts = facts_of(plan.seed, plan.per_store)
        weather = Weather.drawn(plan.seed, CALM_AFTER)
        chance = random.Random(f"{plan.seed}/workers")
        workers = [
            Worker(f"{app.name}-{number}", app, bus, chance)
            for app in self._apps
            for number in range(plan.instances)
        ]
        with self._dynamics.reachable(hazards, weather), platform.beneath():
            running = [bus.run(), *(worker.run() for worker in workers)]
            background = [asyncio.create_task(each) for each in running]
            publisher = Publisher(bus.client(), clock=now)
            try:
                await publish(plan.seed, uploads(plan.seed, facts), publisher)
                world = World(bus, store, self._dynamics, facts)
                failures = await _at_rest(world, background)
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
        return Result(
            plan,
            failures,
            hazards.struck,
            hazards.told,
            hazards.points,
            sum(worker.deaths for worker in workers),
            asyncio.get_running_loop().time(),
        )


async def _at_rest(world: World, background: Sequence[asyncio.Task[None]]) -> list[str]:
    """Return what is wrong once nothing moves any more; a run that never rests is wrong too."""
    until = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < until:
        for task in background:
            if task.done():
                task.result()
        await asyncio.sleep(60)
        if asyncio.get_running_loop().time() > CALM_AFTER and world.is_at_rest():
            await asyncio.sleep(300)  # the certificates look once more
            if world.is_at_rest():
                return await broken(world)
    return [f"not at rest after {PATIENCE / 86400:.0f} days: {world.what_moves()}"]


@contextmanager
def simulation() -> Iterator[Simulation]:
    with tempfile.TemporaryDirectory(prefix="tillbus-simulation-") as folder, apps() as indexed:
        yield Simulation(Path(folder), indexed)
