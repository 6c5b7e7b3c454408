"""A principal's rate, whatever is observed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.dynamics.governor.pace import LEAST, Observed, Pace

BEGIN = 1_000_000_000.0

observations = st.builds(
    Observed,
    accepted=st.floats(0, 1e4),
    refused=st.floats(0, 1e4),
    retry_after=st.floats(0, 600),
    latency=st.none() | st.floats(0.001, 100),
    remaining=st.none() | st.integers(0, 10_000),
    held=st.booleans(),
)
histories = st.lists(st.tuples(st.floats(0, 120), observations), max_size=60)


@given(st.floats(LEAST, 1000), st.none() | st.floats(1, 1000), histories)
def test_the_rate_stays_between_the_least_and_the_cap(
    first: float, cap: float | None, history: list[tuple[float, Observed]]
) -> None:
    pace = Pace(min(first, cap or first), cap)
    now = BEGIN
    for elapsed, seen in history:
        now += elapsed
        pace = pace.after(seen, now)

        assert pace.rate >= LEAST
        assert cap is None or pace.rate <= cap * (1 + 1e-9)
        assert pace.allowed(now) in (0.0, pace.rate)


@given(st.floats(1, 1000), observations)
def test_nothing_is_sent_while_dynamics_wants_a_rest_and_something_after(
    rate: float, seen: Observed
) -> None:
    pace = Pace(rate).after(seen, BEGIN)

    if pace.rest_until > BEGIN:
        assert seen.refused > seen.accepted
        assert pace.allowed(BEGIN) == 0.0
        assert pace.rest_until <= BEGIN + seen.retry_after
    assert pace.allowed(BEGIN + seen.retry_after) > 0


@given(st.floats(1, 1000), observations)
def test_a_refusal_never_raises_the_rate_and_an_unused_rate_never_grows(
    rate: float, seen: Observed
) -> None:
    pace = Pace(rate).after(seen, BEGIN)

    if seen.refused or not seen.held:
        assert pace.rate <= rate
