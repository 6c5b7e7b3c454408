"""Peek-lock and receive-and-delete on a queue."""

from __future__ import annotations

from uuid import uuid4

import pytest

from infra.local.servicebus.broker import (
    EntityNotFound,
    InvalidArgument,
    MessageLockLost,
    MessageNotFound,
    MessageState,
    NotAllowed,
)
from tests.unit.servicebus_broker.helpers import (
    MINUTE,
    SECOND,
    dead_letters,
    message,
    name_of,
    names,
    one_queue,
    reason_of,
)


def test_messages_come_in_the_order_they_were_sent() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a"), message("b")], 0)
    namespace.send("Q", [message("c")], 0)

    deliveries = queue.receive(10, 0)

    assert names(deliveries) == ["a", "b", "c"]
    assert [delivery.message.sequence_number for delivery in deliveries] == [1, 2, 3]


def test_the_senders_bytes_are_kept_as_they_were() -> None:
    namespace, queue = one_queue()
    sent = message("a", properties={"price": 1})

    namespace.send("q", [sent], 0)

    assert queue.receive(1, 0)[0].message.payload == sent


def test_a_locked_message_is_not_handed_out_twice() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a")], 0)

    queue.receive(1, 0)

    assert queue.receive(1, 0) == []
    assert (queue.counts().active, queue.counts().locked, queue.active_count) == (1, 1, 0)


def test_a_completed_message_is_gone() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a")], 0)
    (delivery,) = queue.receive(1, 0)

    queue.complete(delivery.lock_token, 0)

    assert queue.peek(0, 10, 0) == []
    with pytest.raises(MessageLockLost):
        queue.complete(delivery.lock_token, 0)


def test_settle_on_delivery_leaves_nothing_behind() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a")], 0)

    deliveries = queue.receive(1, 0, settle_on_delivery=True)

    assert names(deliveries) == ["a"]
    assert queue.peek(0, 10, 0) == []
    assert namespace.next_deadline() is None


def test_an_abandoned_message_returns_to_its_place_with_one_more_failure() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a"), message("b")], 0)
    first, _ = queue.receive(2, 0)

    queue.abandon(first.lock_token, 0, {"tried": "yes"})
    (again,) = queue.receive(1, 0)

    assert name_of(again) == "a"
    assert again.message.delivery_count == 1
    assert again.message.application_properties == {"tried": "yes"}


def test_changed_properties_keep_the_senders_others() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a", properties={"colour": "red", "size": 3})], 0)
    (delivery,) = queue.receive(1, 0)

    queue.abandon(delivery.lock_token, 0, {"size": 4})

    assert queue.peek(0, 1, 0)[0].application_properties == {"colour": "red", "size": 4}


def test_released_messages_return_to_their_places_without_a_failure() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message(name) for name in "abcd"], 0)
    held = queue.receive(3, 0)

    for delivery in reversed(held):
        queue.release(delivery.lock_token, 0)
    again = queue.receive(4, 0)

    assert names(again) == ["a", "b", "c", "d"]
    assert {delivery.message.delivery_count for delivery in again} == {0}


def test_too_many_failures_end_in_the_dead_letter_queue() -> None:
    namespace, queue = one_queue(max_delivery_count=2)
    namespace.send("q", [message("a")], 0)

    for _ in range(2):
        (delivery,) = queue.receive(1, 0)
        queue.abandon(delivery.lock_token, 0)

    assert queue.receive(1, 0) == []
    (dead,) = dead_letters(queue)
    assert reason_of(dead) == (
        "MaxDeliveryCountExceeded",
        "Message could not be consumed after 2 delivery attempts.",
    )
    assert dead.delivery_count == 2


def test_a_dead_lettered_message_says_why_and_waits_in_a_queue_of_its_own() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a", properties={"colour": "red"})], 0)
    (delivery,) = queue.receive(1, 0)

    queue.dead_letter(delivery.lock_token, 0, "invalid-data", "no total", {"line": 7})

    assert queue.counts().dead_letter == 1
    dead_queue = namespace.entity("q/$deadletterqueue")
    assert dead_queue is queue.dead_letter_queue
    (dead,) = dead_letters(queue)
    assert dead.application_properties == {
        "colour": "red",
        "line": 7,
        "DeadLetterReason": "invalid-data",
        "DeadLetterErrorDescription": "no total",
    }
    assert queue.dead_letter_queue is not None
    (held,) = queue.dead_letter_queue.receive(1, 0)
    for _ in range(20):
        queue.dead_letter_queue.abandon(held.lock_token, 0)
        (held,) = queue.dead_letter_queue.receive(1, 0)
    with pytest.raises(NotAllowed):
        queue.dead_letter_queue.dead_letter(held.lock_token, 0)
    queue.dead_letter_queue.complete(held.lock_token, 0)
    assert dead_letters(queue) == []


def test_a_deferred_message_is_only_had_by_its_number() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a"), message("b")], 0)
    first, second = queue.receive(2, 0)
    queue.defer(first.lock_token, 0, {"why": "early"})
    queue.release(second.lock_token, 0)

    assert names(queue.receive(10, 0)) == ["b"]
    with pytest.raises(MessageNotFound, match="2"):
        queue.receive_deferred([1, 2], 0)
    (deferred,) = queue.receive_deferred([1], 0)
    assert deferred.message.state is MessageState.DEFERRED
    assert deferred.message.application_properties == {"why": "early"}
    with pytest.raises(MessageNotFound):
        queue.receive_deferred([1], 0)
    queue.abandon(deferred.lock_token, 0)
    assert queue.counts().deferred == 1
    assert queue.receive(10, 0) == []
    (again,) = queue.receive_deferred([1], 0, lock=False)
    assert again.message.delivery_count == 1
    assert queue.counts().deferred == 0


def test_an_unknown_lock_token_settles_nothing() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a")], 0)
    queue.receive(1, 0)

    for settle in (queue.complete, queue.abandon, queue.defer, queue.dead_letter, queue.release):
        with pytest.raises(MessageLockLost):
            settle(uuid4(), 0)
    with pytest.raises(MessageLockLost):
        queue.renew(uuid4(), 0)
    assert queue.counts().locked == 1


def test_an_expired_lock_gives_the_message_back_and_counts_a_failure() -> None:
    namespace, queue = one_queue(lock_duration=MINUTE)
    namespace.send("q", [message("a")], 0)
    (delivery,) = queue.receive(1, 0)
    assert namespace.next_deadline() == MINUTE

    namespace.advance(MINUTE)

    (again,) = queue.receive(1, MINUTE)
    assert again.message.delivery_count == 1
    assert again.lock_token != delivery.lock_token
    with pytest.raises(MessageLockLost):
        queue.complete(delivery.lock_token, MINUTE)


def test_an_expired_lock_settles_nothing_even_before_time_was_told() -> None:
    namespace, queue = one_queue(lock_duration=MINUTE)
    namespace.send("q", [message("a")], 0)
    (delivery,) = queue.receive(1, 0)

    with pytest.raises(MessageLockLost):
        queue.complete(delivery.lock_token, MINUTE)


def test_a_renewed_lock_lasts_from_the_renewal() -> None:
    namespace, queue = one_queue(lock_duration=MINUTE)
    namespace.send("q", [message("a")], 0)
    (delivery,) = queue.receive(1, 0)

    assert queue.renew(delivery.lock_token, 50 * SECOND) == 110 * SECOND
    namespace.advance(MINUTE)

    assert delivery.message.locked_until == 110 * SECOND
    queue.complete(delivery.lock_token, 109 * SECOND)
    assert namespace.next_deadline() is None


def test_peek_shows_every_state_in_order_and_changes_nothing() -> None:
    namespace, queue = one_queue()
    namespace.send("q", [message("a"), message("b"), message("c"), message("d", at=MINUTE)], 0)
    first, _ = queue.receive(2, 0)
    queue.defer(first.lock_token, 0)

    assert names(queue.peek(0, 10, 0)) == ["a", "b", "c", "d"]
    assert names(queue.peek(2, 2, 0)) == ["b", "c"]
    assert queue.peek(5, 10, 0) == []
    assert names(queue.receive(10, 0)) == ["c"]


def test_listeners_hear_once_per_operation_and_may_receive_at_once() -> None:
    namespace, queue = one_queue()
    heard: list[list[str]] = []
    queue.listeners.add(lambda now: heard.append(names(queue.receive(10, now))))

    namespace.send("q", [message("a"), message("b")], 0)

    assert heard == [["a", "b"]]
    namespace.advance(MINUTE)
    assert heard == [["a", "b"], ["a", "b"]]


def test_a_batch_with_one_unreadable_message_stores_nothing() -> None:
    namespace, queue = one_queue()

    with pytest.raises(InvalidArgument):
        namespace.send("q", [message("a"), b"\x00\x53"], 0)

    assert queue.peek(0, 10, 0) == []
    assert namespace.take_changes() == []


@pytest.mark.parametrize("address", ["nowhere", "q/Subscriptions/s", ""])
def test_an_unknown_address_is_refused_by_the_words_the_node_sdk_looks_for(address: str) -> None:
    namespace, _ = one_queue()

    with pytest.raises(EntityNotFound, match=r"The messaging entity '.*' could not be found"):
        namespace.send(address, [message("a")], 0)


def test_a_dead_letter_queue_takes_no_messages_from_senders() -> None:
    namespace, _ = one_queue()

    with pytest.raises(NotAllowed):
        namespace.send("q/$DeadLetterQueue", [message("a")], 0)


def test_a_session_queue_wants_session_ids_and_session_receivers() -> None:
    namespace, queue = one_queue(requires_session=True)

    with pytest.raises(NotAllowed):
        namespace.send("q", [message("a")], 0)
    namespace.send("q", [message("b", group_id="till-1")], 0)

    assert queue.peek(0, 10, 0)[0].session_id == "till-1"
    assert queue.active_count == 1
    with pytest.raises(NotAllowed):
        queue.receive(1, 0)
