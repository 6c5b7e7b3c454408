"""Messages and dead letters that go on to another queue or topic by themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.local.servicebus.broker import BrokerMessage, InvalidArgument, Namespace, NotAllowed
from infra.local.servicebus.settings import (
    EntityStatus,
    NamespaceConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)
from infra.local.servicebus.storage import SqliteStorage
from tests.unit.servicebus_broker.helpers import (
    MINUTE,
    dead_letters,
    message,
    names,
    queue_of,
    reason_of,
    sql_rule,
)


def bus(*entities: QueueConfig | TopicConfig) -> Namespace:
    return Namespace(
        NamespaceConfig(
            queues=tuple(each for each in entities if isinstance(each, QueueConfig)),
            topics=tuple(each for each in entities if isinstance(each, TopicConfig)),
        )
    )


def chain(length: int) -> Namespace:
    """Queues '0' to 'length', each forwarding to the next."""
    queues = [QueueConfig(str(n), forward_to=str(n + 1)) for n in range(length)]
    return bus(*queues, QueueConfig(str(length)))


def held(namespace: Namespace, address: str) -> list[BrokerMessage]:
    return queue_of(namespace, address).peek(0, 100, 0)


def test_a_message_is_forwarded_under_a_new_number_and_keeps_its_first() -> None:
    namespace = bus(QueueConfig("from", forward_to="TO"), QueueConfig("to"))
    namespace.send("to", [message("direct")], 0)
    namespace.send("from", [message("a"), message("b")], 7)

    assert held(namespace, "from") == []
    found = held(namespace, "to")
    assert names(found) == ["direct", "a", "b"]
    assert [each.sequence_number for each in found] == [1, 2, 3]
    assert [each.enqueued_sequence_number for each in found] == [1, 1, 2]
    assert [each.enqueued_time for each in found] == [0, 7, 7]


def test_four_hops_are_made_and_a_fifth_ends_among_the_dead_letters() -> None:
    four, five = chain(4), chain(5)
    for namespace in (four, five):
        namespace.send("0", [message("a")], 0)

    assert names(held(four, "4")) == ["a"]
    assert held(five, "5") == []
    (dead,) = dead_letters(queue_of(five, "4"))
    assert reason_of(dead)[0] == "MaxTransferHopCountExceeded"
    assert dead.enqueued_sequence_number == 1


def test_a_circle_through_a_topic_ends_at_the_most_hops() -> None:
    namespace = bus(
        TopicConfig("t", subscriptions=(SubscriptionConfig("s", forward_to="q"),)),
        QueueConfig("q", forward_to="t"),
    )

    namespace.send("t", [message("a")], 0)

    reasons = [
        reason_of(each)[0]
        for address in ("q", "t/subscriptions/s")
        for each in dead_letters(queue_of(namespace, address))
    ]
    assert reasons == ["MaxTransferHopCountExceeded"]


@pytest.mark.parametrize(
    "forwards", [{"a": "b", "b": "a"}, {"a": "a"}, {"a": "b", "b": "c", "c": "a"}]
)
def test_a_circle_of_queues_is_refused(forwards: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match=r"forwards? (back )?to"):
        bus(*(QueueConfig(name, forward_to=target) for name, target in forwards.items()))


def test_an_update_cannot_close_a_circle() -> None:
    namespace = bus(QueueConfig("a", forward_to="b"), QueueConfig("b"))

    with pytest.raises(InvalidArgument, match="forwards back"):
        namespace.update_queue(QueueConfig("b", forward_to="a"), 0)


def test_a_forwarded_message_meets_the_rules_and_duplicates_of_its_target() -> None:
    rules = (sql_rule("warm", "heat > 1 AND sys.Label = 'new'", "SET heat = 9"),)
    namespace = bus(
        TopicConfig(
            "first",
            subscriptions=(
                SubscriptionConfig(
                    "on",
                    forward_to="second",
                    rules=(sql_rule("r", "1 = 1", "SET heat = 2; SET sys.Label = 'new'"),),
                ),
            ),
        ),
        TopicConfig(
            "second",
            requires_duplicate_detection=True,
            subscriptions=(
                SubscriptionConfig("warm", rules=rules),
                SubscriptionConfig("cold", rules=(sql_rule("cold", "heat IS NULL"),)),
                SubscriptionConfig("all"),
            ),
        ),
    )
    namespace.send("first", [message("a", subject="old"), message("a")], 0)

    (warm,) = held(namespace, "second/subscriptions/warm")
    assert held(namespace, "second/subscriptions/cold") == []
    (plain,) = held(namespace, "second/subscriptions/all")
    assert (warm.application_properties or {})["heat"] == 9
    assert (plain.application_properties or {})["heat"] == 2
    assert warm.property_changes == plain.property_changes == {"subject": "new"}
    assert {warm.enqueued_sequence_number, plain.enqueued_sequence_number} == {1}


@pytest.mark.parametrize(
    ("target", "message_fields", "reason"),
    [
        (QueueConfig("to", requires_session=True), {}, "Session ID is null."),
        (QueueConfig("to", status=EntityStatus.SEND_DISABLED), {}, "TransferFailed"),
        (TopicConfig("to", status=EntityStatus.DISABLED), {}, "TransferFailed"),
    ],
)
def test_what_the_target_does_not_take_is_dead_lettered_at_the_source(
    target: QueueConfig | TopicConfig, message_fields: dict[str, Any], reason: str
) -> None:
    namespace = bus(QueueConfig("from", forward_to="to"), target)

    namespace.send("from", [message("a", **message_fields)], 0)

    (dead,) = dead_letters(queue_of(namespace, "from"))
    assert reason_of(dead)[0] == reason
    assert names(queue_of(namespace, "from/$DeadLetterQueue").receive(9, 0)) == ["a"]


def test_a_missing_target_costs_no_message() -> None:
    namespace = bus(QueueConfig("from", forward_to="to"), QueueConfig("to"))
    namespace.delete("to", 0)

    namespace.send("from", [message("a")], 0)

    (dead,) = dead_letters(queue_of(namespace, "from"))
    assert "'to'" in reason_of(dead)[1]


def test_dead_letters_go_on_with_their_reason_and_where_they_died() -> None:
    namespace = bus(QueueConfig("q", forward_dead_lettered_messages_to="dead"), QueueConfig("dead"))
    namespace.send("q", [message("a", properties={"n": 1})], 0)
    (delivery,) = queue_of(namespace, "q").receive(1, 5)
    queue_of(namespace, "q").dead_letter(delivery.lock_token, 6, "why", "because")

    (dead,) = held(namespace, "dead")
    assert reason_of(dead) == ("why", "because")
    assert (dead.application_properties or {})["n"] == 1
    assert (dead.dead_letter_source, dead.enqueued_time, dead.delivery_count) == ("q", 6, 0)
    assert queue_of(namespace, "q").counts().dead_letter == 0


def test_expired_messages_live_again_where_dead_letters_go() -> None:
    namespace = bus(
        QueueConfig(
            "delay",
            default_time_to_live=MINUTE,
            dead_lettering_on_message_expiration=True,
            forward_dead_lettered_messages_to="work",
        ),
        QueueConfig("work"),
    )
    namespace.send("delay", [message("a", ttl=MINUTE)], 0)
    namespace.advance(MINUTE)

    (delivery,) = queue_of(namespace, "work").receive(9, 10 * MINUTE)
    assert delivery.message.enqueued_time == MINUTE
    assert reason_of(delivery.message)[0] == "TTLExpiredException"


def test_dead_letters_wait_for_a_target_that_takes_them_again() -> None:
    namespace = bus(
        QueueConfig("q", max_delivery_count=1, forward_dead_lettered_messages_to="dead"),
        QueueConfig("dead", status=EntityStatus.DISABLED),
    )
    namespace.send("q", [message("a")], 0)
    (delivery,) = queue_of(namespace, "q").receive(1, 0)
    queue_of(namespace, "q").abandon(delivery.lock_token, 0)
    assert queue_of(namespace, "q").counts().dead_letter == 1

    namespace.update_queue(QueueConfig("dead"), 1)

    assert names(held(namespace, "dead")) == ["a"]
    assert queue_of(namespace, "q").counts().dead_letter == 0


def test_dead_letters_wait_for_a_target_that_is_made_anew() -> None:
    namespace = bus(
        QueueConfig("q", max_delivery_count=1, forward_dead_lettered_messages_to="dead"),
        QueueConfig("dead"),
    )
    namespace.delete("dead", 0)
    namespace.send("q", [message("a")], 0)
    (delivery,) = queue_of(namespace, "q").receive(1, 0)
    queue_of(namespace, "q").abandon(delivery.lock_token, 0)

    namespace.create_queue(QueueConfig("other"), 1)
    assert queue_of(namespace, "q").counts().dead_letter == 1
    namespace.create_queue(QueueConfig("dead"), 2)

    assert names(held(namespace, "dead")) == ["a"]
    assert queue_of(namespace, "q").counts().dead_letter == 0


def test_what_waited_in_storage_is_forwarded_when_its_queue_is_made_again() -> None:
    before = bus(QueueConfig("q"))
    before.send("q", [message("a")], 0)
    namespace = bus(QueueConfig("to"))
    namespace.restore(before.take_changes())

    namespace.create_queue(QueueConfig("q", forward_to="to"), 0)

    assert names(held(namespace, "to")) == ["a"]
    assert held(namespace, "q") == []


def test_what_waited_before_is_forwarded_when_forwarding_begins() -> None:
    namespace = bus(QueueConfig("q"), QueueConfig("to"))
    queue = queue_of(namespace, "q")
    namespace.send("q", [message("locked"), message("waiting"), message("deferred")], 0)
    namespace.schedule("q", [message("later", at=MINUTE)], 0)
    locked, waiting, deferred = queue.receive(3, 0)
    queue.defer(deferred.lock_token, 0)
    queue.release(waiting.lock_token, 0)

    namespace.update_queue(QueueConfig("q", forward_to="to"), 0)
    assert names(held(namespace, "to")) == ["waiting"]
    queue.abandon(locked.lock_token, 0)
    namespace.advance(MINUTE)

    assert names(held(namespace, "to")) == ["waiting", "locked", "later"]
    assert names(held(namespace, "q")) == ["deferred"]


def test_nothing_can_be_received_from_what_forwards() -> None:
    namespace = bus(
        QueueConfig("q", forward_dead_lettered_messages_to="to"),
        QueueConfig("p", forward_to="to"),
        QueueConfig("to"),
    )

    for address in ("p", "q/$DeadLetterQueue"):
        with pytest.raises(NotAllowed, match="forwards to 'to'"):
            queue_of(namespace, address).check_receive()
    queue_of(namespace, "q").check_receive()


async def test_a_restart_finds_forwarded_messages_once_and_forwards_what_it_finds(
    tmp_path: Path,
) -> None:
    path = tmp_path / "messages.db"
    storage = SqliteStorage(path)
    configs = (QueueConfig("q"), TopicConfig("t", subscriptions=(SubscriptionConfig("s"),)))
    namespace = bus(*configs)
    namespace.restore(storage.load())
    namespace.create_queue(QueueConfig("p", forward_to="t"), 0)
    namespace.send("p", [message("sent")], 0)
    namespace.send("q", [message("waited")], 0)
    await storage.commit(namespace.take_changes())
    await storage.aclose()

    storage = SqliteStorage(path)
    namespace = bus(replace(configs[0], forward_to="t"), configs[1])
    namespace.restore(storage.load())
    namespace.advance(5)
    await storage.commit(namespace.take_changes())
    await storage.aclose()

    storage = SqliteStorage(path)
    namespace = bus(*configs)
    namespace.restore(storage.load())
    assert names(held(namespace, "t/subscriptions/s")) == ["sent", "waited"]
    assert held(namespace, "q") == held(namespace, "p") == []
    await storage.aclose()


def test_copies_that_are_forwarded_and_dropped_leave_the_others_their_bytes() -> None:
    namespace = bus(
        QueueConfig("to", requires_duplicate_detection=True),
        TopicConfig(
            "t",
            subscriptions=(SubscriptionConfig("gone", forward_to="to"), SubscriptionConfig("kept")),
        ),
    )
    namespace.send("to", [message("a")], 0)
    namespace.take_changes()

    namespace.send("t", [message("a")], 0)

    journal = [type(change).__name__ for change in namespace.take_changes()]
    assert journal.count("PayloadPut") == 1
    assert "PayloadRemoved" not in journal
    assert names(held(namespace, "t/subscriptions/kept")) == ["a"]
