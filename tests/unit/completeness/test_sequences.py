from __future__ import annotations

from datetime import timedelta

import pytest

from services.completeness.certificate import SequenceRange
from services.completeness.sequences import Reset, Used, outside, sequences
from shared.events import CounterReset, TerminalDay

from .days import NOON


def _at(minute: int, *numbers: int) -> list[Used]:
    return [Used(number, NOON + timedelta(minutes=minute)) for number in numbers]


def _told(ranges: tuple[SequenceRange, ...]) -> list[str]:
    return [str(each) for each in ranges]


RESET = Reset(NOON + timedelta(minutes=10), last_before=60, first_after=1)


def test_an_open_days_reset_ends_one_run_and_begins_the_next() -> None:
    used = [*_at(1, 51, 52, 54), *_at(10, 1), *_at(11, 2, 5)]

    counted = sequences(used, None, [RESET])

    assert _told(counted.runs) == ["51-60", "1-5"]
    assert _told(counted.missing) == ["53", "55-60", "3-4"]


def test_a_clock_that_is_wrong_makes_no_phantom_gap() -> None:
    """55 happened before the reset, though its clock says after."""
    used = [*_at(1, *range(51, 55), *range(56, 61)), *_at(12, 55), *_at(10, 1), *_at(11, 2)]

    counted = sequences(used, None, [RESET])

    assert _told(counted.runs) == ["51-60", "1-2"]
    assert counted.missing == ()


def test_a_counter_that_was_reset_before_it_was_used_has_one_run() -> None:
    reset = Reset(NOON, last_before=0, first_after=1)

    counted = sequences(_at(0, 1, 2), None, [reset])

    assert (_told(counted.runs), counted.missing) == (["1-2"], ())


def test_a_number_without_a_clock_is_used_and_makes_no_run_longer() -> None:
    """A document, or a rejection: which run it belongs to only the close will say."""
    used = [*_at(1, *range(51, 61)), Used(58), Used(40), *_at(10, 1)]

    counted = sequences(used, None, [RESET])

    assert (_told(counted.runs), counted.missing) == (["51-60", "1"], ())


def test_the_close_states_the_runs_whatever_the_clocks_say() -> None:
    stated = TerminalDay(
        terminal="T1",
        first_sequence=51,
        last_sequence=3,
        resets=(CounterReset(last_before=60, first_after=1),),
        sales=0,
        returns=0,
    )

    counted = sequences([*_at(99, 51, 60), *_at(0, 1, 3)], stated, [])

    assert _told(counted.runs) == ["51-60", "1-3"]
    assert _told(counted.missing) == ["52-59", "2"]


@pytest.mark.parametrize(
    ("used", "stated", "runs", "missing"),
    [
        ([3, 4], (3, 4), ["3-4"], []),
        ([2, 3, 6], (3, 4), ["2-6"], ["4-5"]),
        ([], (3, 4), ["3-4"], ["3-4"]),
    ],
)
def test_numbers_beyond_a_single_run_make_it_longer(
    used: list[int], stated: tuple[int, int], runs: list[str], missing: list[str]
) -> None:
    day = TerminalDay(
        terminal="T1", first_sequence=stated[0], last_sequence=stated[1], sales=0, returns=0
    )

    counted = sequences(_at(0, *used), day, [])

    assert (_told(counted.runs), _told(counted.missing)) == (runs, missing)


def test_strays_lie_in_no_run() -> None:
    assert outside([(51, 60), (1, 3)], [1, 3, 4, 50, 51, 60, 61, 61]) == [4, 50, 61]
