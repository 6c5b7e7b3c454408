"""A terminal's day: which numbers were used, which are missing, and in which order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from shared.events import Fact, TerminalDay, TransactionRecorded

from .remarks import moment_of

Run = tuple[int, int]
"""First and last number of a stretch of the counter, both included."""


@dataclass(frozen=True, slots=True)
class Used:
    """A number and the fact that used it."""

    sequence: int
    where: str
    fact: Fact


@dataclass(slots=True)
class TerminalLog:
    """Everything one terminal published of one business day."""

    used: list[Used] = field(default_factory=list)

    def use(self, used: Used) -> None:
        """Note a number."""
        self.used.append(used)

    def contradictions(self, stated: TerminalDay | None) -> Iterator[tuple[str, str]]:
        """Yield where and what: numbers used twice, missing, not closed, or out of time.

        What the close states counts; without one, the numbers between the first and the last.
        """
        yield from self._twice()
        runs = stated.runs if stated is not None else self._runs()
        last = self.used[-1].where
        numbers = sorted({each.sequence for each in self.used})
        missing = list(_missing(numbers, runs))
        if missing:
            yield last, f"missing: {_spelled(missing)}"
        for each in self.used:
            if not any(first <= each.sequence <= end for first, end in runs):
                yield each.where, f"number {each.sequence} is outside what the close states"
        yield from self._out_of_time()

    def _twice(self) -> Iterator[tuple[str, str]]:
        first: dict[int, Used] = {}
        for each in self.used:
            earlier = first.setdefault(each.sequence, each)
            if earlier.fact.TYPE != each.fact.TYPE:
                text = (
                    f"number {each.sequence} is used by {earlier.fact.TOPIC} ({earlier.where})"
                    f" and by {each.fact.TOPIC}"
                )
                yield each.where, text

    def _in_time(self) -> list[Used]:
        return sorted(
            (each for each in self.used if moment_of(each.fact) is not None),
            key=lambda each: (str(moment_of(each.fact)), each.sequence),
        )

    def _runs(self) -> list[Run]:
        """Return the runs of the counter, parted where a fact says that it began again."""
        runs: list[Run] = []
        current: list[int] = []
        for each in self._in_time():
            fact = each.fact
            if isinstance(fact, TransactionRecorded) and fact.last_before is not None:
                if current:
                    runs.append((min(current), max(*current, fact.last_before)))
                current = []
            current.append(each.sequence)
        return [*runs, (min(current), max(current))] if current else runs

    def _out_of_time(self) -> Iterator[tuple[str, str]]:
        for earlier, later in pairwise(self._in_time()):
            reset = isinstance(later.fact, TransactionRecorded) and later.fact.kind
            if later.sequence < earlier.sequence and reset != "counter-reset":
                text = (
                    f"number {later.sequence} happened after number {earlier.sequence}: a clock was"
                    " changed, or the counter began again without a counter-reset"
                )
                yield later.where, text


def _missing(numbers: Sequence[int], runs: Sequence[Run]) -> Iterator[Run]:
    for first, last in runs:
        expected = first
        for number in numbers:
            if first <= number <= last:
                if number > expected:
                    yield expected, number - 1
                expected = number + 1
        if expected <= last:
            yield expected, last


def _spelled(runs: Sequence[Run]) -> str:
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
