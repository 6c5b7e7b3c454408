"""Every row of the outcome -> settlement table."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.bus import Delivery, Done, Later, Parked, Rejected, RetryPolicy
from shared.bus.copies import retry_message
from shared.bus.verdicts import TABLE, Action, Case, Subscription, judge, refused
from shared.events import DocumentRejected, InvalidEvent, Reason, decode
from tests.unit.bus.samples import NOW, TRACEPARENT, message, posted, sale_event

EVENT = sale_event()
PATIENCE = timedelta(days=3)


def case(
    attempt: int = 1,
    *,
    announce: bool = True,
    valid: bool = True,
    since: timedelta = timedelta(hours=1),
) -> Case:
    received = message(EVENT)
    delivery = Delivery(EVENT, attempt, NOW - since, received.message_id)
    return Case(
        source=Subscription("sale-completed", "sales", announce),
        message=received,
        delivery=delivery if valid else None,
        policy=RetryPolicy(jitter=0),
        patience=PATIENCE,
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
    assert verdict.retry.message_id.startswith(f"{EVENT.id}#sales#3-")
    assert verdict.retry.due == NOW + timedelta(minutes=1)
    assert verdict.retry.first_seen == NOW - timedelta(hours=1)
    assert verdict.retry.history.endswith("throttled")
    assert verdict.retry.traceparent == TRACEPARENT


def test_later_after_a_day_of_attempts_is_dead_lettered_with_the_history() -> None:
    last = case(attempt=5, since=timedelta(days=1))
    last = replace(last, message=replace(last.message, properties={"retry-history": "4. outage"}))

    verdict = judge(Later("still down"), last)

    assert verdict.action is Action.DEAD_LETTER
    assert verdict.reason is Reason.ATTEMPTS_EXHAUSTED
    assert verdict.cause.splitlines()[0] == "4. outage"
    assert verdict.cause.endswith("still down")
    assert verdict.retry is None
    assert len(verdict.events) == 1


def out_of_parking(*keys_waited_out: str, **changes: Any) -> Case:
    """A case whose message comes back after a day under item/gbrt/4711."""
    properties = {
        "parked-under": "item/gbrt/4711",
        "parked-times": 3,
        "parked-at": "2026-11-19T12:00:00+00:00",
        "parked-until": "2026-11-22T12:00:00+00:00",
        "retry-history": "1. parked under item/gbrt/4711: no item 4711",
        **changes,
    }
    if keys_waited_out:
        properties["parked-out"] = "\n".join(keys_waited_out)
    base = case(attempt=2)
    return replace(base, message=replace(base.message, properties=properties))


def test_an_outage_within_the_day_dead_letters_nothing_however_often_it_was_met() -> None:
    verdict = judge(Later("still down"), case(attempt=30, since=timedelta(hours=23)))

    assert verdict.action is Action.COMPLETE
    assert verdict.retry is not None
    assert verdict.retry.due == NOW + timedelta(hours=1)


def test_parked_puts_the_message_aside_whole_and_completes_it() -> None:
    received = replace(case(attempt=2).message, properties={"lane": "backfill", "type": "x"})

    verdict = judge(
        Parked("item/gbrt/4711", "no item 4711"), replace(case(attempt=2), message=received)
    )

    assert verdict.action is Action.COMPLETE
    assert (verdict.retry, verdict.events) == (None, ())
    fact = verdict.park
    assert fact is not None
    assert (fact.fact_id, fact.topic, fact.subscription) == (EVENT.id, "sale-completed", "sales")
    assert (fact.key, fact.missing) == ("item/gbrt/4711", "no item 4711")
    assert (fact.body, fact.properties) == (received.body, received.properties)
    assert (fact.attempt, fact.times) == (2, 1)
    assert fact.first_seen == NOW - timedelta(hours=1)
    assert (fact.parked_at, fact.deadline) == (NOW, NOW + PATIENCE)
    assert fact.history.endswith("parked under item/gbrt/4711: no item 4711")
    assert fact.traceparent == TRACEPARENT


def test_a_handler_may_set_its_own_deadline() -> None:
    verdict = judge(Parked("sale/x", "its sale", timedelta(hours=2)), case())

    assert verdict.park is not None
    assert verdict.park.deadline == NOW + timedelta(hours=2)


def test_being_tried_in_between_costs_a_parked_fact_nothing_of_its_wait() -> None:
    verdict = judge(Parked("item/gbrt/4711", "still no item 4711"), out_of_parking())

    fact = verdict.park
    assert fact is not None
    assert fact.times == 4
    assert fact.attempt == 2
    assert fact.parked_at == NOW - timedelta(days=1)
    assert fact.deadline == NOW + timedelta(days=2)
    assert fact.history == "1. parked under item/gbrt/4711: no item 4711"


def test_a_fact_that_finds_one_record_and_misses_another_waits_for_that_afresh() -> None:
    verdict = judge(Parked("item/gbrt/42", "no item 42"), out_of_parking("item/gbrt/4711"))

    fact = verdict.park
    assert fact is not None
    assert (fact.times, fact.parked_at, fact.deadline) == (4, NOW, NOW + PATIENCE)
    assert len(fact.history.splitlines()) == 2


def test_what_has_waited_until_its_deadline_in_vain_is_rejected_saying_how_long() -> None:
    verdict = judge(Parked("item/gbrt/4711", "no item 4711"), out_of_parking("item/gbrt/4711"))

    assert verdict.park is None
    assert (verdict.action, verdict.reason) == (Action.DEAD_LETTER, Reason.MASTER_DATA_MISSING)
    assert verdict.cause == "waited for 1 day, 0:00:00 for item/gbrt/4711 in vain: no item 4711"
    assert len(verdict.events) == 1


def test_two_missing_records_cannot_take_turns_for_ever() -> None:
    waited = out_of_parking("item/gbrt/4711", "item/gbrt/42")

    for key in ("item/gbrt/4711", "item/gbrt/42"):
        assert judge(Parked(key, "missing"), waited).reason is Reason.MASTER_DATA_MISSING


def test_a_probe_that_is_booked_lets_the_others_of_its_key_follow() -> None:
    probe = out_of_parking(**{"parked-probe": "item/gbrt/4711"})

    assert judge(Done(), probe).release == "item/gbrt/4711"
    assert judge(Later("throttled"), probe).release is None
    assert judge(Done(), out_of_parking()).release is None


def test_a_probe_that_must_be_retried_is_still_a_probe() -> None:
    verdict = judge(Later("throttled"), out_of_parking(**{"parked-probe": "item/gbrt/4711"}))

    assert verdict.retry is not None
    copy = retry_message(verdict.retry, NOW)
    assert (copy.application_properties or {})["parked-probe"] == "item/gbrt/4711"


def test_bytes_that_are_no_event_cannot_be_parked() -> None:
    assert judge(Parked("item/gbrt/1", "x"), case(valid=False)).action is Action.ABANDON


def test_a_rejection_names_the_effect_that_is_missing_and_the_queue_it_lies_in() -> None:
    late = replace(case(), source=Subscription("sale-completed", "sales-backfill", True, "points"))

    (event,) = judge(Rejected(Reason.UNKNOWN_COMPANY, "no company xx"), late).events

    assert event.data.effect == "points"
    assert event.data.subscription == "sales-backfill"
    assert event.source == "/services/sales"


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


@pytest.mark.parametrize(
    "outcome",
    [
        Later("busy", effect="contact", also=(posted(EVENT),)),
        Parked("item/usrt/10", "no item 10", effect="contact", also=(posted(EVENT),)),
        Rejected(Reason.REFUSED_BY_DYNAMICS, "too long", "contact", (posted(EVENT),)),
    ],
)
def test_what_is_booked_of_a_fact_is_announced_whatever_becomes_of_the_rest(outcome: Any) -> None:
    first, *_ = judge(outcome, case()).events

    assert first.data == posted(EVENT)


def test_a_rejection_names_the_effect_that_is_missing_once_its_attempts_are_exhausted() -> None:
    later = Later("busy", effect="contact", also=(posted(EVENT),))

    verdict = judge(later, case(attempt=99, since=timedelta(days=30)))

    document, rejection = (event.data for event in verdict.events)
    assert document == posted(EVENT)
    assert isinstance(rejection, DocumentRejected)
    assert (rejection.reason, rejection.effect) == (Reason.ATTEMPTS_EXHAUSTED, "contact")
