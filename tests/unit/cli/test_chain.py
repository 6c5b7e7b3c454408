"""What ``tillbus chain`` says at its end."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from infra.local.cli.chain import Amount, report
from infra.local.till.chain import TROUBLES, Doing, Options, Plan, Tally


@pytest.fixture
def tally() -> Tally:
    tally = Tally(put=120, late=7)
    tally.by_topic.update({"sale-completed": 90, "transaction-recorded": 10})
    tally.by_kind.update({"sale-completed": 80, "exchange": 10, "training": 6, "counter-reset": 4})
    tally.doings.update({Doing.CUT: 3, Doing.BACK: 3, Doing.OFF: 9, Doing.ON: 9})
    tally.waits += [timedelta(minutes=each) for each in (10, 20, 135)]
    tally.most_held = 2
    return tally


def test_amounts_of_trouble_are_those_of_the_simulator() -> None:
    assert [str(each) for each in Amount] == list(TROUBLES)


def test_summary_tells_what_waited_what_was_late_and_what_was_put_again(
    tally: Tally, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(Plan(Options(stores=4, tills=2)), tally, as_json=False) == 0

    said = capsys.readouterr().out
    assert "100 facts on the bus; stores: 4, tills of each: 2, days: 1" in said
    assert "3 times a till lost its connection: 3 facts waited in outboxes, 2 in one" in said
    assert "half of them up to 20 min, the longest 2 h 15 min; 7 came late" in said
    assert "9 times a till was off: 4 were installed anew, 20 facts were put once more" in said
    assert "failed" not in said


def test_json_holds_the_same_figures(tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(Plan(Options(stores=2, tills=2)), tally, as_json=True) == 0

    document = json.loads(capsys.readouterr().out)
    assert len(document["stores"]) == 2
    assert document["tills"] == 4
    assert document["facts"] == 100
    assert document["by_kind"]["exchange"] == 10
    assert document["waited"] == {
        "facts": 3,
        "most_in_one_outbox": 2,
        "median_seconds": 1200,
        "longest_seconds": 8100,
    }
    assert (document["late"], document["put_again"], document["times_off"]) == (7, 20, 9)


def test_facts_the_bus_will_never_take_are_told_and_fail_the_command(
    tally: Tally, capsys: pytest.CaptureFixture[str]
) -> None:
    tally.refused = 2

    assert report(Plan(Options()), tally, as_json=False) == 1

    assert "2 facts the bus will never take" in capsys.readouterr().out
