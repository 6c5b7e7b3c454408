"""Time to live, scheduled messages, duplicate windows."""

from __future__ import annotations

import pytest

from infra.local.servicebus.broker import InvalidArgument, MessageNotFound, MessageState, Namespace
from infra.local.servicebus.settings import NamespaceConfig, SubscriptionConfig, TopicConfig
from tests.unit.servicebus_broker.helpers import (
    MINUTE,
    SECOND,
    dead_letters,
    message,
    names,
    one_queue,
    one_topic,
    queue_of,
    reason_of,
)


def test_an_expired_message_is_discarded_where_nothing_else_is_configured() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a", ttl=MINUTE)], 0)

    namespace.advance(MINUTE)

    assert queue.peek(0, 10, 0) == []
    assert dead_letters(queue) == []
    assert queue.active_count == 0


def test_an_expired_message_is_dead_lettered_where_configured() -> None:
    namespace, queue = one_queue(dead_lettering_on_message_expiration=True)
    namespace.send("q", [message("a", ttl=MINUTE), message("b")], 0)

    namespace.advance(MINUTE)

    (dead,) = dead_letters(queue)
    assert names([dead]) == ["a"]
    assert reason_of(dead)[0] == "TTLExpiredException"
    assert names(queue.receive(10, MINUTE)) == ["b"]


@pytest.mark.parametrize(("own", "of_queue"), [(MINUTE, 2 * MINUTE), (2 * MINUTE, MINUTE)])
def test_the_shorter_life_counts(own: int, of_queue: int) -> None:
    namespace, queue = one_queue(default_time_to_live=of_queue)
    namespace.send("q", [message("a", ttl=own)], 0)

    assert queue.peek(0, 1, 0)[0].time_to_live == MINUTE
    assert namespace.next_deadline() == MINUTE


def test_an_expired_message_is_never_handed_out_even_before_time_was_told() -> None:
    namespace, queue = one_queue(dead_lettering_on_message_expiration=True)
    namespace.send("q", [message("a", ttl=MINUTE), message("b")], 0)

    assert names(queue.receive(1, MINUTE)) == ["b"]
    assert names(dead_letters(queue)) == ["a"]


def test_a_locked_message_lives_until_it_is_unlocked() -> None:
    namespace, queue = one_queue(lock_duration=2 * MINUTE)
    namespace.send("q", [message("a", ttl=MINUTE), message("b", ttl=MINUTE)], 0)
    completed, released = queue.receive(2, 0)
    namespace.advance(MINUTE)

    queue.complete(completed.lock_token, MINUTE)
    queue.release(released.lock_token, MINUTE)

    assert queue.peek(0, 10, MINUTE) == []


def test_deferred_messages_and_dead_letters_do_not_expire() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a", ttl=MINUTE), message("b", ttl=MINUTE)], 0)
    deferred, dead = queue.receive(2, 0)
    queue.defer(deferred.lock_token, 0)
    queue.dead_letter(dead.lock_token, 0, "why")

    namespace.advance(10 * MINUTE)

    assert names(queue.peek(0, 10, 0)) == ["a"]
    assert names(dead_letters(queue)) == ["b"]


def test_a_life_too_long_for_the_header_is_read_from_creation_and_expiry_time() -> None:
    namespace, queue = one_queue()
    sixty_days = 60 * 24 * 60 * MINUTE

    namespace.send(
        "q",
        [message("a", ttl=0xFFFFFFFF, creation_time=1, absolute_expiry_time=1 + sixty_days)],
        0,
    )

    assert queue.peek(0, 1, 0)[0].time_to_live == sixty_days


def test_a_scheduled_message_waits_and_then_enters_as_new() -> None:
    namespace, queue = one_queue()
    (number,) = namespace.schedule("q", [message("later", at=MINUTE, ttl=MINUTE)], 0)
    namespace.send("q", [message("now")], SECOND)
    (held,) = queue.peek(number, 1, 0)
    assert held.state is MessageState.SCHEDULED
    assert names(queue.receive(10, SECOND)) == ["now"]

    namespace.advance(MINUTE)

    (delivery,) = queue.receive(10, MINUTE)
    assert names([delivery]) == ["later"]
    assert delivery.message.sequence_number > number
    assert delivery.message.enqueued_time == MINUTE
    assert delivery.message.expires_at == 2 * MINUTE
    assert delivery.message.scheduled_enqueue_time == MINUTE


def test_scheduled_messages_can_be_cancelled_all_or_none() -> None:
    namespace, queue = one_queue()
    first, second = namespace.schedule("q", [message("a", at=MINUTE), message("b", at=MINUTE)], 0)

    with pytest.raises(MessageNotFound, match="99"):
        namespace.cancel_scheduled("q", [first, 99], 0)
    namespace.cancel_scheduled("q", [first], 0)
    namespace.advance(MINUTE)

    assert names(queue.receive(10, MINUTE)) == ["b"]
    with pytest.raises(MessageNotFound):
        namespace.cancel_scheduled("q", [second], MINUTE)


def test_a_schedule_in_the_past_is_now() -> None:
    namespace, queue = one_queue()

    (number,) = namespace.schedule("q", [message("a", at=SECOND)], MINUTE)

    (delivery,) = queue.receive(1, MINUTE)
    assert delivery.message.sequence_number == number


def test_a_topic_fans_a_scheduled_message_out_when_its_time_comes() -> None:
    namespace = one_topic(SubscriptionConfig("one"), SubscriptionConfig("two"))
    one, two = (queue_of(namespace, f"t/Subscriptions/{name}") for name in ("one", "two"))
    _, cancelled = namespace.schedule("t", [message("a", at=MINUTE), message("b", at=MINUTE)], 0)
    namespace.cancel_scheduled("t", [cancelled], 0)
    assert one.peek(0, 10, 0) == []
    assert names(namespace.entity("t").peek(0, 10, 0)) == ["a"]

    namespace.advance(MINUTE)

    assert names(one.receive(10, MINUTE)) == names(two.receive(10, MINUTE)) == ["a"]
    assert namespace.entity("t").peek(0, 10, MINUTE) == []


def test_a_duplicate_within_the_window_is_accepted_and_dropped() -> None:
    namespace, queue = one_queue(
        requires_duplicate_detection=True, duplicate_detection_window=MINUTE
    )
    namespace.send("q", [message("a"), message("a"), message(None), message(None)], 0)
    namespace.send("q", [message("a")], MINUTE - 1)

    first, *unnamed = names(queue.receive(10, 0))
    assert first == "a"
    assert len(set(unnamed)) == 2
    namespace.send("q", [message("a")], MINUTE)
    assert names(queue.receive(10, MINUTE)) == ["a"]


def test_a_scheduled_message_is_a_duplicate_from_the_moment_it_is_scheduled() -> None:
    namespace, queue = one_queue(requires_duplicate_detection=True)
    namespace.schedule("q", [message("a", at=MINUTE)], 0)

    namespace.send("q", [message("a")], 0)
    namespace.advance(MINUTE)

    assert names(queue.receive(10, MINUTE)) == ["a"]


def test_a_topic_drops_duplicates_before_it_fans_out() -> None:
    namespace = Namespace(
        NamespaceConfig(
            topics=(
                TopicConfig(
                    "t",
                    requires_duplicate_detection=True,
                    subscriptions=(SubscriptionConfig("one"), SubscriptionConfig("two")),
                ),
            )
        )
    )

    namespace.send("t", [message("a")], 0)
    namespace.send("t", [message("a")], 0)

    for name in ("one", "two"):
        assert names(queue_of(namespace, f"t/subscriptions/{name}").receive(9, 0)) == ["a"]


def test_forgotten_ids_take_no_memory() -> None:
    namespace, queue = one_queue(
        requires_duplicate_detection=True, duplicate_detection_window=MINUTE
    )
    for number in range(200):
        namespace.send("q", [message(f"m{number}")], number * SECOND)
        queue.receive(1, number * SECOND, settle_on_delivery=True)
        namespace.advance(number * SECOND)

    assert queue.duplicates is not None
    assert len(queue.duplicates) < 80
    namespace.advance(10 * MINUTE)
    assert len(queue.duplicates) == 0
    assert namespace.next_deadline() is None


def test_an_annotation_of_the_wrong_type_is_refused_not_stored() -> None:
    namespace, queue = one_queue()

    with pytest.raises(InvalidArgument, match="x-opt-scheduled-enqueue-time"):
        namespace.send("q", [message("a", at=2**62)], 0)

    assert queue.peek(0, 10, 0) == []
