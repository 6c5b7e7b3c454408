"""The demonstration's verdict: it holds only if all of it agrees, dead letters included."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from infra.local.cli.dead_letters import DeadLetter
from infra.local.cli.demo_report import Report
from infra.local.demo import Ending
from infra.local.demo.back_office import ANSWERS
from shared.events import OrderStatusChanged
from shared.store import ParkedKey
from tests.unit.demo.test_books import DAY, TOLD

NOW = datetime(2026, 3, 3, tzinfo=UTC)


def _answer(order: str) -> OrderStatusChanged:
    status, reason = ANSWERS[order]
    return OrderStatusChanged(
        company="gbrt", order=order, status=status, reason=reason, changed_at=NOW
    )


ENDING = Ending(
    certificates=[{"verdict": "balanced"}] * len(DAY.closes),
    told=TOLD,
    held=TOLD,
    announced=TOLD.documents,
    answers={order: _answer(order) for order in ANSWERS},
    parked=[],
    requests={},
)
LETTERS = [
    DeadLetter("sale-completed", queue, each.message_id, None, str(each.reason), "", None, 0, 1)
    for each in DAY.poison
    for queue in each.refused_by
]


def _report(ending: Ending = ENDING, letters: list[DeadLetter] = LETTERS) -> Report:
    return Report(DAY, ending, letters, {}, 30.0)


def test_a_day_of_which_everything_agrees_balances() -> None:
    assert _report().faults == []
    assert _report().balances


def test_a_store_day_that_does_not_balance_is_enough() -> None:
    certificates = [*ENDING.certificates[1:], {"verdict": "incomplete"}]

    assert not _report(replace(ENDING, certificates=certificates)).balances


def test_a_poison_in_a_queue_more_than_expected_is_a_fault() -> None:
    stray = replace(LETTERS[0], subscription="customers")

    (fault,) = _report(letters=[*LETTERS, stray]).faults

    assert fault == (
        f"dead letter {stray.message_id} in sale-completed/customers:"
        f" {stray.reason} instead of None"
    )


def test_a_poison_that_was_booked_or_has_another_reason_is_a_fault() -> None:
    first, *others = LETTERS
    wrong = replace(first, reason="invalid-data")

    assert len(_report(letters=others).faults) == 1
    assert len(_report(letters=[wrong, *others]).faults) == 1


def test_a_fact_that_still_waits_is_a_fault() -> None:
    key = ParkedKey("sales", "item/gbbc/10006", "no such item", 1, NOW, NOW)

    (fault,) = _report(replace(ENDING, parked=[key])).faults

    assert fault == "1 facts still wait for item/gbbc/10006"


def test_a_wrong_answer_to_the_web_shop_is_a_fault() -> None:
    answers = {**ENDING.answers, "W-1002": _answer("W-1001")}

    (fault,) = _report(replace(ENDING, answers=answers)).faults

    assert fault.startswith("web order W-1002: ('confirmed', None) instead of ('declined'")
