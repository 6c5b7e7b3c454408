"""The governor as adapters use it: ask for a turn, send, say what came of it.

    async with governor.turn(Lane.SALE) as turn:
        response = await send(as_principal=turn.principal)
        turn.answered(response.status, response.headers)

Instances meet in a `Book`, the store's shared notes: one short transaction per instance and second
while it has work, none while it is idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol, TypeVar

from pydantic import TypeAdapter

from shared.clock import Clock
from shared.dynamics.governor.budget import Allotment, Budget, Report
from shared.dynamics.governor.dispatcher import Dispatcher, Outcome
from shared.dynamics.governor.lanes import Lane
from shared.dynamics.governor.pace import Pace
from shared.dynamics.odata.errors import TryLater

T = TypeVar("T")

_BUDGET: TypeAdapter[Budget] = TypeAdapter(Budget)
_THROTTLED = 429
_DOWN = frozenset({502, 503, 504})
"""Answers of a gateway in front of an environment that does not answer itself."""

_REMAINING = "x-ms-ratelimit-burst-remaining-xrm-requests"


class Book(Protocol):
    """Texts by name that all instances share (`shared.store` has one)."""

    async def change(self, name: str, change: Callable[[str | None], tuple[str, T]]) -> T:
        """Replace the text under `name` by what `change` makes of it, alone; return its answer."""
        ...


class Turn:
    """Permission to send one request as `principal`; tell what came of it, or it counts as a
    request nobody answered."""

    def __init__(self, principal: str, seconds: Callable[[], float]) -> None:
        self.principal = principal
        self.outcome = Outcome()
        self._seconds = seconds
        self._started = seconds()

    def answered(self, status: int, headers: Mapping[str, str], retry_after: float = 0.0) -> None:
        """Dynamics answered. `headers` by lower-case name; `retry_after` in seconds."""
        if status in _DOWN:
            return
        remaining = headers.get(_REMAINING, "")
        self.outcome = Outcome(
            accepted=status != _THROTTLED,
            refused=status == _THROTTLED,
            retry_after=retry_after,
            latency=self._seconds() - self._started,
            remaining=int(remaining) if remaining.isdecimal() else None,
        )


class Governor:
    """One instance's way to one environment.

    `principals`: what each may send to begin with, and at most; used where the book has no entry.
    `instance`: a name no other instance has. `patience`: how long a request waits for its turn.
    """

    def __init__(
        self,
        environment: str,
        principals: Mapping[str, Pace],
        book: Book,
        *,
        clock: Clock,
        instance: str,
        patience: timedelta = timedelta(seconds=30),
    ) -> None:
        self._name = f"rate-budget/{environment}"
        self._principals = dict(principals)
        self._book = book
        self._clock = clock
        self._patience = patience.total_seconds()
        self._dispatcher = Dispatcher(instance, self._seconds())
        self._news = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    def _seconds(self) -> float:
        return self._clock().timestamp()

    @property
    def waiting(self) -> int:
        """Requests without a turn yet, here."""
        return self._dispatcher.waiting

    @asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[Turn]:
        """Wait for permission. Raises TryLater when the environment is down or the wait is too
        long, and what the book raises when it cannot be reached."""
        turn = Turn(await self._permission(lane), self._seconds)
        try:
            yield turn
        finally:
            self._dispatcher.finished(turn.principal, turn.outcome)
            self._wake()

    async def _permission(self, lane: Lane) -> str:
        ticket: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._dispatcher.wants(lane, ticket)
        self._wake()
        try:
            async with asyncio.timeout(self._patience):
                return await ticket
        except TimeoutError as error:
            raise TryLater(
                f"No turn within {self._patience:g} s: Dynamics allows less than is wanted."
            ) from error
        finally:
            self._dispatcher.gives_up(ticket)

    def _wake(self) -> None:
        self._news.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Hand out turns and report while there is anything to do."""
        while True:
            self._news.clear()
            now = self._seconds()
            if self._dispatcher.must_report(now):
                try:
                    await self._exchange()
                except Exception as error:
                    self._fail(error)
                    return
                now = self._seconds()
            for ticket, principal in self._dispatcher.start(now):
                if isinstance(ticket, asyncio.Future) and not ticket.done():
                    ticket.set_result(principal)
            if self._dispatcher.down and self._dispatcher.waiting:
                self._fail(TryLater("Dynamics does not answer; one call a while sees if it does."))
            until = self._dispatcher.next_step(now)
            if until is None:
                return
            try:
                async with asyncio.timeout(max(until - now, 0.001)):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _exchange(self) -> None:
        report = self._dispatcher.report(self._seconds())
        allotment = await self._book.change(self._name, lambda text: self._step(text, report))
        self._dispatcher.allotted(allotment, self._seconds())

    def _step(self, text: str | None, report: Report) -> tuple[str, Allotment]:
        budget = Budget({}) if text is None else _BUDGET.validate_json(text)
        known = {name: budget.principals.get(name, new) for name, new in self._principals.items()}
        budget = Budget(known, budget.members, budget.breaker)
        changed, allotment = budget.exchange(report, self._seconds())
        return _BUDGET.dump_json(changed).decode(), allotment

    def _fail(self, error: Exception) -> None:
        for ticket in self._dispatcher.clear():
            if isinstance(ticket, asyncio.Future) and not ticket.done():
                ticket.set_exception(error)
