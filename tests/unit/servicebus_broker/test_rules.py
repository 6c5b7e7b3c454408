"""Topics, subscriptions and their rules."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.servicebus.amqp.values import Timestamp
from infra.local.servicebus.broker import (
    EntityAlreadyExists,
    EntityNotFound,
    InvalidArgument,
    Namespace,
    NotAllowed,
)
from infra.local.servicebus.filters import (
    CorrelationFilterConfig,
    FalseFilterConfig,
    SqlFilterConfig,
)
from infra.local.servicebus.settings import RuleConfig, SubscriptionConfig
from tests.unit.servicebus_broker.helpers import (
    MINUTE,
    dead_letters,
    message,
    name_of,
    names,
    one_topic,
    queue_of,
    reason_of,
    sql_rule,
    subscription_of,
)


def subscribed(*rules: RuleConfig, **settings: Any) -> Namespace:
    return one_topic(SubscriptionConfig("s", rules=rules, **settings))


def test_every_subscription_gets_its_own_copy_and_number() -> None:
    namespace = one_topic(SubscriptionConfig("all"), SubscriptionConfig("none", rules=(
        RuleConfig("no", FalseFilterConfig()),
    )), SubscriptionConfig("too"))  # fmt: skip
    namespace.send("t", [message("a"), message("b")], 0)
    everything, too = (
        queue_of(namespace, "T/subscriptions/ALL"),
        queue_of(namespace, "t/Subscriptions/too"),
    )

    (first, _) = everything.receive(2, 0)
    everything.complete(first.lock_token, 0)

    assert names(too.receive(2, 0)) == ["a", "b"]
    assert first.message.enqueued_sequence_number == 1
    assert queue_of(namespace, "t/Subscriptions/none").peek(0, 10, 0) == []


def test_a_retry_copy_reaches_only_the_subscription_it_is_for() -> None:
    namespace = one_topic(*(
        SubscriptionConfig(
            name, rules=(sql_rule("own", f"[retry-for] IS NULL OR [retry-for] = '{name}'"),)
        )
        for name in ("sales", "completeness")
    ))  # fmt: skip

    namespace.send("t", [message("new"), message("retry", properties={"retry-for": "sales"})], 0)

    assert names(queue_of(namespace, "t/subscriptions/sales").receive(9, 0)) == ["new", "retry"]
    assert names(queue_of(namespace, "t/subscriptions/completeness").receive(9, 0)) == ["new"]


def test_matching_rules_without_action_give_one_copy_and_each_with_action_its_own() -> None:
    namespace = subscribed(
        sql_rule("plain-one", "1 = 1"),
        sql_rule("plain-two", "colour = 'red'"),
        sql_rule("marks", "colour = 'red'", "SET colour = 'blue'; SET sys.Label = 'marked'"),
        sql_rule("other", "colour = 'green'", "REMOVE colour"),
    )
    namespace.send("t", [message("a", properties={"colour": "red"})], 0)

    plain, marked = queue_of(namespace, "t/subscriptions/s").peek(0, 10, 0)

    assert (plain.application_properties, plain.property_changes) == (None, None)
    assert marked.application_properties == {"colour": "blue", "RuleName": "marks"}
    assert marked.property_changes == {"subject": "marked"}
    assert plain.stored is marked.stored


def test_correlation_filters_compare_system_and_user_properties_by_type_and_case() -> None:
    namespace = subscribed(
        RuleConfig("c", CorrelationFilterConfig({"subject": "sale"}, {"Store": 7, "open": True}))
    )
    right = {"store": 7, "open": True}

    namespace.send(
        "t",
        [
            message("right", subject="sale", properties=right),
            message("case", subject="Sale", properties=right),
            message("text", subject="sale", properties={**right, "store": "7"}),
            message("number", subject="sale", properties={**right, "open": 1}),
            message("missing", subject="sale", properties={"store": 7}),
            message("bare"),
        ],
        0,
    )

    assert names(queue_of(namespace, "t/subscriptions/s").receive(9, 0)) == ["right"]


def test_a_filter_that_cannot_be_evaluated_dead_letters_the_message_and_says_why() -> None:
    namespace = subscribed(sql_rule("broken", "1 / size = 1"))
    namespace.send("t", [message("a", properties={"size": 0})], 0)
    subscription = queue_of(namespace, "t/subscriptions/s")

    assert subscription.receive(1, 0) == []
    (dead,) = dead_letters(subscription)
    reason, description = reason_of(dead)
    assert reason == "FilterEvaluationException"
    assert "1 / 0" in description
    assert (dead.application_properties or {})["size"] == 0


def test_a_failing_filter_drops_the_message_where_dead_lettering_is_off() -> None:
    namespace = subscribed(
        sql_rule("broken", "sys.Nothing = 1"), dead_lettering_on_filter_evaluation_exceptions=False
    )

    namespace.send("t", [message("a")], 0)

    subscription = queue_of(namespace, "t/subscriptions/s")
    assert subscription.peek(0, 9, 0) == dead_letters(subscription) == []


def test_a_session_subscription_dead_letters_what_has_no_session_id() -> None:
    namespace = subscribed(requires_session=True)
    namespace.send("t", [message("a"), message("b", group_id="till-1")], 0)
    subscription = queue_of(namespace, "t/subscriptions/s")

    assert names(dead_letters(subscription)) == ["a"]
    assert reason_of(dead_letters(subscription)[0])[0] == "Session ID is null."
    assert names(subscription.peek(0, 9, 0)) == ["b"]


def test_the_shortest_of_three_lives_counts() -> None:
    namespace = one_topic(
        SubscriptionConfig("short", default_time_to_live=MINUTE),
        SubscriptionConfig("long", default_time_to_live=9 * MINUTE),
        default_time_to_live=5 * MINUTE,
    )
    namespace.send("t", [message("a"), message("b", ttl=2 * MINUTE)], 0)

    lives = {
        (name, name_of(held)): held.time_to_live
        for name in ("short", "long")
        for held in queue_of(namespace, f"t/subscriptions/{name}").peek(0, 9, 0)
    }

    assert lives == {
        ("short", "a"): MINUTE,
        ("short", "b"): MINUTE,
        ("long", "a"): 5 * MINUTE,
        ("long", "b"): 2 * MINUTE,
    }


def test_rules_change_at_run_time() -> None:
    namespace = subscribed()
    subscription = subscription_of(namespace, "t/subscriptions/s")
    assert [rule.name for rule in subscription.rules()] == ["$Default"]

    subscription.add_rule(sql_rule("red", "colour = 'red'"))
    with pytest.raises(EntityAlreadyExists):
        subscription.add_rule(sql_rule("RED", "1 = 1"))
    with pytest.raises(InvalidArgument, match="position"):
        subscription.add_rule(sql_rule("bad", "colour ="))
    subscription.remove_rule("$default")
    with pytest.raises(EntityNotFound):
        subscription.remove_rule("$default")
    namespace.send("t", [message("a", properties={"Colour": "red"}), message("b")], 0)

    assert names(subscription.receive(9, 0)) == ["a"]
    subscription.remove_rule("red")
    namespace.send("t", [message("c", properties={"colour": "red"})], 0)
    assert subscription.receive(9, 0) == []


def test_a_subscription_takes_no_messages_from_senders() -> None:
    namespace = subscribed()

    with pytest.raises(NotAllowed):
        namespace.send("t/subscriptions/s", [message("a")], 0)


def test_a_message_nobody_wants_leaves_nothing_to_store_but_its_number() -> None:
    namespace = one_topic()

    namespace.send("t", [message("a")], 0)

    assert [type(change).__name__ for change in namespace.take_changes()] == ["SequenceReached"]


@pytest.mark.parametrize(
    ("condition", "selected"),
    [
        ("sys.SequenceNumber = 2 AND sys.EnqueuedSequenceNumber = 2", ["b"]),
        ("sys.EnqueuedTimeUtc >= @noon", ["b"]),
        ("sys.EnqueuedTimeUtc < @noon AND sys.ExpiresAtUtc > @noon", ["a"]),
        ("sys.DeliveryCount = 0 AND EXISTS(sys.ExpiresAtUtc)", ["a"]),
        ("sys.PartitionKey IS NULL AND sys.DeadLetterSource IS NULL", ["a", "b"]),
    ],
)
def test_rules_see_what_the_broker_says_of_a_message(condition: str, selected: list[str]) -> None:
    noon = Timestamp(12 * 60 * MINUTE)
    rule = RuleConfig("r", SqlFilterConfig(condition, {"noon": noon}))
    namespace = subscribed(rule)

    namespace.send("t", [message("a", ttl=24 * 60 * MINUTE)], noon - 1)
    namespace.send("t", [message("b")], noon)

    assert names(queue_of(namespace, "t/Subscriptions/s").peek(0, 9, noon)) == selected
