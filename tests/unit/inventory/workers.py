"""Workers that stop at every await until the test lets them go on, or dies with them.

Everything a worker awaits is a gate: before and after each call of the store, before and after
on-hand is read, while a bulk gathers. A request to Dynamics goes its own way: it lands when the
test says so, whether or not the worker that sent it still lives.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from services.inventory import handlers
from services.inventory.books import StockBook
from services.inventory.collaborators import Lane
from services.inventory.gathering import Gatherer
from services.inventory.keeper import StockKeeper
from shared.bus import Delivery, Done, Outcome
from shared.dynamics import Failed, Posting, TryLater
from shared.dynamics.ports.stock import OnHand
from shared.store.inbox import InboxResult, MemoryInbox
from shared.store.records import MemoryRecords, Record
from tests.unit.inventory.dynamics import Entry, MemoryStock
from tests.unit.inventory.facts import COMPANIES, NOW, delivery

T = TypeVar("T")

_QUIET = 4
"""Turns of the loop without anything new at a gate: the longest way from one gate to the next."""

_WORKER: ContextVar[int] = ContextVar("worker")


@dataclass(eq=False)
class Request:
    """Entries on their way to Dynamics."""

    entries: Sequence[Entry]
    answer: asyncio.Future[Sequence[Posting]]


@dataclass
class Stage:
    """Where everything waits."""

    gates: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    async def gate(self) -> None:
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gates.append((_WORKER.get(), opened))
        await opened

    async def guarded(self, work: Callable[[], Awaitable[T]]) -> T:
        await self.gate()
        result = await work()
        await self.gate()
        return result

    def open(self, number: int) -> None:
        _, opened = self.gates.pop(number % len(self.gates))
        if not opened.done():
            opened.set_result(None)

    def close(self, worker: int) -> None:
        """Nobody of this worker goes on."""
        for of, opened in self.gates:
            if of == worker:
                opened.cancel()
        self.gates = [each for each in self.gates if each[0] != worker]


class GatedRecords(MemoryRecords):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    async def read(self, kind: str, keys: Iterable[str]) -> dict[str, Record]:
        wanted = list(keys)
        return await self._stage.guarded(lambda: MemoryRecords.read(self, kind, wanted))

    async def find(self, kind: str, **wanted: Any) -> list[Record]:
        return await self._stage.guarded(lambda: MemoryRecords.find(self, kind, **wanted))

    async def write(self, records: Sequence[Record]) -> list[Record | None]:
        return await self._stage.guarded(lambda: MemoryRecords.write(self, records))


class GatedInbox(MemoryInbox):
    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    async def results(self, fact_ids: Iterable[UUID]) -> dict[UUID, InboxResult]:
        wanted = list(fact_ids)
        return await self._stage.guarded(lambda: MemoryInbox.results(self, wanted))

    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        return await self._stage.guarded(lambda: MemoryInbox.record(self, results))


class DistantStock:
    """The way to Dynamics."""

    def __init__(self, stage: Stage, there: MemoryStock) -> None:
        self._stage = stage
        self.there = there

    async def post(self, entries: Sequence[Entry]) -> Sequence[Posting]:
        answer: asyncio.Future[Sequence[Posting]] = asyncio.get_running_loop().create_future()
        self._stage.requests.append(Request(entries, answer))
        return await answer

    async def on_hand(self, *wanted: Any) -> Sequence[OnHand]:
        return await self._stage.guarded(lambda: self.there.on_hand(*wanted))

    def land(self, number: int, how: str) -> None:
        """`ok`; `throttled` does nothing; `lost` is carried out, and nobody is told."""
        request = self._stage.requests.pop(number % len(self._stage.requests))
        if how == "throttled":
            postings: Sequence[Posting] = [Failed(TryLater("busy"))] * len(request.entries)
        else:
            postings = [self.there.book(each) for each in request.entries]
        if how == "lost":
            postings = [Failed(TryLater("no answer"))] * len(request.entries)
        if not request.answer.done():
            request.answer.set_result(postings)


class Worker:
    """One process: it gathers for itself and dies as a whole."""

    companies = COMPANIES

    def __init__(self, number: int, world: World) -> None:
        self.number = number
        self.inbox = world.inbox
        self.records = world.records
        self.clock = lambda: NOW
        self._world = world
        self._tasks: list[asyncio.Task[list[Outcome]]] = []
        book = StockBook(
            system=world.system,
            levels=world.stock,
            changes=self._gatherer(),
            transfers=None if world.system == "inventory-visibility" else self._gatherer(),
            counts=self._gatherer(),
            composes=True,
            entity_sets={"": "onhand"},
        )
        self.keepers = {Lane(world.system, False): StockKeeper(book, world.records, self.clock)}

    def _gatherer(self) -> Gatherer[Any]:
        stage = self._world.stage
        return Gatherer(
            self._world.stock.post, window=timedelta(0), most=3, sleep=lambda _: stage.gate()
        )

    def deliver(self, facts: Sequence[Any]) -> None:
        _WORKER.set(self.number)
        deliveries = [delivery(fact) for fact in facts]
        task = self._world.loop.create_task(self._book(deliveries))
        self._tasks.append(task)

    async def _book(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        outcomes = await handlers.book(deliveries, self)
        for each, outcome in zip(deliveries, outcomes, strict=True):
            if isinstance(outcome, Done):
                self._world.done.add(each.event.id)
        return outcomes

    @property
    def is_busy(self) -> bool:
        self._tasks = [task for task in self._tasks if not task.done() or task.result() is None]
        return bool(self._tasks)

    def kill(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._world.stage.close(self.number)
        self._tasks = []


class World:
    """Several workers, one store, one Dynamics."""

    def __init__(self, system: str, workers: int, there: MemoryStock) -> None:
        self.system = system
        self.loop = asyncio.new_event_loop()
        self.stage = Stage()
        self.records = GatedRecords(self.stage)
        self.inbox = GatedInbox(self.stage)
        self.stock = DistantStock(self.stage, there)
        self.done: set[UUID] = set()
        self._born = 0
        self.workers = [self._worker() for _ in range(workers)]

    def _worker(self) -> Worker:
        self._born += 1
        return Worker(self._born, self)

    def kill(self, number: int) -> None:
        self.workers[number].kill()
        self.workers[number] = self._worker()
        self.settle()

    def settle(self) -> None:
        """Let everybody run up to the next gate."""

        async def turns() -> None:
            quiet, seen = 0, (-1, -1)
            while quiet < _QUIET:
                await asyncio.sleep(0)
                now = len(self.stage.gates), len(self.stage.requests)
                quiet, seen = (quiet + 1 if now == seen else 0), now

        self.loop.run_until_complete(turns())

    def finish(self, facts: Sequence[Any]) -> None:
        """Deliver what is not done until it is; everything lands and nobody dies any more."""
        for _ in range(30):
            self._run_dry()
            waiting = [fact for fact in facts if fact.event_id not in self.done]
            if not waiting:
                return
            self.workers[0].deliver(waiting)
        raise AssertionError(f"{len(waiting)} facts never come to an end")

    def go_on(self, chance: random.Random, straight: float = 0.0) -> None:
        """Let one of all that wait go on: any, or with this chance whoever came last to its gate.

        A request in six is throttled, one is carried out and not answered."""
        gates = len(self.stage.gates)
        if gates and chance.random() < straight:
            number = gates - 1
        else:
            number = chance.randrange(gates + len(self.stage.requests))
        if number < gates:
            self.stage.open(number)
        else:
            how = chance.choice(["ok", "ok", "ok", "ok", "throttled", "lost"])
            self.stock.land(number - gates, how)
        self.settle()

    def drain(self) -> None:
        """Let what is on its way to Dynamics arrive."""
        while self.stage.requests:
            self.stock.land(0, "ok")
            self.settle()

    def _run_dry(self) -> None:
        self.settle()
        while self.stage.gates or self.stage.requests:
            for _ in range(len(self.stage.requests)):
                self.stock.land(0, "ok")
            for _ in range(len(self.stage.gates)):
                self.stage.open(0)
            self.settle()

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.settle()
        self.loop.close()
