"""Which numbers a terminal used on a day, and which of them nobody has spoken of. Pure.

A counter that begins again during the day makes a day of several runs. A close states them. Until
there is one, they are told from the counter-reset transactions: each ends a run at its
`last_before` and begins the next with its own number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from services.completeness.certificate import SequenceRange
from shared.events import TerminalDay

Run = tuple[int, int]
"""First and last number, both included; one that ends before it begins is empty."""


@dataclass(frozen=True)
class Used:
    """A number that something claims; `at` is None where no till clock came with it."""

    number: int
    at: datetime | None = None


@dataclass(frozen=True)
class Reset:
    """A terminal's own word that its counter began again."""

    at: datetime
    last_before: int
    first_after: int


@dataclass(frozen=True)
class Sequences:
    """One terminal's numbers of a day."""

    runs: tuple[SequenceRange, ...]
    """What must have been used, in order."""
    missing: tuple[SequenceRange, ...]
    """Numbers of the runs that nothing claims, in order of the runs."""


def sequences(
    used: Sequence[Used], stated: TerminalDay | None, resets: Sequence[Reset]
) -> Sequences:
    """Return what a terminal used; `stated` is its close, `resets` are facts in any order.

    Numbers beyond a single run make it longer: what lies between was used too. Beside several runs
    a stray number stands for itself, for nobody can tell which of them it belongs to.
    """
    runs = stated.runs if stated else _told_by_resets(used, resets)
    if len(runs) == 1:
        numbers = [each.number for each in used]
        first, last = runs[0]
        runs = ((min([first, *numbers]), max([last, *numbers])),)
    claimed = {each.number for each in used}
    missing = [gap for run in runs for gap in gaps(_within(run, claimed), *run)]
    return Sequences(tuple(_range(*run) for run in runs if run[0] <= run[1]), tuple(missing))


def outside(runs: Iterable[Run], numbers: Iterable[int]) -> list[int]:
    """Return the numbers that lie in none of the runs, sorted."""
    known = list(runs)
    return sorted(
        number
        for number in set(numbers)
        if not any(first <= number <= last for first, last in known)
    )


def _within(run: Run, numbers: Iterable[int]) -> list[int]:
    first, last = run
    return sorted(number for number in numbers if first <= number <= last)


def _told_by_resets(used: Sequence[Used], resets: Sequence[Reset]) -> tuple[Run, ...]:
    """Return the runs an open day has shown so far.

    Only the first run's beginning and the last one's end are not told: they are the least number
    seen before the first reset and the greatest since the last, by the till's clock. A number that
    is an earlier run's is not taken for the last one's, whatever its clock says.
    """
    ordered = sorted(resets, key=lambda reset: (reset.at, reset.first_after))
    if not ordered:
        numbers = [each.number for each in used]
        return ((min(numbers), max(numbers)),)
    first_end, last_begin = ordered[0].last_before, ordered[-1].first_after
    before = [each.number for each in used if each.at and each.at < ordered[0].at]
    begin = min([each for each in before if each <= first_end] or [first_end + 1])
    earlier = [
        (begin, first_end),
        *((a.first_after, b.last_before) for a, b in pairwise(ordered)),
    ]
    since = [each.number for each in used if each.at and each.at >= ordered[-1].at]
    return (*earlier, (last_begin, max([last_begin, *outside(earlier, since)])))


def gaps(used: Iterable[int], first: int, last: int) -> Iterable[SequenceRange]:
    """Yield what is missing of first..last, both included; `used` is sorted and within them.

    Never counts through a gap: a till may claim any last number.
    """
    expected = first
    for number in used:
        if number > expected:
            yield _range(expected, number - 1)
        expected = number + 1
    if expected <= last:
        yield _range(expected, last)


def _range(first: int, last: int) -> SequenceRange:
    return SequenceRange(first=first, last=last)
