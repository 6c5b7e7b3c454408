"""Instances, their governor and an environment with limits, in one process and virtual time.

Dispatchers and budget are the real ones; only asyncio and the store are left out. Callers behave as
services do: what is throttled comes back after Retry-After, what is not answered a second later.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from shared.dynamics.governor.budget import Budget
from shared.dynamics.governor.dispatcher import Dispatcher, Outcome
from shared.dynamics.governor.lanes import Lane
from shared.dynamics.governor.pace import Pace

BEGIN = 1_000_000_000.0
ARRIVALS_EVERY = 0.1
RETRY_AFTER = 5.0


@dataclass
class Environment:
    """Accepts `capacity(seconds since the beginning)` requests per second, with a second's worth at
    once after a pause; throttles the rest; is silent during `outages`."""

    capacity: Callable[[float], float]
    outages: tuple[tuple[float, float], ...] = ()
    accepted: Counter[Lane] = field(default_factory=Counter)
    accepted_by_second: Counter[int] = field(default_factory=Counter)
    by_principal: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    unanswered: list[float] = field(default_factory=list)
    _tokens: dict[str, tuple[float, float]] = field(default_factory=dict)

    def is_down(self, time: float) -> bool:
        return any(start <= time < end for start, end in self.outages)

    def call(self, time: float, lane: Lane, principal: str) -> Outcome:
        if self.is_down(time):
            self.unanswered.append(time)
            return Outcome()
        capacity = self.capacity(time)
        tokens, at = self._tokens.get(principal, (0.0, 0.0))
        tokens = min(tokens + (time - at) * capacity, capacity)
        if tokens < 1:
            self._tokens[principal] = (tokens, time)
            self.refused += 1
            return Outcome(refused=True, retry_after=RETRY_AFTER, latency=0.05)
        self._tokens[principal] = (tokens - 1, time)
        self.accepted[lane] += 1
        self.accepted_by_second[int(time)] += 1
        self.by_principal[principal] += 1
        return Outcome(accepted=True, latency=0.1)

    def allowed(self, seconds: int) -> float:
        return sum(self.capacity(at) for at in range(seconds) if not self.is_down(at))

    @property
    def total(self) -> int:
        return sum(self.accepted.values())

    @property
    def refused_part(self) -> float:
        return self.refused / (self.total + self.refused)


Demand = Callable[[int, float], Mapping[Lane, float]]
"""(instance, seconds since the beginning) -> new requests per second by lane."""


class World:
    """`run(seconds)` lets it happen; the same seed, the same history."""

    def __init__(
        self,
        instances: int,
        environment: Environment,
        demand: Demand,
        *,
        principals: tuple[str, ...] = ("app",),
        first_rate: float = 10.0,
        seed: int = 1,
    ) -> None:
        self.environment = environment
        self.budget = Budget({name: Pace(first_rate) for name in principals})
        self.waited: dict[Lane, list[float]] = {lane: [] for lane in Lane}
        self._random = random.Random(seed)
        self._demand = demand
        self._numbers = count()
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._dispatchers = [Dispatcher(f"i{number}", BEGIN) for number in range(instances)]
        self._next_look = [0.0] * instances
        self._asked: dict[int, float] = {}
        for instance in range(instances):
            self._at(self._random.random(), self._arrive, instance)

    def run(self, seconds: float) -> World:
        while self._events and self._events[0][0] < seconds:
            time, _, happen, arguments = heapq.heappop(self._events)
            happen(time, *arguments)
        return self

    def _at(self, time: float, happen: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._events, (time, next(self._numbers), happen, arguments))

    def _arrive(self, time: float, instance: int) -> None:
        for lane, rate in self._demand(instance, time).items():
            expected = rate * ARRIVALS_EVERY
            for _ in range(int(expected + self._random.random())):
                self._want(instance, lane, time)
        self._at(time + ARRIVALS_EVERY, self._arrive, instance)
        self._look(time, instance)

    def _want(self, instance: int, lane: Lane, time: float) -> None:
        number = next(self._numbers)
        self._asked[number] = time
        self._dispatchers[instance].wants(lane, (lane, number))

    def _look(self, time: float, instance: int) -> None:
        """What the governor's task does when it wakes."""
        dispatcher, now = self._dispatchers[instance], BEGIN + time
        if dispatcher.must_report(now):
            report = dispatcher.report(now)
            self.budget, allotment = self.budget.exchange(report, now)
            dispatcher.allotted(allotment, now)
        for ticket, principal in dispatcher.start(now):
            self._send(time, instance, ticket, principal)
        step = dispatcher.next_step(now)
        if step is not None:
            due = max(step - BEGIN, time + 0.001)
            self._next_look[instance] = due
            self._at(due, self._look_again, instance, due)

    def _look_again(self, time: float, instance: int, due: float) -> None:
        if self._next_look[instance] == due:
            self._look(time, instance)

    def _send(self, time: float, instance: int, ticket: Any, principal: str) -> None:
        lane, number = ticket
        self.waited[lane].append(time - self._asked.pop(number))
        outcome = self.environment.call(time, lane, principal)
        self._at(time + (outcome.latency or 1.0), self._finish, instance, lane, principal, outcome)

    def _finish(
        self, time: float, instance: int, lane: Lane, principal: str, outcome: Outcome
    ) -> None:
        self._dispatchers[instance].finished(principal, outcome)
        if not outcome.accepted:
            self._at(time + (outcome.retry_after or 1.0), self._want_again, instance, lane)
        self._look(time, instance)

    def _want_again(self, time: float, instance: int, lane: Lane) -> None:
        self._want(instance, lane, time)
        self._look(time, instance)
