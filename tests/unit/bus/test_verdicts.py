"""Every row of the outcome -> settlement table."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.bus import Delivery, Done, Later, Parked, Rejected, RetryPolicy
from shared.bus.verdicts import TABLE, Action, Case, Subscription, judge, refused
from shared.events import DocumentRejected, InvalidEvent, Reason, decode
from tests.unit.bus.samples import NOW, TRACEPARENT, message, posted, sale_event

EVENT = sale_event()


def case(attempt: int = 1, *, announce: bool = True, valid: bool = True) -> Case:
    received = message(EVENT)
    delivery = Delivery(EVENT, attempt, NOW - timedelta(hours=1), received.message_id)
    return Case(
        source=Subscription("sale-completed", "sales", announce),
        message=received,
        delivery=delivery if valid else None,
        policy=RetryPolicy(jitter=0),
        now=NOW,
        traceparent=TRACEPARENT,
    )


def test_the_table_knows_every_outcome() -> None:
    assert set(TABLE) == {Done, Rejected, Later, Parked}


def test_done_completes_and_announces_the_document_in_the_sales_own_trace() -> None:
    verdict = judge(Done(posted(EVENT)), case(announce=False))

    assert verdict.action is Action.COMPLETE
    (event,) = verdict.events
    assert event.data == posted(EVENT)
    assert event.traceparent == TRACEPARENT


def test_done_without_a_document_only_completes() -> None:
    verdict = judge(Done(), case())

    assert (verdict.action, verdict.events, verdict.retry) == (Action.COMPLETE, (), None)


def test_rejected_is_dead_lettered_with_its_reason_and_detail() -> None:
    verdict = judge(Rejected(Reason.UNKNOWN_COMPANY, "no company xx"), case(announce=False))

    assert verdict.action is Action.DEAD_LETTER
    assert (verdict.reason, verdict.cause) == (Reason.UNKNOWN_COMPANY, "no company xx")
    assert verdict.events == ()


def test_rejected_is_announced_where_the_trigger_says_so() -> None:
    verdict = judge(Rejected(Reason.UNKNOWN_COMPANY, "no company xx"), case(announce=True))

    (event,) = verdict.events
    rejection = event.data
    assert isinstance(rejection, DocumentRejected)
    assert rejection.fact_id == EVENT.id
    assert rejection.key == EVENT.data.key
    assert rejection.subscription == "sales"
    assert rejection.reason is Reason.UNKNOWN_COMPANY


def test_later_schedules_an_addressed_copy_and_completes_the_original() -> None:
    verdict = judge(Later("throttled"), case(attempt=2))

    assert verdict.action is Action.COMPLETE
    assert verdict.retry is not None
    assert verdict.retry.message_id == f"{EVENT.id}#sales#3"
    assert verdict.retry.due == NOW + timedelta(minutes=1)
    assert verdict.retry.first_seen == NOW - timedelta(hours=1)
    assert verdict.retry.history.endswith("throttled")
    assert verdict.retry.traceparent == TRACEPARENT


def test_later_with_all_attempts_used_is_dead_lettered_with_the_history() -> None:
    last = case(attempt=5)
    last = replace(last, message=replace(last.message, properties={"retry-history": "4. outage"}))

    verdict = judge(Later("still down"), last)

    assert verdict.action is Action.DEAD_LETTER
    assert verdict.reason is Reason.ATTEMPTS_EXHAUSTED
    assert verdict.cause.splitlines()[0] == "4. outage"
    assert verdict.cause.endswith("still down")
    assert verdict.retry is None
    assert len(verdict.events) == 1


def test_parked_waits_with_its_key_and_what_is_missing_in_the_history() -> None:
    verdict = judge(Parked("gbrt/LONDON", "item 4711"), case())

    assert verdict.retry is not None
    assert "gbrt/LONDON waits for item 4711" in verdict.retry.history


@pytest.mark.parametrize("answer", [None, "done", True, RuntimeError("returned, not raised")])
def test_an_answer_that_is_no_outcome_is_abandoned(answer: Any) -> None:
    assert judge(answer, case()).action is Action.ABANDON


def test_bytes_that_are_no_event_are_dead_lettered_and_announced_as_far_as_they_can_be_read() -> (
    None
):
    with pytest.raises(InvalidEvent) as caught:
        decode(b'{"specversion": "1.0", "id": "x", "type": "com.tillbus.nonsense.v1"}')
    unreadable = replace(case(valid=False), head=caught.value.envelope)

    verdict = refused(caught.value, unreadable)

    assert verdict.action is Action.DEAD_LETTER
    rejection = verdict.events[0].data
    assert rejection.fact_id is None
    assert rejection.fact_type == "com.tillbus.nonsense.v1"


def test_two_unreadable_messages_without_ids_are_two_rejections() -> None:
    error = InvalidEvent(Reason.INVALID_JSON, "not JSON")
    cases = [replace(case(valid=False), message=message(b"\xff")) for _ in range(2)]

    first, second = (refused(error, each).events[0] for each in cases)

    assert first.id != second.id
