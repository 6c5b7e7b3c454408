"""What the bus does with what its administrators made: messages, restarts, keys, limits."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
)
from azure.servicebus import ServiceBusMessage
from azure.servicebus.management import (
    EntityStatus,
    SqlRuleAction,
    SqlRuleFilter,
)

from infra.local.servicebus import LocalServiceBus, NamespaceConfig
from infra.local.servicebus.server.clock import ManualClock
from infra.local.servicebus.settings import AuthorizationRule as Policy
from infra.local.servicebus.settings import QueueConfig
from tests.contract.servicebus.conftest import connect
from tests.contract.servicebus_administration.clients import CLIENTS
from tests.integration.bus.receiving import take, take_all

# The SDK's own, about Python's XML library.
pytestmark = pytest.mark.filterwarnings("ignore:Testing an element's truth:DeprecationWarning")

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


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
            (dead, deferred) = await take(receiver, 2)
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
            (message,) = await take_all(receiver, 1)

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
            (message,) = await take(receiver, 1)

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
