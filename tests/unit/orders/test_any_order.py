"""Any order of arrival, crashes, lost answers and two workers: the same end.

The model knows what the shop has published, not how it arrived. An order that was placed stands
as the last version that credit allows, unless it was cancelled; every payment is booked once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.bus import Done, Later, Outcome, Parked
from shared.dynamics import TryLater
from shared.dynamics.claims import LEASE
from shared.dynamics.ports.master_data import Credit
from shared.events import Fact, OrderChanged, OrderPlaced
from tests.unit.orders.facts import cancelled, changed, delivery, paid, placed
from tests.unit.orders.world import Crash, Dynamics, Shared, Worker

LIMIT = Decimal(50)
ORDERS = ("W-1", "W-2")
TOTALS = st.sampled_from(["10.00", "50.00", "50.01", "70.00"])

orders = st.sampled_from(ORDERS)
picks = st.integers(0, 1000)
turns = st.integers(0, 30)


@dataclass
class Expected:
    """What the shop has published of one order."""

    versions: dict[int, Decimal] = field(default_factory=dict)
    is_cancelled: bool = False
    payments: int = 0

    @property
    def is_placed(self) -> bool:
        return 0 in self.versions

    @property
    def standing(self) -> list[Decimal]:
        allowed = {v: total for v, total in self.versions.items() if total <= LIMIT}
        if not self.is_placed or self.is_cancelled or not allowed:
            return []
        return [allowed[max(allowed)]]


class Arrivals(RuleBasedStateMachine):
    @initialize(forgets=st.booleans())
    def begin(self, forgets: bool) -> None:
        limited = {"C-1001": Credit(LIMIT, None, on_hold=False)}
        self.shared = Shared(Dynamics(forgets=forgets, credits=limited))
        self.workers = [Worker(self.shared), Worker(self.shared)]
        self.expected = {order: Expected() for order in ORDERS}
        self.on_the_way: list[Fact] = []
        self.parked: list[Fact] = []
        self.said: dict[str, Done] = {}
        self.runner = asyncio.Runner()

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self._drain()
            self._compare()
            self.runner.close()

    @rule(order=orders, total=TOTALS)
    def place(self, order: str, total: str) -> None:
        expected = self.expected[order]
        if not expected.is_placed:
            expected.versions[0] = Decimal(total)
            self.on_the_way.append(placed(total, order=order, on_account=True))

    @rule(order=orders, total=TOTALS)
    def change(self, order: str, total: str) -> None:
        expected = self.expected[order]
        version = max(expected.versions, default=0) + 1
        expected.versions[version] = Decimal(total)
        self.on_the_way.append(changed(version, total, order=order, on_account=True))

    @rule(order=orders)
    def cancel(self, order: str) -> None:
        expected = self.expected[order]
        if not expected.is_cancelled:
            expected.is_cancelled = True
            self.on_the_way.append(cancelled(order=order))

    @rule(order=orders)
    def pay(self, order: str) -> None:
        expected = self.expected[order]
        expected.payments += 1
        self.on_the_way.append(paid("5.00", f"P-{expected.payments}", order=order))

    @precondition(lambda self: self.on_the_way)
    @rule(pick=picks)
    def arrive(self, pick: int) -> None:
        self._arrive(self._picked(pick))

    @precondition(lambda self: self.on_the_way)
    @rule(pick=picks)
    def arrive_twice(self, pick: int) -> None:
        fact = self._picked(pick)
        self.on_the_way.append(fact)
        self._arrive(fact)

    @precondition(lambda self: len(self.on_the_way) > 1)
    @rule(one=picks, other=picks, ahead=turns, yields=st.lists(turns, max_size=8))
    def arrive_side_by_side(self, one: int, other: int, ahead: int, yields: list[int]) -> None:
        """Two workers, the second so many turns behind; each write holds its worker up."""
        facts = [self._picked(one), self._picked(other)]
        self.shared.dynamics.before = _yielding(yields)

        async def behind(worker: Worker, fact: Fact) -> Outcome:
            for _ in range(ahead):
                await asyncio.sleep(0)
            return await worker.take(delivery(fact))

        async def both() -> list[Outcome]:
            first = self.workers[0].take(delivery(facts[0]))
            return list(await asyncio.gather(first, behind(self.workers[1], facts[1])))

        outcomes = self.runner.run(both())
        self.shared.dynamics.before = None
        for fact, outcome in zip(facts, outcomes, strict=True):
            self._settle(fact, outcome)

    @precondition(lambda self: self.on_the_way)
    @rule(pick=picks, writes=st.integers(0, 2), after=st.booleans(), dies=st.booleans())
    def arrive_at_a_bad_moment(self, pick: int, writes: int, after: bool, dies: bool) -> None:
        """The write after so many is lost: before or after it was stored, with the process or
        with its answer alone."""
        fact = self._picked(pick)
        if after:
            self.shared.dynamics.after = _failing(writes, dies)
        else:
            self.shared.dynamics.before = _failing(writes, dies=True)
        self._arrive(fact)
        self.shared.dynamics.before = self.shared.dynamics.after = None

    @precondition(lambda self: self.on_the_way)
    @rule(pick=picks, writes=st.integers(0, 2), after=st.booleans())
    def arrive_and_die_at_the_store(self, pick: int, writes: int, after: bool) -> None:
        fact = self._picked(pick)
        records = self.shared.records
        records.writes, records.dies_after = writes, after
        self._arrive(fact)
        records.writes = None

    @invariant()
    def at_most_one_sales_order_stands_for_each_order(self) -> None:
        if hasattr(self, "shared"):
            assert self.shared.dynamics.most_at_once <= 1
            for order in ORDERS:
                assert len(self.shared.dynamics.standing(order)) <= 1

    def _picked(self, pick: int) -> Fact:
        return self.on_the_way.pop(pick % len(self.on_the_way))

    def _arrive(self, fact: Fact) -> None:
        try:
            outcome = self.runner.run(self.workers[0].take(delivery(fact)))
        except Crash:
            # A worker that takes its place; what the dead one claimed is free after its lease.
            self.workers[0] = Worker(self.shared)
            self.shared.now += LEASE
            outcome = Later("the process died")
        self._settle(fact, outcome)

    def _settle(self, fact: Fact, outcome: Outcome) -> None:
        """As the bus does: park, deliver again, publish. A repetition must say the same."""
        match outcome:
            case Parked():
                self.parked.append(fact)
            case Later():
                self.on_the_way.append(fact)
            case Done():
                known = self.said.setdefault(str(fact.event_id), outcome)
                assert known == outcome
                self.on_the_way += self.parked
                self.parked = []
            case _:
                raise AssertionError(outcome)

    def _drain(self) -> None:
        for _ in range(1000):
            if not self.on_the_way:
                return
            self.shared.now += timedelta(minutes=1)
            self._arrive(self._picked(0))
        raise AssertionError(f"no end: {self.on_the_way}")

    def _compare(self) -> None:
        dynamics = self.shared.dynamics
        for order, expected in self.expected.items():
            standing = [sale.total for sale in dynamics.standing(order)]
            assert standing == expected.standing, (order, expected)
            payments = [key for key in dynamics.paid if key[1].startswith(f"{order}/")]
            is_known = expected.is_placed or expected.is_cancelled
            assert len(payments) == (expected.payments if is_known else 0)
        self._compare_parked()

    def _compare_parked(self) -> None:
        """Nothing waits but for an order that was never heard of."""
        for fact in self.parked:
            order: Any = fact
            expected = self.expected[order.order]
            assert not expected.is_placed
            assert not expected.is_cancelled
            assert not isinstance(fact, OrderPlaced)
            assert isinstance(fact, OrderChanged) or order.payment


def _yielding(turns: list[int]) -> Callable[[], Awaitable[None]]:
    left = iter(turns)

    async def pause() -> None:
        for _ in range(next(left, 0)):
            await asyncio.sleep(0)

    return pause


def _failing(writes: int, dies: bool) -> Callable[[], Awaitable[None]]:
    left = writes

    async def fail() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Crash if dies else TryLater("no certain answer")

    return fail


TestArrivals = Arrivals.TestCase
TestArrivals.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
