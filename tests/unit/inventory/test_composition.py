"""Counts and changes compose by time of observation, in whatever order they come.

A model that knows only what happened in the stores, against workers that are interleaved, doubled,
killed between any two awaits, throttled and left without answers.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from shared.dynamics import MissingParent
from tests.unit.inventory.dynamics import MemoryStock
from tests.unit.inventory.history import History
from tests.unit.inventory.workers import World

STORES = ("W1", "W2")
ITEMS = ("A", "B")
WORKERS = 3
PASSED = st.integers(0, 2)


def of_items(least: int, most: int) -> st.SearchStrategy[dict[str, int]]:
    quantities = st.integers(least, most)
    if least:
        quantities = quantities.filter(bool)
    return st.dictionaries(st.sampled_from(ITEMS), quantities, min_size=1)


class Composition(RuleBasedStateMachine):
    """Facts of two stores and two items, handled by three workers."""

    system: ClassVar[str]
    company: ClassVar[str]
    site: ClassVar[str]

    @initialize(
        on_hand=st.dictionaries(
            st.tuples(st.sampled_from(STORES), st.sampled_from(ITEMS)), st.integers(-5, 50)
        ),
        unknown=st.booleans(),
    )
    def open_stores(self, on_hand: dict[tuple[str, str], int], unknown: bool) -> None:
        start = {
            (self.company, self.site, store, item, ""): Decimal(quantity)
            for (store, item), quantity in on_hand.items()
        }
        self.there = MemoryStock(start)
        if unknown:
            self.there.errors["B"] = MissingParent("no item B")
        self.world = World(self.system, WORKERS, self.there)
        self.history = History(self.company, self.site, start)

    @rule(passed=PASSED, store=st.sampled_from(STORES), quantities=of_items(-9, 9))
    def something_moves(self, passed: int, store: str, quantities: dict[str, int]) -> None:
        self.history.moves(passed, store, quantities)

    @rule(passed=PASSED, store=st.sampled_from(STORES), quantities=of_items(1, 9))
    def goods_go_to_the_other_store(
        self, passed: int, store: str, quantities: dict[str, int]
    ) -> None:
        [there] = set(STORES) - {store}
        self.history.goes(passed, store, there, quantities)

    @rule(passed=PASSED, store=st.sampled_from(STORES), quantities=of_items(0, 50))
    def somebody_counts(self, passed: int, store: str, quantities: dict[str, int]) -> None:
        self.history.is_counted(passed, store, quantities)

    @precondition(lambda self: self.history.facts)
    @rule(
        which=st.sets(st.integers(0, 50), min_size=1, max_size=4),
        worker=st.integers(0, WORKERS - 1),
    )
    def some_facts_are_delivered(self, which: set[int], worker: int) -> None:
        facts = self.history.facts
        numbers = {number % len(facts): None for number in sorted(which)}
        self.world.workers[worker].deliver([facts[number] for number in numbers])
        self.world.settle()

    @rule(chance=st.randoms(use_true_random=False), steps=st.integers(1, 60))
    def everybody_goes_on(self, chance: random.Random, steps: int) -> None:
        for _ in range(steps):
            if not self.world.stage.gates and not self.world.stage.requests:
                break
            self.world.go_on(chance)

    @rule(worker=st.integers(0, WORKERS - 1))
    def a_worker_is_killed(self, worker: int) -> None:
        self.world.kill(worker)

    @precondition(lambda self: not self.world.stage.requests)
    @rule()
    def the_missing_item_is_created(self) -> None:
        self.there.errors.clear()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.world.drain()
            self.there.errors.clear()
            self.world.finish(self.history.facts)
            for position, quantity in self.history.expected().items():
                assert self.there.there.get(position, Decimal(0)) == quantity, position
        finally:
            self.world.close()


class InventoryVisibility(Composition):
    system, company, site = "inventory-visibility", "usrt", "S1"


class FinanceOperations(Composition):
    """Transfers are documents of their own."""

    system, company, site = "finance-operations", "dert", "S1"


TestInventoryVisibility = InventoryVisibility.TestCase
TestInventoryVisibility.settings = settings(max_examples=80, stateful_step_count=60)
TestFinanceOperations = FinanceOperations.TestCase
TestFinanceOperations.settings = TestInventoryVisibility.settings
