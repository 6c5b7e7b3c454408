"""The publisher against a real bus over AMQP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.servicebus.aio import ServiceBusClient

from infra.local.platform.ports import kept_port
from infra.local.servicebus import LocalServiceBus
from shared.bus import Publisher, PublishFailed
from shared.bus.copies import Retry
from shared.bus.message import received
from shared.events import decode
from tests.integration.bus.conftest import TOPOLOGY
from tests.integration.bus.receiving import take, take_all
from tests.unit.bus.samples import sale_event


async def test_a_thousand_events_arrive_once_each_at_every_subscription(
    publisher: Publisher, client: ServiceBusClient
) -> None:
    events = [sale_event(n) for n in range(1, 1001)]

    await publisher.publish(events)

    for subscription in ("sales", "completeness"):
        async with client.get_subscription_receiver("sale-completed", subscription) as receiver:
            got = await take(receiver, len(events))
        assert [decode(b"".join(each.body)).id for each in got] == [event.id for event in events]


async def test_an_event_published_twice_is_on_the_bus_once(
    publisher: Publisher, client: ServiceBusClient
) -> None:
    await publisher.publish([sale_event(1)])
    await publisher.publish([sale_event(1), sale_event(2)])

    async with client.get_subscription_receiver("sale-completed", "sales") as receiver:
        got = await take_all(receiver, 2)

    assert [str(each.message_id) for each in got] == [str(sale_event(n).id) for n in (1, 2)]


async def test_an_event_larger_than_the_bus_takes_is_named_and_the_others_arrive(
    publisher: Publisher, client: ServiceBusClient
) -> None:
    large = replace(sale_event(2), source="/" + "x" * 2_000_000)

    with pytest.raises(PublishFailed, match="larger than") as caught:
        await publisher.publish([sale_event(1), large, sale_event(3)])

    assert caught.value.message_ids == {str(large.id)}
    async with client.get_subscription_receiver("sale-completed", "sales") as receiver:
        got = await take(receiver, 2)
    assert [str(each.message_id) for each in got] == [str(sale_event(n).id) for n in (1, 3)]


async def test_many_tasks_share_one_publisher(
    publisher: Publisher, client: ServiceBusClient
) -> None:
    await asyncio.gather(*(publisher.publish([sale_event(n)]) for n in range(1, 51)))

    async with client.get_subscription_receiver("sale-completed", "sales") as receiver:
        got = await take(receiver, 50)
    assert {str(each.message_id) for each in got} == {str(sale_event(n).id) for n in range(1, 51)}


async def test_publishing_survives_a_restart_of_the_bus(tmp_path: Path) -> None:
    with kept_port() as port:
        async with LocalServiceBus(TOPOLOGY, data=tmp_path, amqp_port=port) as first:
            publisher = Publisher(ServiceBusClient.from_connection_string(first.connection_string))
            await publisher.publish([sale_event(1)])

        async with LocalServiceBus(TOPOLOGY, data=tmp_path, amqp_port=port) as second:
            await publisher.publish([sale_event(2)])

            async with (
                ServiceBusClient.from_connection_string(second.connection_string) as client,
                client.get_subscription_receiver("sale-completed", "sales") as receiver,
            ):
                got = await take(receiver, 2)
            await publisher.aclose()

    assert [str(each.message_id) for each in got] == [str(sale_event(n).id) for n in (1, 2)]


async def test_a_bus_that_accepts_connections_and_says_nothing_is_given_up() -> None:
    ended = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = (
        f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=k;SharedAccessKey=s;"
        "UseDevelopmentEmulator=true;"
    )
    publisher = Publisher(
        ServiceBusClient.from_connection_string(connection, retry_total=0, try_timeout=0.5)
    )

    async with asyncio.timeout(60):
        with pytest.raises(PublishFailed) as caught:
            await publisher.publish([sale_event(1)])

    assert caught.value.message_ids == {str(sale_event(1).id)}
    await publisher.aclose()
    ended.set()
    server.close()


async def test_a_retry_copy_reaches_only_its_own_subscription_when_it_is_due(
    publisher: Publisher, client: ServiceBusClient
) -> None:
    await publisher.publish([sale_event(1)])
    async with (
        client.get_subscription_receiver("sale-completed", "sales") as sales,
        client.get_subscription_receiver("sale-completed", "completeness") as completeness,
    ):
        (original,) = await take(sales, 1)
        (witnessed,) = await take(completeness, 1)
        await completeness.complete_message(witnessed)
        due = datetime.now(UTC) + timedelta(seconds=1)
        retry = Retry(
            original=received(original),
            event_id=sale_event(1).id,
            subscription="sales",
            attempt=2,
            first_seen=datetime.now(UTC),
            history="1. throttled",
            due=due,
        )

        await publisher.schedule_retries("sale-completed", [retry])
        await sales.complete_message(original)

        (copy,) = await take(sales, 1)
        assert datetime.now(UTC) >= due
        again = received(copy)
        assert again.attempt == 2
        assert again.history == "1. throttled"
        assert decode(again.body) == sale_event(1)
        assert await take(completeness, 1, seconds=0.5) == []
