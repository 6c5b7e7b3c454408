"""Which changesets still need what: the decisions of posting, without I/O.

    POST -- booked ------------------------------> Booked
         -- refused, parent missing -------------> Failed
         -- deadlock, update conflict -----------> POST again (bounded)
         -- throttled inside the batch ----------> Failed(TryLater)
         -- key taken, or no certain answer -----> LOOK_UP
    LOOK_UP -- found, the same ------------------> Booked(already_there)
            -- found, different -----------------> Failed(Conflict)
            -- not found ------------------------> POST again (bounded)
            -- no certain answer ----------------> LOOK_UP again (bounded)

Nothing is posted again before a look-up has shown that it is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from shared.dynamics.odata.batch import Answer, Changeset
from shared.dynamics.odata.errors import (
    AlreadyExists,
    Conflict,
    DynamicsError,
    Evidence,
    TryLater,
)
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.responses import changeset_error, entity_of
from shared.dynamics.ports.posting import Booked, Failed, Posting


@dataclass(frozen=True, slots=True)
class Unit:
    """A document with keys of our own: what creates it, what reads it, and what then differs.

    `key`: as Booked.key; `differences` of the entity the look-up found, '' when it is ours."""

    key: str
    changeset: Changeset
    look_up: Operation
    differences: Callable[[Mapping[str, object]], str]


class Step(Enum):
    POST = auto()
    LOOK_UP = auto()


class Worklist:
    """The open units of one call with their next step, and the postings of the others."""

    def __init__(self, units: Sequence[Unit], *, max_operations: int) -> None:
        self.postings: dict[int, Posting] = {}
        self._units = units
        self._operations = [len(each.changeset.operations) for each in units]
        self._max_operations = max_operations
        self._last_error: dict[int, DynamicsError] = {}
        self._taken: dict[int, Evidence] = {}
        self._open = dict.fromkeys(range(len(units)), Step.POST)

    def __bool__(self) -> bool:
        return bool(self._open)

    def chunks(self, step: Step) -> Iterator[list[int]]:
        """Yield the indexes waiting for `step`, in order, grouped to fit into one batch each."""
        chunk: list[int] = []
        room = self._max_operations
        for index in [index for index, wanted in self._open.items() if wanted is step]:
            cost = self._operations[index] if step is Step.POST else 1
            if cost > room:
                yield chunk
                chunk, room = [], self._max_operations
            chunk.append(index)
            room -= cost
        if chunk:
            yield chunk

    def posted(self, chunk: Sequence[int], answers: Sequence[Answer | None], now: datetime) -> None:
        """Take the answers to the changesets of `chunk`."""
        for index, answer in zip(chunk, answers, strict=True):
            verdict = changeset_error(answer, self._operations[index], now) if answer else False
            match verdict:
                case True:
                    self._close(index, Booked(self._units[index].key, already_there=False))
                case False:
                    self._last_error.pop(index, None)
                    self._open[index] = Step.LOOK_UP
                case AlreadyExists():
                    self._last_error.pop(index, None)
                    self._taken[index] = verdict.evidence
                    self._open[index] = Step.LOOK_UP
                case TryLater() if verdict.at_once:
                    self._last_error[index] = verdict
                case DynamicsError():
                    self._close(index, Failed(verdict))

    def looked_up(
        self, chunk: Sequence[int], answers: Sequence[Answer | None], now: datetime
    ) -> None:
        """Take the answers to the GETs of `chunk`."""
        for index, answer in zip(chunk, answers, strict=True):
            if not answer:
                self._last_error.pop(index, None)
                continue
            try:
                entity = entity_of(answer[0], now)
            except DynamicsError as error:
                self._last_error[index] = error
                continue
            if entity is None:
                self._open[index] = Step.POST
                if taken := self._taken.pop(index, None):
                    # The key is taken and ours is not there: a part of it is something else's.
                    self._last_error[index] = Conflict(taken)
            elif different := self._units[index].differences(entity):
                self._close(
                    index, Failed(Conflict(f"The key is taken by another document: {different}"))
                )
            else:
                self._close(index, Booked(self._units[index].key, already_there=True))

    def give_up(self, error: DynamicsError | None = None) -> None:
        """Close what is open: with `error`, else each with the last reason it met."""
        for index in list(self._open):
            reason = (
                error or self._last_error.get(index) or TryLater("Dynamics gave no certain answer.")
            )
            self._close(index, Failed(reason))

    def _close(self, index: int, posting: Posting) -> None:
        del self._open[index]
        self.postings[index] = posting
