from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus import RetryPolicy
from shared.bus.retry import (
    DEFAULT_DELAYS,
    DEFAULT_PATIENCE,
    MAX_HISTORY_CHARS,
    extended_history,
)
from tests.unit.bus.samples import NOW


@pytest.mark.parametrize("attempt", [1, 2, 3, 4])
def test_each_failed_attempt_waits_its_own_delay(attempt: int) -> None:
    policy = RetryPolicy(jitter=0)

    assert policy.next_attempt(attempt, NOW, NOW) == NOW + DEFAULT_DELAYS[attempt - 1]


def test_the_last_attempt_after_all_patience_has_no_next() -> None:
    assert RetryPolicy().next_attempt(5, NOW - DEFAULT_PATIENCE, NOW) is None


def test_patience_is_not_at_an_end_before_every_delay_was_used() -> None:
    assert RetryPolicy().next_attempt(4, NOW - timedelta(days=30), NOW) is not None


@given(bad_luck=st.integers(0, 4), minutes=st.integers(1, 20 * 60))
def test_an_outage_shorter_than_the_patience_exhausts_nothing_whatever_failed_before(
    bad_luck: int, minutes: int
) -> None:
    policy = RetryPolicy(jitter=0)
    first_seen, attempt, now = NOW, 1 + bad_luck, NOW + timedelta(minutes=75)
    over = now + timedelta(minutes=minutes)

    while now < over:
        due = policy.next_attempt(attempt, first_seen, now)
        assert due is not None
        attempt, now = attempt + 1, due


def test_a_later_retry_after_wins() -> None:
    not_before = NOW + timedelta(minutes=5)

    assert RetryPolicy(jitter=0).next_attempt(1, NOW, NOW, not_before) == not_before


def test_a_short_retry_after_does_not_burn_the_attempts() -> None:
    not_before = NOW + timedelta(seconds=1)

    assert RetryPolicy(jitter=0).next_attempt(1, NOW, NOW, not_before) == NOW + DEFAULT_DELAYS[0]


@given(
    attempt=st.integers(1, 4),
    chance=st.floats(0, 1, exclude_max=True),
    after=st.integers(-60, 7200),
)
def test_jitter_only_delays_and_never_beyond_its_share(
    attempt: int, chance: float, after: int
) -> None:
    not_before = NOW + timedelta(seconds=after)
    delay = DEFAULT_DELAYS[attempt - 1]

    policy = RetryPolicy(jitter=0.2, chance=lambda: chance)

    due = policy.next_attempt(attempt, NOW, NOW, not_before)

    assert due is not None
    earliest = max(NOW + delay, not_before)
    assert earliest <= due <= earliest + delay * 0.2


def test_the_setting_names_the_delays_in_order() -> None:
    policy = RetryPolicy.from_settings("PT1S, PT2M,P1D", "PT2H")

    assert policy.delays == (timedelta(seconds=1), timedelta(minutes=2), timedelta(days=1))
    assert policy.patience == timedelta(hours=2)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_setting_means_the_defaults(text: str | None) -> None:
    assert RetryPolicy.from_settings(text, text) == RetryPolicy()


@pytest.mark.parametrize("text", ["10", "PT1S,,PT2S", "soon", "PT0S", "-PT5S", "P"])
def test_a_setting_that_is_no_duration_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="RETRY_DELAYS"):
        RetryPolicy.from_settings(text)


def test_the_history_grows_by_one_line_with_attempt_time_and_cause() -> None:
    history = extended_history("1. earlier", 2, NOW, "throttled\nby Dynamics")

    assert history.splitlines() == ["1. earlier", "2. 2026-11-20T12:00:00Z throttled by Dynamics"]


def test_a_long_history_keeps_its_newest_lines() -> None:
    history = ""
    for attempt in range(1, 100):
        history = extended_history(history, attempt, NOW, "x" * 1000)

    assert len(history) <= MAX_HISTORY_CHARS
    assert history.splitlines()[-1].startswith("99. ")
