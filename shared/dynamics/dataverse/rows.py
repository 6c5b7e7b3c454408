"""Rows written once: many in one call, one by one where the call as a whole is refused.

    MULTIPLE -- all written ------------------> Booked
             -- refused ----------------------> each as SINGLE
             -- throttled, set-up wrong ------> Failed
             -- no certain answer ------------> LOOK_UP
    SINGLE   -- written ----------------------> Booked
             -- refused ----------------------> Failed
             -- deadlock ---------------------> SINGLE again (bounded)
             -- key taken, no certain answer -> LOOK_UP
    LOOK_UP  -- the same ---------------------> Booked(already_there)
             -- another ----------------------> Failed(Conflict), or SINGLE where rows may change
             -- not there --------------------> SINGLE
             -- no certain answer ------------> LOOK_UP again (bounded)

Nothing is written again before a look-up has shown that it is not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from shared.dynamics.client import ODataClient
from shared.dynamics.dataverse.requests import multiple
from shared.dynamics.dataverse.tables import Table
from shared.dynamics.odata.batch import Answer
from shared.dynamics.odata.errors import (
    AlreadyExists,
    Conflict,
    DynamicsError,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.responses import entity_of
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.service import Service, Uncertain

ROUNDS = 4
MAX_OPERATIONS = 1_000
"""Of one `$batch` (Microsoft: "Execute batch operations using the Web API")."""


@dataclass(frozen=True, slots=True)
class RowWrite:
    table: Table
    key: str
    """What the posting names."""
    target: Mapping[str, object]
    """The row as an element of a multiple."""
    single: Operation
    look_up: Operation
    differences: Callable[[Mapping[str, Any]], str]


class Step(Enum):
    MULTIPLE = auto()
    SINGLE = auto()
    LOOK_UP = auto()


class Rows:
    """Writes rows. `action` is CreateMultiple or UpsertMultiple, '' for tables that have neither;
    `may_change`: a row there that differs is written over, not a conflict."""

    def __init__(
        self, service: Service, *, action: str, at_once: int = 100, may_change: bool = False
    ) -> None:
        self._service = service
        self._client = ODataClient(service)
        self._action = action
        self._at_once = at_once
        self._may_change = may_change

    async def write(self, writes: Sequence[RowWrite]) -> list[Posting]:
        """Return one posting per write, in the same order."""
        work = _Work(writes, Step.MULTIPLE if self._action else Step.SINGLE)
        for _ in range(ROUNDS):
            for table, indexes in work.by_table():
                for chunk in _chunks(indexes, self._at_once):
                    await self._multiple(work, table, chunk)
            for chunk in _chunks(work.waiting(Step.SINGLE), MAX_OPERATIONS):
                await self._each(work, chunk, Step.SINGLE)
            for chunk in _chunks(work.waiting(Step.LOOK_UP), MAX_OPERATIONS):
                await self._each(work, chunk, Step.LOOK_UP)
            if not work.open:
                break
        return work.finish()

    async def _multiple(self, work: _Work, table: Table, chunk: Sequence[int]) -> None:
        if len(chunk) == 1:
            work.go(chunk, Step.SINGLE)
            return
        targets = [work.writes[index].target for index in chunk]
        try:
            await self._service.write(multiple(self._action, table, targets))
        except Uncertain:
            work.go(chunk, Step.LOOK_UP)
        except SetUpWrong as error:
            work.fail(chunk, error)
        except TryLater as error:
            if error.at_once:
                work.go(chunk, Step.SINGLE)
            else:
                work.fail(chunk, error)
        except DynamicsError:
            work.go(chunk, Step.SINGLE)
        else:
            work.book(chunk, already_there=False)

    async def _each(self, work: _Work, chunk: Sequence[int], step: Step) -> None:
        writing = step is Step.SINGLE
        writes = [work.writes[index] for index in chunk]
        try:
            answers = await self._client.batch(
                [each.single if writing else each.look_up for each in writes]
            )
        except DynamicsError as error:
            work.fail(chunk, error)
            return
        for index, answer in zip(chunk, answers, strict=True):
            if writing:
                self._written(work, index, answer)
            elif answer:
                self._looked_up(work, index, answer)

    def _written(self, work: _Work, index: int, answer: Answer | None) -> None:
        if not answer:
            work.go([index], Step.LOOK_UP)
        elif answer[0].is_success:
            work.book([index], already_there=False)
        else:
            match error := self._service.error(answer[0]):
                case AlreadyExists():
                    work.go([index], Step.LOOK_UP)
                case TryLater() if error.at_once:
                    work.reasons[index] = error
                case _:
                    work.fail([index], error)

    def _looked_up(self, work: _Work, index: int, answer: Answer) -> None:
        try:
            found = entity_of(answer[0], self._service.clock(), self._service.rules)
        except DynamicsError as error:
            work.reasons[index] = error
            return
        if found is None:
            work.go([index], Step.SINGLE)
        elif not (different := work.writes[index].differences(found)):
            work.book([index], already_there=True)
        elif self._may_change:
            work.go([index], Step.SINGLE)
        else:
            conflict = Conflict(f"The key is taken by another document: {different}")
            work.fail([index], conflict)


class _Work:
    """Which writes still need what, and the postings of the others."""

    def __init__(self, writes: Sequence[RowWrite], first: Step) -> None:
        self.writes = writes
        self.open = dict.fromkeys(range(len(writes)), first)
        self.reasons: dict[int, DynamicsError] = {}
        self._postings: dict[int, Posting] = {}

    def waiting(self, step: Step) -> list[int]:
        return [index for index, wanted in self.open.items() if wanted is step]

    def by_table(self) -> Iterator[tuple[Table, list[int]]]:
        """Writes waiting for a multiple; it takes one table's rows only."""
        groups: dict[str, list[int]] = defaultdict(list)
        for index in self.waiting(Step.MULTIPLE):
            groups[self.writes[index].table.entity_set].append(index)
        for indexes in groups.values():
            yield self.writes[indexes[0]].table, indexes

    def go(self, indexes: Sequence[int], step: Step) -> None:
        for index in indexes:
            self.open[index] = step

    def book(self, indexes: Sequence[int], *, already_there: bool) -> None:
        for index in indexes:
            self._close(index, Booked(self.writes[index].key, already_there))

    def fail(self, indexes: Sequence[int], error: DynamicsError) -> None:
        for index in indexes:
            self._close(index, Failed(error))

    def finish(self) -> list[Posting]:
        """What is still open ends with the last reason it met."""
        nothing = TryLater("Dynamics gave no certain answer.")
        for index in list(self.open):
            self._close(index, Failed(self.reasons.get(index, nothing)))
        return [self._postings[index] for index in range(len(self.writes))]

    def _close(self, index: int, posting: Posting) -> None:
        del self.open[index]
        self._postings[index] = posting


def _chunks(indexes: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (indexes[start : start + size] for start in range(0, len(indexes), size))
