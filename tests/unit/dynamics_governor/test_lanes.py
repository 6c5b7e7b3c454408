"""Sharing out requests per second by lane."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dynamics.governor.lanes import ASSURED, Lane, divide

RATES = st.floats(0, 1e4)
DEMANDS = st.dictionaries(st.sampled_from(Lane), RATES)


@given(RATES, DEMANDS)
def test_all_that_is_wanted_and_allowed_is_given_out_and_no_more(
    rate: float, demand: dict[Lane, float]
) -> None:
    granted = divide(rate, demand)

    assert granted.keys() == demand.keys()
    assert all(0 <= granted[lane] <= demand[lane] * (1 + 1e-9) for lane in demand)
    assert sum(granted.values()) == pytest.approx(min(rate, sum(demand.values())), abs=1e-6)


@given(RATES, DEMANDS)
def test_every_lane_gets_what_is_assured_to_it(rate: float, demand: dict[Lane, float]) -> None:
    granted = divide(rate, demand)

    for lane, wanted in demand.items():
        assert granted[lane] >= min(wanted, rate * ASSURED[lane]) - 1e-9


@given(RATES, DEMANDS)
def test_beyond_what_is_assured_an_earlier_lane_goes_first(
    rate: float, demand: dict[Lane, float]
) -> None:
    granted = divide(rate, demand)
    unsatisfied = [lane for lane in sorted(demand) if granted[lane] < demand[lane] - 1e-6]

    for lane in demand:
        if unsatisfied and lane > unsatisfied[0]:
            assert granted[lane] <= rate * ASSURED[lane] + 1e-6
