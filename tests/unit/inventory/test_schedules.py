"""Many short histories of few positions, everything at once: in depth what `test_composition`
explores in breadth. A failing seed repeats exactly."""

from __future__ import annotations

import os
import random
from decimal import Decimal

import pytest

from tests.unit.inventory.dynamics import MemoryStock
from tests.unit.inventory.history import History
from tests.unit.inventory.workers import World

SEEDS = int(os.environ.get("SEEDS", "300"))
WORKERS = 3


def live(seed: int, system: str, company: str, site: str) -> None:
    chance = random.Random(seed)
    items = ("A", "B")[: chance.randint(1, 2)]
    stores = ("W1", "W2")[: chance.choice([1, 1, 2])]
    start = {
        (company, site, store, item, ""): Decimal(chance.randint(0, 50))
        for store in stores
        for item in items
    }
    there = MemoryStock(start)
    history = History(company, site, start)
    for _ in range(chance.randint(2, 6)):
        history.happen(chance, stores, items)
    world = World(system, WORKERS, there)
    try:
        straight = chance.choice([0.0, 0.5, 0.8, 0.95])
        for _ in range(chance.randint(10, 150)):
            _step(chance, world, history, straight)
        world.drain()
        world.finish(history.facts)
        for position, quantity in history.expected().items():
            assert there.there.get(position, Decimal(0)) == quantity, (seed, position)
    finally:
        world.close()


def _step(chance: random.Random, world: World, history: History, straight: float) -> None:
    gates, requests = len(world.stage.gates), len(world.stage.requests)
    if chance.random() < 0.12 or not gates + requests:
        facts = chance.sample(history.facts, chance.randint(1, len(history.facts)))
        world.workers[chance.randrange(WORKERS)].deliver(facts)
        world.settle()
    elif chance.random() < 0.01:
        world.kill(chance.randrange(WORKERS))
    else:
        world.go_on(chance, straight)


@pytest.mark.parametrize(
    ("system", "company", "site"),
    [("inventory-visibility", "usrt", "S1"), ("finance-operations", "dert", "S1")],
)
def test_every_order_ends_with_the_last_count_and_what_was_observed_after_it(
    system: str, company: str, site: str
) -> None:
    for seed in range(SEEDS):
        live(seed, system, company, site)
