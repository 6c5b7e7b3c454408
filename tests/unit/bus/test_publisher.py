"""Batches, oversize messages, a bus that comes and goes: over the SDK's own batches."""

import asyncio
from collections import deque
from dataclasses import replace

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus.exceptions import ServiceBusConnectionError, ServiceBusServerBusyError
from hypothesis import given
from hypothesis import strategies as st

from shared.bus import PublishFailed
from shared.bus.copies import Retry
from shared.bus.publisher import _Outgoing, fill
from shared.events import new_event
from tests.unit.bus.samples import NOW, MemoryBus, message, posted, sale_event


def ids(messages: list[ServiceBusMessage]) -> list[str]:
    return [str(each.message_id) for each in messages]


async def test_events_of_one_topic_share_a_send_and_keep_their_order() -> None:
    bus = MemoryBus()
    events = [sale_event(n) for n in range(1, 11)]

    await bus.publisher().publish(events)

    assert [topic for topic, _ in bus.batches] == ["sale-completed"]
    assert ids(bus.sent("sale-completed")) == [str(event.id) for event in events]


async def test_each_event_goes_to_the_topic_of_its_fact() -> None:
    bus = MemoryBus()
    event = sale_event()

    await bus.publisher().publish([event, new_event(posted(event), source="/x", time=NOW)])

    assert len(bus.sent("sale-completed")) == 1
    assert len(bus.sent("document-posted")) == 1


async def test_a_topic_keeps_its_sender_from_call_to_call() -> None:
    bus = MemoryBus()
    publisher = bus.publisher()

    await publisher.publish([sale_event(1)])
    await publisher.publish([sale_event(2)])

    assert len(bus.senders) == 1


async def test_nothing_to_publish_opens_nothing() -> None:
    bus = MemoryBus()

    await bus.publisher().publish([])
    await bus.publisher().schedule_retries("sale-completed", [])

    assert bus.senders == []


async def test_an_event_over_the_limit_is_named_and_the_others_are_sent() -> None:
    bus = MemoryBus(max_batch_bytes=8_000)
    large = replace(sale_event(2), source="/" + "x" * 9000)

    with pytest.raises(PublishFailed, match="larger than 8000 bytes") as caught:
        await bus.publisher().publish([sale_event(1), large, sale_event(3)])

    assert caught.value.message_ids == {str(large.id)}
    assert ids(bus.sent("sale-completed")) == [str(sale_event(1).id), str(sale_event(3).id)]


async def test_a_message_that_cannot_be_encoded_is_named_and_the_others_are_sent() -> None:
    bus = MemoryBus()
    original = message(sale_event(), {"list": [object()]})
    bad, good = (
        Retry(
            original=each,
            event_id=sale_event(n).id,
            subscription="sales",
            attempt=2,
            first_seen=NOW,
            history="",
            due=NOW,
        )
        for n, each in ((1, original), (2, replace(original, properties={})))
    )

    with pytest.raises(PublishFailed, match="cannot be encoded") as caught:
        await bus.publisher().schedule_retries("sale-completed", [bad, good])

    assert caught.value.message_ids == {bad.message_id}
    assert ids(bus.sent("sale-completed")) == [good.message_id]


async def test_a_failed_send_is_repeated_once_over_a_new_sender() -> None:
    bus = MemoryBus()
    bus.failures = [ServiceBusConnectionError(message="restarted")]

    await bus.publisher().publish([sale_event()])

    assert len(bus.sent("sale-completed")) == 1
    assert [sender.closed for sender in bus.senders] == [True, False]


async def test_a_bus_that_stays_away_is_reported_with_every_unsent_event() -> None:
    bus = MemoryBus(max_batch_bytes=3_000)
    events = [sale_event(n) for n in range(1, 11)]
    publisher = bus.publisher()
    await publisher.publish(events[:1])
    bus.refuses = lambda _topic: True

    with pytest.raises(PublishFailed) as caught:
        await publisher.publish(events[1:])

    assert caught.value.message_ids == {str(event.id) for event in events[1:]}
    assert str(caught.value.unsent[0].message_id) in str(caught.value)


async def test_the_publisher_works_again_when_the_bus_is_back() -> None:
    bus = MemoryBus()
    publisher = bus.publisher()
    bus.refuses = lambda _topic: True
    with pytest.raises(PublishFailed):
        await publisher.publish([sale_event()])
    bus.refuses = lambda _topic: False

    await publisher.publish([sale_event()])

    assert len(bus.sent("sale-completed")) == 1


async def test_one_topic_failing_leaves_the_others_sent() -> None:
    bus = MemoryBus()
    bus.refuses = lambda topic: topic == "document-posted"
    event = sale_event()
    document = new_event(posted(event), source="/x", time=NOW)

    with pytest.raises(PublishFailed) as caught:
        await bus.publisher().publish([event, document])

    assert caught.value.message_ids == {str(document.id)}
    assert ids(bus.sent("sale-completed")) == [str(event.id)]


async def test_concurrent_calls_take_turns_on_a_topics_sender() -> None:
    bus = MemoryBus()
    publisher = bus.publisher()
    bus.failures = [ServiceBusServerBusyError(message="slow down")]

    await asyncio.gather(*(publisher.publish([sale_event(n)]) for n in range(1, 21)))

    assert sorted(ids(bus.sent("sale-completed"))) == sorted(
        str(sale_event(n).id) for n in range(1, 21)
    )


async def test_closing_closes_the_client() -> None:
    bus = MemoryBus()

    await bus.publisher().aclose()

    assert bus.closed


@given(
    sizes=st.lists(st.integers(0, 3_000), max_size=30),
    limit=st.integers(500, 4_000),
)
def test_batches_hold_every_message_that_fits_once_and_in_order(
    sizes: list[int], limit: int
) -> None:
    waiting = deque(
        _Outgoing(ServiceBusMessage(b"x" * size, message_id=str(n)), None)
        for n, size in enumerate(sizes)
    )
    sent: list[str] = []
    too_large: list[str] = []

    while waiting:
        batch = ServiceBusMessageBatch(max_size_in_bytes=limit)
        taken, refused = fill(batch, waiting)
        assert taken or refused
        assert batch.size_in_bytes <= limit
        sent += [each.message_id for each in taken]
        too_large += [each.message_id for each, _ in refused]

    assert sorted([*sent, *too_large], key=int) == [str(n) for n in range(len(sizes))]
    assert sent == sorted(sent, key=int)
    assert all(sizes[int(n)] > limit - 100 for n in too_large)
