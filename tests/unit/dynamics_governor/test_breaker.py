"""An environment that is down is asked by one, and a later one only when that one is done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.dynamics.governor.breaker import (
    FAILURES,
    LONGEST_PAUSE,
    PROBE_SECONDS,
    RAMP_SECONDS,
    Breaker,
    State,
)

BEGIN = 1_000_000_000.0
DOWN = Breaker().after(0, FAILURES, BEGIN)

moments = st.lists(st.floats(0, 200), min_size=1, max_size=60)


@given(moments)
def test_of_all_that_ask_exactly_one_probes_at_a_time(elapsed: list[float]) -> None:
    breaker, now, probed_at = DOWN, BEGIN, None
    for seconds in elapsed:
        now += seconds
        asked = breaker.probe(now)
        if asked is None:
            due = breaker.until if probed_at is None else probed_at + PROBE_SECONDS
            assert now < due, "somebody has to probe"
            continue
        assert probed_at is None or now >= probed_at + PROBE_SECONDS, "one probe at a time"
        breaker, probed_at = asked, now


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 300)), max_size=60))
def test_each_probe_that_fails_is_followed_by_a_pause_and_one_that_succeeds_ends_it(
    probes: list[tuple[bool, float]],
) -> None:
    breaker, now, pause = DOWN, BEGIN, 0.0
    for is_answered, patience in probes:
        now = max(breaker.until, now) + patience
        asked = breaker.probe(now)
        if breaker.state is State.CLOSED:
            assert asked is None
            assert 0 < breaker.part(now) <= 1
            return
        assert asked is not None
        breaker = asked.after(1, 0, now) if is_answered else asked.after(0, 1, now)
        if not is_answered:
            assert breaker.part(now) == 0.0
            assert pause <= breaker.until - now <= LONGEST_PAUSE + 1e-6
            pause = breaker.until - now - 1e-6


@given(st.lists(st.integers(0, FAILURES - 1), max_size=30))
def test_answers_in_between_keep_it_closed(losses: list[int]) -> None:
    breaker = Breaker()
    for lost in losses:
        breaker = breaker.after(0, lost, BEGIN).after(1, 0, BEGIN)

        assert breaker.state is State.CLOSED


@given(st.floats(0, 100), st.floats(0, 100))
def test_what_is_allowed_after_an_outage_only_grows(first: float, later: float) -> None:
    recovered = DOWN.after(1, 0, BEGIN)

    assert recovered.part(BEGIN + first) <= recovered.part(BEGIN + first + later) <= 1.0


@given(st.floats(1, 400 * 86_400))
def test_long_after_an_outage_everything_is_allowed_again(later: float) -> None:
    recovered = Breaker(recovered_at=1_000_000_000.0)

    part = recovered.part(1_000_000_000.0 + RAMP_SECONDS + later)

    assert part == 1.0
