"""What becomes of each message, whatever the handler and the bus do."""

from collections.abc import Sequence
from typing import Any

import pytest

from shared.bus import Delivery, Done, Later, Outcome, Rejected
from shared.bus.consumer import SettlementFailed
from shared.events import DocumentRejected, Reason, new_event
from tests.unit.bus.samples import NOW, TRACEPARENT, message, posted, sale_event
from tests.unit.bus.world import World, always, failing_on


async def test_a_batch_is_handled_in_one_call_and_completed() -> None:
    world = World()
    messages = [message(sale_event(n)) for n in (1, 2, 3)]

    await world.consume(messages, always(Done()))

    assert [each.event.data.key.sequence for each in world.calls[0]] == [1, 2, 3]
    assert world.settlement.completed == messages


async def test_documents_are_on_the_bus_before_their_messages_are_completed() -> None:
    world = World()

    await world.consume([message(sale_event())], always(lambda d: Done(posted(d.event))))

    assert len(world.bus.sent("document-posted")) == 1
    assert world.settlement.sent_before == 1


async def test_a_delivery_carries_its_attempt_first_seen_and_trace() -> None:
    world = World()
    seen = "2026-11-20T11:00:00+00:00"
    properties = {
        "retry-attempt": 2,
        "retry-first-seen": seen,
        "traceparent": TRACEPARENT,
    }

    await world.consume([message(sale_event(), properties)], always(Done()))

    (delivery,) = world.calls[0]
    assert delivery.attempt == 2
    assert delivery.first_seen.isoformat() == seen
    assert delivery.event.traceparent == TRACEPARENT


async def test_invalid_bytes_are_dead_lettered_and_the_neighbours_handled() -> None:
    world = World()
    bad, good = message(b"{not json"), message(sale_event())

    await world.consume([bad, good], always(Done()))

    (rejection,) = world.settlement.dead
    assert rejection.message == bad
    assert rejection.reason == "invalid-json"
    assert rejection.description
    assert world.settlement.completed == [good]
    assert len(world.bus.sent("document-rejected")) == 1


async def test_a_batch_of_invalid_bytes_never_reaches_the_handler() -> None:
    world = World()

    await world.consume([message(b""), message(b"[]")], always(Done()))

    assert world.calls == []
    assert [each.reason for each in world.settlement.dead] == [
        Reason.INVALID_JSON,
        Reason.NOT_A_CLOUD_EVENT,
    ]


async def test_a_second_subscriber_notes_invalid_bytes_and_completes_them() -> None:
    world = World()
    noted: list[DocumentRejected] = []

    async def note(rejections: Sequence[DocumentRejected]) -> None:
        noted.extend(rejections)

    bad = message(b"{not json")
    await world.consume([bad], always(Done()), note_invalid=note)

    assert [each.reason for each in noted] == [Reason.INVALID_JSON]
    assert world.settlement.completed == [bad]
    assert world.settlement.dead == []


async def test_invalid_bytes_that_cannot_be_noted_are_abandoned() -> None:
    world = World()

    async def note(_rejections: Sequence[DocumentRejected]) -> None:
        raise OSError("the store is gone")

    bad = message(b"{not json")
    await world.consume([bad], always(Done()), note_invalid=note)

    assert world.settlement.abandoned == [bad]


async def test_a_fact_on_a_foreign_topic_is_dead_lettered() -> None:
    world = World()
    stray = new_event(posted(sale_event()), source="/x", time=NOW)

    await world.consume([message(stray)], always(Done()))

    (rejection,) = world.settlement.dead
    assert rejection.reason == Reason.UNKNOWN_TYPE
    assert "belongs on topic document-posted" in rejection.description


async def test_rejections_are_not_announced_where_the_trigger_does_not_say_so() -> None:
    world = World()

    await world.consume(
        [message(sale_event())], always(Rejected(Reason.UNKNOWN_COMPANY, "x")), announce=False
    )

    assert len(world.settlement.dead) == 1
    assert world.bus.batches == []


async def test_later_puts_the_copy_on_the_bus_before_the_original_is_completed() -> None:
    world = World()

    await world.consume([message(sale_event())], always(Later("throttled")))

    (copy,) = world.bus.sent("sale-completed")
    assert str(copy.message_id).startswith(f"{sale_event().id}#sales#2-")
    assert world.settlement.sent_before == 1
    assert len(world.settlement.completed) == 1


async def test_one_raising_delivery_is_abandoned_and_its_neighbours_completed() -> None:
    world = World()
    messages = [message(sale_event(n)) for n in (1, 2, 3)]

    await world.consume(messages, failing_on(2))

    assert world.settlement.abandoned == [messages[1]]
    assert world.settlement.completed == [messages[0], messages[2]]


async def test_a_lone_raising_delivery_is_not_tried_twice_in_one_delivery() -> None:
    world = World()

    await world.consume([message(sale_event(1))], failing_on(1))

    assert len(world.calls) == 1
    assert len(world.settlement.abandoned) == 1


@pytest.mark.parametrize("answer", [[], [Done()], [Done()] * 3])
async def test_the_wrong_number_of_outcomes_abandons_all(answer: list[Outcome]) -> None:
    world = World()
    messages = [message(sale_event(n)) for n in (1, 2)]

    async def handler(_deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        return answer

    await world.consume(messages, handler)

    assert world.settlement.abandoned == messages
    assert len(world.calls) == 1


async def test_an_answer_that_is_no_outcome_abandons_only_its_own_message() -> None:
    world = World()
    messages = [message(sale_event(n)) for n in (1, 2)]

    async def handler(_deliveries: Sequence[Delivery]) -> Sequence[Any]:
        return [Done(), "booked"]

    await world.consume(messages, handler)

    assert world.settlement.completed == messages[:1]
    assert world.settlement.abandoned == messages[1:]


async def test_what_cannot_be_published_is_abandoned_and_not_settled_as_done() -> None:
    world = World()
    world.bus.refuses = lambda topic: topic == "document-posted"
    with_document, without = message(sale_event(1)), message(sale_event(2))

    def outcome(delivery: Delivery) -> Outcome:
        first = delivery.event.data.key.sequence == 1
        return Done(posted(delivery.event)) if first else Done()

    await world.consume([with_document, without], always(outcome))

    assert world.settlement.abandoned == [with_document]
    assert world.settlement.completed == [without]


@pytest.mark.parametrize("outcome", [Later("x"), Rejected(Reason.UNKNOWN_COMPANY, "x")])
async def test_retries_and_rejections_that_cannot_be_sent_are_abandoned_too(
    outcome: Outcome,
) -> None:
    world = World()
    world.bus.refuses = lambda _topic: True

    await world.consume([message(sale_event())], always(outcome))

    assert len(world.settlement.abandoned) == 1
    assert world.settlement.completed == []
    assert world.settlement.dead == []


async def test_an_unsettled_message_is_reported_after_the_others_were_settled() -> None:
    world = World()
    messages = [message(sale_event(n)) for n in (1, 2)]
    world.settlement.lost = {messages[0].lock_token}

    with pytest.raises(SettlementFailed, match="lock lost") as caught:
        await world.consume(messages, always(Done()))

    assert [each.message for each in caught.value.unsettled] == messages[:1]
    assert world.settlement.completed == messages


async def test_each_message_logs_at_most_one_line(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    caplog.set_level("INFO", "tillbus")

    await world.consume(
        [message(b"{"), message(sale_event(1)), message(sale_event(2))], failing_on(2)
    )

    lines = [record.getMessage() for record in caplog.records]
    assert sum("is dead-lettered" in line for line in lines) == 1
    assert sum("is abandoned" in line for line in lines) == 1
    assert sum("trying each alone" in line for line in lines) == 1
    assert len(lines) == 3
