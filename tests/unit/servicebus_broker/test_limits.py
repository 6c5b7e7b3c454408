"""What is too much is refused where that is asked for, and nowhere else; what is idle goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from infra.local.servicebus.broker import (
    BrokerError,
    EntityNotFound,
    InvalidArgument,
    MessageTooLarge,
    Namespace,
    QuotaExceeded,
)
from infra.local.servicebus.broker.limits import LIMITS, Limits
from infra.local.servicebus.filters import CorrelationFilterConfig
from infra.local.servicebus.settings import (
    NamespaceConfig,
    QueueConfig,
    RuleConfig,
    SubscriptionConfig,
    TopicConfig,
)
from tests.unit.servicebus_broker.helpers import (
    MINUTE,
    SECOND,
    dead_letters,
    message,
    names,
    queue_of,
    reason_of,
    sql_rule,
    subscription_of,
)

CONFIG = NamespaceConfig(
    queues=(QueueConfig("q"), QueueConfig("from", forward_to="q")),
    topics=(TopicConfig("t", subscriptions=(SubscriptionConfig("s"),)),),
)
STANDARD = LIMITS["standard"]
HOUR = 60 * MINUTE


def limited(limits: Limits | None = STANDARD) -> Namespace:
    return Namespace(CONFIG, limits=limits)


Act = Callable[[Namespace], Any]


def add_rule(rule: RuleConfig) -> Act:
    return lambda namespace: subscription_of(namespace, "t/Subscriptions/s").add_rule(rule)


def create(config: QueueConfig | TopicConfig) -> Act:
    if isinstance(config, TopicConfig):
        return lambda namespace: namespace.create_topic(config, 0)
    return lambda namespace: namespace.create_queue(config, 0)


def send(*messages: bytes) -> Act:
    return lambda namespace: namespace.send("q", messages, 0)


LONG = "x" * 129
TOO_MUCH: list[tuple[Act, type[BrokerError]]] = [
    (create(QueueConfig("x" * 261)), InvalidArgument),
    (create(QueueConfig("x", lock_duration=6 * MINUTE)), InvalidArgument),
    (create(QueueConfig("x", lock_duration=4 * SECOND)), InvalidArgument),
    (create(QueueConfig("x", duplicate_detection_window=SECOND)), InvalidArgument),
    (create(QueueConfig("x", auto_delete_on_idle=MINUTE)), InvalidArgument),
    (create(QueueConfig("x", max_size_megabytes=6_000)), InvalidArgument),
    (create(QueueConfig("x", max_message_size_kilobytes=1_024)), InvalidArgument),
    (create(TopicConfig("x", subscriptions=(SubscriptionConfig("y" * 51),))), InvalidArgument),
    (
        lambda namespace: namespace.update_queue(QueueConfig("q", lock_duration=HOUR), 0),
        InvalidArgument,
    ),
    (add_rule(sql_rule("x" * 51, "1 = 1")), InvalidArgument),
    (add_rule(sql_rule("x", "a = '" + "x" * 1_024 + "'")), InvalidArgument),
    (add_rule(sql_rule("x", "1 = 1", "SET a = '" + "x" * 1_024 + "'")), InvalidArgument),
    (add_rule(sql_rule("x", "1 = 1", "SET a = 1;" * 33)), InvalidArgument),
    (send(message(LONG)), InvalidArgument),
    (send(message(group_id=LONG)), InvalidArgument),
    (send(message(properties={"a": "x" * 65_536})), MessageTooLarge),
    (send(message("a", subject="x" * 262_144)), MessageTooLarge),
    (send(*[message("a", subject="x" * 90_000)] * 3), MessageTooLarge),
]


@pytest.mark.parametrize(("act", "error"), TOO_MUCH)
def test_what_is_too_much_is_refused_only_where_that_is_asked_for(
    act: Act, error: type[BrokerError]
) -> None:
    with pytest.raises(error):
        act(limited())
    act(limited(None))


def test_what_is_left_out_of_the_configuration_is_never_too_much() -> None:
    for limits in LIMITS.values():
        limited(limits)


@pytest.mark.parametrize(
    ("limit", "act"),
    [
        ({"entities": 3}, create(QueueConfig("x"))),
        ({"entities": 3}, create(TopicConfig("x"))),
        (
            {"subscriptions": 1},
            lambda namespace: namespace.create_subscription("t", SubscriptionConfig("x"), 0),
        ),
        ({"sql_filters": 0}, add_rule(sql_rule("x", "1 = 1"))),
        ({"correlation_filters": 0}, add_rule(RuleConfig("x", CorrelationFilterConfig({"to": 1})))),
    ],
)
def test_one_more_than_the_most_is_refused(limit: dict[str, Any], act: Act) -> None:
    with pytest.raises(QuotaExceeded):
        act(limited(replace(STANDARD, **limit)))
    act(limited())


def test_a_sessions_state_is_as_large_as_the_tier_allows() -> None:
    config = NamespaceConfig(queues=(QueueConfig("s", requires_session=True),))
    for limits, most in ((STANDARD, 256 * 1024), (LIMITS["premium"], 100 * 1024 * 1024)):
        sessions = queue_of(Namespace(config, limits=limits), "s").sessions
        assert sessions is not None
        sessions.accept("a", 0)
        sessions.set_state("a", bytes(most), 0)
        with pytest.raises(MessageTooLarge):
            sessions.set_state("a", bytes(most + 1), 0)


def test_a_setting_out_of_range_is_told_as_azure_writes_it() -> None:
    config = NamespaceConfig(queues=(QueueConfig("q", lock_duration=10 * MINUTE),))
    sentence = "'q': LockDuration must be at least PT5S and at most PT5M, not PT10M."

    with pytest.raises(InvalidArgument, match=sentence):
        Namespace(config, limits=STANDARD)


def test_filters_are_counted_over_all_subscriptions_of_the_topic() -> None:
    namespace = limited(replace(STANDARD, sql_filters=1))
    namespace.create_subscription("t", SubscriptionConfig("other"), 0)
    subscription_of(namespace, "t/Subscriptions/other").add_rule(sql_rule("x", "1 = 1"))

    with pytest.raises(QuotaExceeded):
        add_rule(sql_rule("y", "1 = 1"))(namespace)
    subscription_of(namespace, "t/Subscriptions/other").update_rule(sql_rule("x", "2 = 2"))


def test_a_full_queue_takes_what_fits_once_there_is_room() -> None:
    payload = message("a")
    namespace = limited(replace(STANDARD, entity_bytes=2 * len(payload)))
    queue = queue_of(namespace, "q")
    namespace.send("q", [payload], 0)
    with pytest.raises(QuotaExceeded):
        namespace.send("q", [payload] * 2, 0)
    namespace.send("q", [payload], 0)
    (first,) = queue.receive(1, 0)
    queue.dead_letter(first.lock_token, 0)
    with pytest.raises(QuotaExceeded):
        namespace.send("q", [payload], 0)

    queue_of(namespace, "q/$DeadLetterQueue").receive(1, 0, settle_on_delivery=True)
    namespace.send("q", [payload], 0)


def test_what_a_full_target_cannot_take_is_dead_lettered_at_its_source() -> None:
    payload = message("a")
    namespace = limited(replace(STANDARD, entity_bytes=len(payload)))
    namespace.send("from", [payload], 0)

    namespace.send("from", [payload], 0)

    (dead,) = dead_letters(queue_of(namespace, "from"))
    assert reason_of(dead)[0] == "TransferFailed"


def test_an_action_that_makes_the_properties_too_large_ends_among_the_dead_letters() -> None:
    namespace = limited()
    add_rule(sql_rule("grow", "1 = 1", "SET a = b + b"))(namespace)

    namespace.send("t", [message("a", properties={"b": "x" * 40_000})], 0)

    (dead,) = dead_letters(queue_of(namespace, "t/Subscriptions/s"))
    assert reason_of(dead)[0] == "HeaderSizeExceeded"


IDLE = 10 * MINUTE


def idling(**settings: Any) -> Namespace:
    namespace = limited(None)
    namespace.create_queue(QueueConfig("idle", auto_delete_on_idle=IDLE, **settings), 0)
    return namespace


def gone(namespace: Namespace, at: int) -> bool:
    namespace.advance(at)
    return "idle" not in {queue.address for queue in namespace.queues()}


def test_an_idle_queue_goes_with_its_messages_on_time() -> None:
    namespace = idling()
    namespace.send("idle", [message("a")], MINUTE)

    assert not gone(namespace, MINUTE + IDLE - 1)
    assert namespace.next_deadline() == MINUTE + IDLE
    assert gone(namespace, MINUTE + IDLE)
    assert namespace.next_deadline() is None


@pytest.mark.parametrize(
    "use",
    [
        lambda namespace: namespace.send("idle", [message("b")], IDLE - 1),
        lambda namespace: queue_of(namespace, "idle").receive(1, IDLE - 1),
        lambda namespace: queue_of(namespace, "idle").peek(0, 1, IDLE - 1),
        lambda namespace: queue_of(namespace, "idle/$DeadLetterQueue").receive(1, IDLE - 1),
        lambda namespace: namespace.update_queue(
            QueueConfig("idle", auto_delete_on_idle=IDLE, user_metadata="x"), IDLE - 1
        ),
    ],
)
def test_every_use_begins_the_time_anew(use: Act) -> None:
    namespace = idling()
    use(namespace)

    assert not gone(namespace, 2 * IDLE - 2)
    assert gone(namespace, 2 * IDLE - 1)


def test_a_queue_with_a_link_a_scheduled_message_or_a_target_is_in_use() -> None:
    linked, scheduled = idling(), idling()
    queue_of(linked, "idle").receivers.add(lambda _: None)
    scheduled.schedule("idle", [message("later", at=5 * IDLE)], 0)
    forwarding = idling(forward_to="q")

    for namespace in (linked, scheduled, forwarding):
        assert not gone(namespace, 4 * IDLE)
    queue_of(linked, "idle").receivers.clear()
    assert gone(linked, 5 * IDLE)


def test_a_subscription_is_not_used_by_what_is_sent_to_its_topic() -> None:
    namespace = limited(None)
    namespace.create_subscription("t", SubscriptionConfig("idle", auto_delete_on_idle=IDLE), 0)
    namespace.send("t", [message("a")], IDLE - 1)

    namespace.advance(IDLE)

    with pytest.raises(EntityNotFound):
        namespace.entity("t/Subscriptions/idle")
    namespace.send("t", [message("b")], IDLE)
    assert names(queue_of(namespace, "t/Subscriptions/s").peek(0, 9, 0)) == ["a", "b"]
