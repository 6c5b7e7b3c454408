"""The stock ServiceBusAdministrationClient of Python, sync and aio, over https."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.management import (
    AuthorizationRule,
    CorrelationRuleFilter,
    EntityStatus,
    FalseRuleFilter,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)

# The SDK's own, about Python's XML library.
pytestmark = pytest.mark.filterwarnings("ignore:Testing an element's truth:DeprecationWarning")

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LONGEST_DAYS = 10675199  # of .NET's TimeSpan, which stands for unlimited
POLICY: dict[str, Any] = {
    "type": "SharedAccessAuthorizationRule",
    "claim_type": "SharedAccessKey",
    "claim_value": "None",
    "rights": ["Listen", "Send"],
    "key_name": "reader",
    "primary_key": "cHJpbWFyeQ==",
    "secondary_key": "c2Vjb25kYXJ5",
}
COMMON = {
    "auto_delete_on_idle": DAY,
    "default_message_time_to_live": timedelta(days=2, hours=3, milliseconds=250),
    "enable_batched_operations": False,
    "user_metadata": "till 7 <&> “größer”",
}
OF_A_QUEUE = {
    "lock_duration": timedelta(seconds=45),
    "dead_lettering_on_message_expiration": True,
    "max_delivery_count": 7,
}
OF_AN_ENTITY = {
    "max_size_in_megabytes": 2048,
    "requires_duplicate_detection": True,
    "duplicate_detection_history_time_window": 5 * MINUTE,
    "enable_partitioning": True,
    "enable_express": True,
    "max_message_size_in_kilobytes": 2048,
}


def shown(properties: Any, expected: dict[str, Any]) -> dict[str, Any]:
    return {name: properties[name] for name in expected}


async def test_a_queue_comes_back_with_every_setting_it_was_created_with(admin: Any) -> None:
    settings = {**COMMON, **OF_A_QUEUE, **OF_AN_ENTITY, "requires_session": True}

    created = await admin.create_queue("orders", **settings)
    found = await admin.get_queue("orders")

    assert shown(created, settings) == settings
    assert shown(found, settings) == settings


async def test_a_topic_comes_back_with_every_setting_it_was_created_with(admin: Any) -> None:
    settings = {**COMMON, **OF_AN_ENTITY, "support_ordering": False}

    created = await admin.create_topic("sales", **settings)
    found = await admin.get_topic("sales")

    assert shown(created, settings) == settings
    assert shown(found, settings) == settings


async def test_a_subscription_comes_back_with_every_setting_it_was_created_with(
    admin: Any,
) -> None:
    settings = {
        **COMMON,
        **OF_A_QUEUE,
        "requires_session": True,
        "dead_lettering_on_filter_evaluation_exceptions": False,
    }
    await admin.create_topic("sales")

    created = await admin.create_subscription("sales", "books", **settings)
    found = await admin.get_subscription("sales", "books")

    assert shown(created, settings) == settings
    assert shown(found, settings) == settings


async def test_what_is_created_without_settings_has_azures_defaults(admin: Any) -> None:
    queue = await admin.create_queue("orders")

    assert queue.lock_duration == MINUTE
    assert queue.max_delivery_count == 10
    assert queue.default_message_time_to_live.days == LONGEST_DAYS
    assert queue.status == EntityStatus.ACTIVE
    assert queue.duplicate_detection_history_time_window == 10 * MINUTE
    assert not queue.requires_session
    assert queue.forward_to is None


async def test_authorization_rules_are_kept(admin: Any) -> None:
    await admin.create_queue("orders", authorization_rules=[AuthorizationRule(**POLICY)])

    (rule,) = (await admin.get_queue("orders")).authorization_rules

    assert {name: getattr(rule, name) for name in POLICY} == POLICY


async def test_an_update_changes_what_it_names_and_keeps_the_rest(admin: Any) -> None:
    await admin.create_topic("sales", user_metadata="old")
    await admin.create_subscription("sales", "books", lock_duration=2 * MINUTE)
    queue = await admin.create_queue("orders", requires_session=True, max_delivery_count=5)
    topic = await admin.get_topic("sales")
    subscription = await admin.get_subscription("sales", "books")

    queue.lock_duration = timedelta(seconds=30)
    await admin.update_queue(queue)
    await admin.update_topic(topic, user_metadata="new")
    await admin.update_subscription("sales", subscription, max_delivery_count=3)

    queue = await admin.get_queue("orders")
    assert (queue.lock_duration, queue.max_delivery_count) == (timedelta(seconds=30), 5)
    assert (await admin.get_topic("sales")).user_metadata == "new"
    subscription = await admin.get_subscription("sales", "books")
    assert (subscription.lock_duration, subscription.max_delivery_count) == (2 * MINUTE, 3)
    assert [rule.name for rule in await admin.list_rules("sales", "books")] == ["$Default"]


async def test_what_only_creation_sets_cannot_be_updated(admin: Any) -> None:
    queue = await admin.create_queue("orders")

    for change in ("requires_session", "requires_duplicate_detection", "enable_partitioning"):
        with pytest.raises(HttpResponseError) as refused:
            await admin.update_queue(queue, **{change: True})
        assert refused.value.status_code == 400

    assert (await admin.get_queue("orders")).requires_session is False


async def test_deleted_entities_are_gone(admin: Any) -> None:
    await admin.create_queue("orders")
    await admin.create_topic("sales")
    await admin.create_subscription("sales", "books")
    await admin.create_subscription("sales", "audit")

    await admin.delete_queue("orders")
    await admin.delete_subscription("sales", "books")
    assert [each.name for each in await admin.list_subscriptions("sales")] == ["audit"]
    await admin.delete_topic("sales")

    assert await admin.list_queues() == []
    assert await admin.list_topics() == []
    for gone in (
        admin.get_queue("orders"),
        admin.get_topic("sales"),
        admin.get_subscription("sales", "audit"),
        admin.get_queue_runtime_properties("orders"),
        admin.delete_queue("orders"),
        admin.delete_topic("sales"),
        admin.delete_subscription("sales", "audit"),
        admin.list_subscriptions("sales"),
        admin.create_subscription("sales", "late"),
    ):
        with pytest.raises(ResourceNotFoundError):
            await gone


async def test_what_exists_is_not_created_again(admin: Any) -> None:
    await admin.create_queue("orders", max_delivery_count=4)
    await admin.create_topic("sales")
    await admin.create_subscription("sales", "books")

    for again in (
        admin.create_queue("Orders"),
        admin.create_topic("orders"),
        admin.create_subscription("sales", "books"),
        admin.create_rule("sales", "books", "$Default", filter=TrueRuleFilter()),
    ):
        with pytest.raises(ResourceExistsError):
            await again
    assert (await admin.get_queue("orders")).max_delivery_count == 4


async def test_values_azure_refuses_are_refused_with_a_sentence(admin: Any) -> None:
    await admin.create_topic("sales")
    await admin.create_subscription("sales", "books")
    broken = SqlRuleFilter("price >")

    requests: list[tuple[Callable[[], Awaitable[Any]], str]] = [
        (lambda: admin.create_queue("orders", lock_duration=timedelta(0)), "LockDuration"),
        (lambda: admin.create_queue("orders", max_delivery_count=0), "MaxDeliveryCount"),
        (lambda: admin.create_queue("orders", status="Sleeping"), "Status"),
        (lambda: admin.create_queue("orders", forward_to="nowhere"), "nowhere"),
        (lambda: admin.create_queue("no name!"), "is not a name"),
        (lambda: admin.create_rule("sales", "books", "bad", filter=broken), "expected"),
    ]
    for request, complaint in requests:
        with pytest.raises(HttpResponseError) as refused:
            await request()
        assert refused.value.status_code == 400
        assert complaint in refused.value.message
    assert await admin.list_queues() == []


async def test_lists_go_over_several_pages(admin: Any) -> None:
    names = [f"q{number}" for number in range(5)]
    for name in names:
        await admin.create_queue(name)
    await admin.create_topic("sales")
    for name in names:
        await admin.create_subscription("sales", name)

    async def listed(list_: Any, *of: str) -> list[str]:
        return [each.name for each in await list_(*of, max_page_size=2)]

    assert await listed(admin.list_queues) == names
    assert await listed(admin.list_queues_runtime_properties) == names
    assert await listed(admin.list_subscriptions, "sales") == names
    assert await listed(admin.list_subscriptions_runtime_properties, "sales") == names
    assert [each.name for each in await admin.list_topics_runtime_properties()] == ["sales"]


async def test_rules_of_every_kind_come_back_as_they_were_sent(admin: Any) -> None:
    moment = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)
    typed: dict[str, Any] = {
        "text": "a<b & c",
        "small": 7,
        "large": 2**40,
        "share": 0.5,
        "open": True,
        "since": moment,
        "within": 90 * MINUTE,
    }
    system = {
        "correlation_id": "c",
        "message_id": "m",
        "to": "t",
        "reply_to": "r",
        "label": "l",
        "session_id": "s",
        "reply_to_session_id": "rs",
        "content_type": "ct",
    }
    await admin.create_topic("sales")
    await admin.create_subscription("sales", "books")
    rules = {
        "sql": (SqlRuleFilter("a = @p AND b < @q", {"@p": "x", "@q": 3}), None),
        "action": (TrueRuleFilter(), SqlRuleAction("SET a = @p", {"@p": 1.5})),
        "false": (FalseRuleFilter(), None),
        "correlation": (CorrelationRuleFilter(**system, properties=typed), None),
    }

    for name, (filter_, action) in rules.items():
        await admin.create_rule("sales", "books", name, filter=filter_, action=action)

    found = {rule.name: rule for rule in await admin.list_rules("sales", "books", max_page_size=2)}
    assert list(found) == ["$Default", *rules]
    assert isinstance(found["$Default"].filter, TrueRuleFilter)
    assert found["sql"].filter.sql_expression == "a = @p AND b < @q"
    assert dict(found["sql"].filter.parameters) == {"@p": "x", "@q": 3}
    assert found["sql"].action is None
    assert found["action"].action.sql_expression == "SET a = @p"
    assert dict(found["action"].action.parameters) == {"@p": 1.5}
    assert isinstance(found["false"].filter, FalseRuleFilter)
    correlation = (await admin.get_rule("sales", "books", "correlation")).filter
    assert {name: getattr(correlation, name) for name in system} == system
    assert dict(correlation.properties) == typed


async def test_rules_are_changed_and_removed(admin: Any) -> None:
    await admin.create_topic("sales")
    await admin.create_subscription("sales", "books")
    rule = await admin.create_rule("sales", "books", "dear", filter=SqlRuleFilter("price > 10"))

    rule.filter = SqlRuleFilter("price > 20")
    await admin.update_rule("sales", "books", rule)
    await admin.delete_rule("sales", "books", "$Default")

    (left,) = await admin.list_rules("sales", "books")
    assert left.filter.sql_expression == "price > 20"
    for gone in (
        admin.get_rule("sales", "books", "$Default"),
        admin.delete_rule("sales", "books", "$Default"),
        admin.get_rule("sales", "nobody", "dear"),
    ):
        with pytest.raises(ResourceNotFoundError):
            await gone


async def test_a_dead_letter_queue_is_no_entity_of_its_own(admin: Any) -> None:
    await admin.create_queue("orders")

    with pytest.raises(ResourceNotFoundError):
        await admin.get_queue(f"orders/${ServiceBusSubQueue.DEAD_LETTER.value}")
    with pytest.raises(ResourceNotFoundError):
        await admin.delete_queue("orders/$DeadLetterQueue")
    assert [queue.name for queue in await admin.list_queues()] == ["orders"]


async def test_the_namespace_introduces_itself(admin: Any) -> None:
    namespace = await admin.get_namespace_properties()

    assert namespace.name == "sbemulatorns"
    assert namespace.namespace_type == "Messaging"
