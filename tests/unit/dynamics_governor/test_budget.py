"""What all instances share is never given out twice, and survives as JSON."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from shared.dynamics.governor.breaker import FAILURES
from shared.dynamics.governor.budget import Budget, Report, Seen
from shared.dynamics.governor.lanes import Lane
from shared.dynamics.governor.pace import Pace

BEGIN = 1_000_000_000.0
ROUNDING = 1e-6
PRINCIPALS = ("app-1", "app-2")

seen = st.builds(
    Seen,
    accepted=st.integers(0, 500),
    refused=st.integers(0, 50),
    retry_after=st.floats(0, 60),
    latency=st.none() | st.floats(0.001, 30),
    remaining=st.none() | st.integers(0, 6000),
)
reports = st.builds(
    Report,
    instance=st.sampled_from(["a", "b", "c", "d"]),
    seconds=st.floats(0, 5),
    wanted=st.dictionaries(st.sampled_from(Lane), st.floats(0.1, 500)),
    held=st.booleans(),
    seen=st.dictionaries(st.sampled_from(PRINCIPALS), seen),
    unanswered=st.integers(0, 10),
    waiting=st.booleans(),
)
histories = st.lists(st.tuples(st.floats(0, 4), reports), min_size=1, max_size=40)


def beginning(rate: float = 50.0) -> Budget:
    return Budget({name: Pace(rate) for name in PRINCIPALS})


@given(histories)
def test_nobody_is_allotted_what_others_still_hold(history: list[tuple[float, Report]]) -> None:
    budget, now = beginning(), BEGIN
    for elapsed, report in history:
        now += elapsed
        budget, allotment = budget.exchange(report, now)
        allowed = sum(pace.allowed(now) for pace in budget.principals.values())
        others = sum(
            member.rate
            for name, member in budget.members.items()
            if name != report.instance and member.until > now
        )

        assert all(rate >= 0 for rate in allotment.rates.values())
        assert sum(allotment.rates.values()) <= max(allowed - others, 0.0) + ROUNDING
        assert not (allotment.down and allotment.rates)


def test_the_probe_goes_to_who_has_a_request_to_send() -> None:
    wanted = {Lane.SALE: 10.0}
    budget, _ = beginning().exchange(Report("a", 1.0, wanted, unanswered=FAILURES), BEGIN)
    later = budget.breaker.until

    budget, idle = budget.exchange(Report("a", 1.0, wanted), later)
    _, waiting = budget.exchange(Report("b", 1.0, wanted, waiting=True), later + 1)

    assert (idle.down, idle.probe) == (True, None)
    assert (waiting.down, waiting.probe) == (True, PRINCIPALS[0])


@given(st.lists(st.tuples(st.floats(0, 4), reports), min_size=1, max_size=40))
def test_all_allotments_in_force_together_are_never_more_than_is_allowed(
    history: list[tuple[float, Report]],
) -> None:
    budget, now = beginning(), BEGIN
    for elapsed, report in history:
        now += elapsed
        # Nothing seen, nothing learned: what is allowed stays as it is.
        silent = Report(report.instance, report.seconds, report.wanted)
        budget, _ = budget.exchange(silent, now)
        in_force = sum(each.rate for each in budget.members.values() if each.until > now)

        assert in_force <= 2 * 50.0 + ROUNDING


@given(st.floats(1, 1000), st.integers(1, 12))
def test_what_is_wanted_or_allowed_is_nearly_all_given_out_in_time(
    wanted: float, instances: int
) -> None:
    budget, now = beginning(), BEGIN
    for period in range(8):
        for number in range(instances):
            report = Report(f"i{number}", 1.0, {Lane.SALE: wanted})
            budget, _ = budget.exchange(report, now + period + number / instances)
    in_force = sum(each.rate for each in budget.members.values())

    assert in_force >= min(wanted * instances, 100.0) * 0.95 - ROUNDING


@given(histories)
def test_a_budget_written_as_json_is_read_back_the_same(
    history: list[tuple[float, Report]],
) -> None:
    budget, now, adapter = beginning(), BEGIN, TypeAdapter(Budget)
    for elapsed, report in history:
        now += elapsed
        budget, _ = budget.exchange(report, now)

        assert adapter.validate_json(adapter.dump_json(budget)) == budget
