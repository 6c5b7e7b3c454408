"""The stock ServiceBusAdministrationClient of Python, sync and aio, over https."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.management import (
    AuthorizationRule,
    CorrelationRuleFilter,
    EntityStatus,
    FalseRuleFilter,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)

from infra.local.servicebus import LocalServiceBus, NamespaceConfig
from infra.local.servicebus.server.clock import ManualClock
from infra.local.servicebus.settings import AuthorizationRule as Policy
from infra.local.servicebus.settings import QueueConfig
from tests.contract.servicebus.conftest import connect
from tests.contract.servicebus_administration.clients import CLIENTS

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


async def test_runtime_properties_tell_what_waits_where(
    one_admin: Any, bus: LocalServiceBus, clock: ManualClock
) -> None:
    await one_admin.create_queue("orders")
    await one_admin.create_topic("sales")
    await one_admin.create_subscription("sales", "books")
    later = datetime.fromtimestamp(clock() / 1000, timezone.utc) + DAY
    async with connect(bus) as client:
        async with client.get_queue_sender("orders") as sender:
            await sender.send_messages([ServiceBusMessage(str(number)) for number in range(4)])
            await sender.schedule_messages(ServiceBusMessage("later"), later)
        async with client.get_topic_sender("sales") as sender:
            await sender.send_messages(ServiceBusMessage("sold"))
            await sender.schedule_messages(ServiceBusMessage("later"), later)
        async with client.get_queue_receiver("orders") as receiver:
            (dead, deferred) = await receiver.receive_messages(2)
            await receiver.dead_letter_message(dead)
            await receiver.defer_message(deferred)

    queue = await one_admin.get_queue_runtime_properties("orders")
    assert (queue.active_message_count, queue.dead_letter_message_count) == (3, 1)
    assert queue.scheduled_message_count == 1
    assert (queue.transfer_message_count, queue.transfer_dead_letter_message_count) == (0, 0)
    assert queue.total_message_count == 5
    assert queue.size_in_bytes > 0
    assert queue.created_at_utc == queue.updated_at_utc
    assert queue.created_at_utc.timestamp() * 1000 == pytest.approx(clock(), abs=1)
    topic = await one_admin.get_topic_runtime_properties("sales")
    assert (topic.subscription_count, topic.scheduled_message_count) == (1, 1)
    subscription = await one_admin.get_subscription_runtime_properties("sales", "books")
    assert (subscription.active_message_count, subscription.total_message_count) == (1, 1)


async def test_an_update_shows_in_the_time_of_updating(admin: Any, clock: ManualClock) -> None:
    queue = await admin.create_queue("orders")

    clock.forward(seconds=60)
    await admin.update_queue(queue, max_delivery_count=2)

    times = await admin.get_queue_runtime_properties("orders")
    assert times.updated_at_utc - times.created_at_utc == MINUTE


async def test_messages_travel_through_what_was_created(
    one_admin: Any, bus: LocalServiceBus
) -> None:
    await one_admin.create_topic("sales")
    await one_admin.create_subscription("sales", "dear")
    await one_admin.delete_rule("sales", "dear", "$Default")
    await one_admin.create_rule(
        "sales",
        "dear",
        "dear",
        filter=SqlRuleFilter("price >= @least", {"@least": 100}),
        action=SqlRuleAction("SET tier = @tier", {"@tier": "gold"}),
    )

    async with connect(bus) as client, client.get_topic_sender("sales") as sender:
        for price in (99, 100):
            message = ServiceBusMessage(str(price), application_properties={"price": price})
            await sender.send_messages(message)
        async with client.get_subscription_receiver("sales", "dear") as receiver:
            (message,) = await receiver.receive_messages(2, max_wait_time=1)

    assert str(message) == "100"
    assert message.application_properties is not None
    assert message.application_properties[b"tier"] == b"gold"


async def test_a_queue_forwards_where_its_creator_said(
    one_admin: Any, bus: LocalServiceBus
) -> None:
    await one_admin.create_queue("archive")
    created = await one_admin.create_queue(
        "orders", forward_to="archive", forward_dead_lettered_messages_to="archive"
    )

    async with connect(bus) as client:
        async with client.get_queue_sender("orders") as sender:
            await sender.send_messages(ServiceBusMessage("forwarded"))
        async with client.get_queue_receiver("archive") as receiver:
            (message,) = await receiver.receive_messages(max_wait_time=1)

    host = f"sb://{bus.host}:{bus.amqp_port}"
    assert created.forward_to == f"{host}/archive"
    assert created.forward_dead_lettered_messages_to == f"{host}/archive"
    assert str(message) == "forwarded"


async def test_a_disabled_queue_takes_nothing_until_it_is_active_again(
    one_admin: Any, bus: LocalServiceBus
) -> None:
    queue = await one_admin.create_queue("orders")
    await one_admin.update_queue(queue, status=EntityStatus.SEND_DISABLED)

    async with connect(bus) as client:
        with pytest.raises(Exception, match="disabled"):
            async with client.get_queue_sender("orders") as sender:
                await sender.send_messages(ServiceBusMessage("refused"))
        await one_admin.update_queue(queue, status=EntityStatus.ACTIVE)
        async with client.get_queue_sender("orders") as sender:
            await sender.send_messages(ServiceBusMessage("taken"))

    counts = await one_admin.get_queue_runtime_properties("orders")
    assert counts.active_message_count == 1


async def test_names_may_have_several_parts(admin: Any, bus: LocalServiceBus) -> None:
    await admin.create_queue("shop/till-7/orders")
    await admin.create_topic("shop/sales")
    await admin.create_subscription("shop/sales", "books")

    assert (await admin.get_queue("shop/till-7/orders")).name == "shop/till-7/orders"
    (rule,) = await admin.list_rules("shop/sales", "books")
    assert rule.name == "$Default"
    assert [queue.name for queue in await admin.list_queues()] == ["shop/till-7/orders"]
    assert "shop/sales/Subscriptions/books" in bus.inspect()["entities"]


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


@pytest.mark.parametrize("kind", list(CLIENTS))
async def test_what_was_created_survives_a_restart(kind: str, tmp_path: Path) -> None:
    config = NamespaceConfig()
    async with LocalServiceBus(config, data=tmp_path) as bus:
        admin = CLIENTS[kind](bus)
        await admin.create_queue("orders", max_delivery_count=3)
        await admin.create_topic("sales")
        await admin.create_subscription("sales", "books", lock_duration=2 * MINUTE)
        await admin.create_rule(
            "sales", "books", "dear", filter=SqlRuleFilter("price > @p", {"@p": 10})
        )
        await admin.delete_rule("sales", "books", "$Default")
        await admin.create_queue("mistake")
        await admin.delete_queue("mistake")
        await admin.aclose()

    async with LocalServiceBus(config, data=tmp_path) as bus:
        admin = CLIENTS[kind](bus)
        (queue,) = await admin.list_queues()
        subscription = await admin.get_subscription("sales", "books")
        (rule,) = await admin.list_rules("sales", "books")
        await admin.aclose()

    assert (queue.name, queue.max_delivery_count) == ("orders", 3)
    assert subscription.lock_duration == 2 * MINUTE
    assert (rule.name, dict(rule.filter.parameters)) == ("dear", {"@p": 10})


@pytest.mark.parametrize("kind", list(CLIENTS))
async def test_with_keys_only_those_who_may_manage_administrate(kind: str) -> None:
    keys = (
        Policy("root", frozenset({"Manage", "Send", "Listen"}), "right", "second"),
        Policy("sender", frozenset({"Send"}), "other", "other"),
    )
    async with LocalServiceBus(NamespaceConfig(), keys=keys) as bus:
        endpoint = f"Endpoint=sb://{bus.host}:{bus.amqp_port};"
        for name, key in (("root", "wrong"), ("sender", "other")):
            text = f"{endpoint}SharedAccessKeyName={name};SharedAccessKey={key}"
            stranger = CLIENTS[kind](bus, text)
            with pytest.raises(ClientAuthenticationError):
                await stranger.create_queue("orders")
            with pytest.raises(ClientAuthenticationError):
                await stranger.list_queues()
            if key != "wrong":  # any right will do to know the namespace
                assert (await stranger.get_namespace_properties()).name == "sbemulatorns"
            await stranger.aclose()
        manager = CLIENTS[kind](bus)
        assert await manager.list_queues() == []
        await manager.create_queue("orders")
        await manager.aclose()


async def test_limits_that_were_asked_for_hold_for_administrators_too() -> None:
    full = NamespaceConfig(queues=tuple(QueueConfig(f"q{number}") for number in range(50)))
    async with LocalServiceBus(full, strict_limits="emulator") as bus:
        admin = CLIENTS["aio"](bus)
        with pytest.raises(HttpResponseError) as quota:
            await admin.create_queue("one-more")
        await admin.delete_queue("q7")
        with pytest.raises(HttpResponseError) as range_:
            await admin.create_queue("one-more", lock_duration=timedelta(hours=1))
        await admin.create_queue("one-more")
        assert (await admin.get_namespace_properties()).messaging_sku == "Standard"
        await admin.aclose()

    assert quota.value.status_code == 403
    assert range_.value.status_code == 400


async def test_over_plain_http_by_the_documented_change_of_the_base_url(
    bus: LocalServiceBus,
) -> None:
    """azure-sdk-for-python always builds https; swapping its base URL is the usual way around."""
    admin = CLIENTS["sync"](bus)
    admin.client._impl._client._base_url = bus.admin_url

    await admin.create_queue("orders")

    assert [queue.name for queue in await admin.list_queues()] == ["orders"]
    await admin.aclose()
