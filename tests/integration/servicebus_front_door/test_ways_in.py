"""Unmodified SDKs over every transport the one port speaks."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import httpx
import pytest
import uvloop
from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus import ServiceBusClient as SyncClient
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode, TransportType
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.aio.management import ServiceBusAdministrationClient

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp import encode_message
from tests.integration.servicebus_front_door.conftest import CONFIG

BODY = bytes(range(256)) * 1000
"""More than one AMQP frame and one TLS record."""

WAYS = [(TransportType.Amqp, "work"), (TransportType.AmqpOverWebsocket, "other")]
"""Each transport with a queue of its own, so that they can be tried at the same time."""

DELETE = ServiceBusReceiveMode.RECEIVE_AND_DELETE


def secure(bus: LocalServiceBus, transport: TransportType) -> dict[str, Any]:
    """How Python's SDK is told another port than 5671 and 443, and whom to trust."""
    return {
        "conn_str": bus.tls_connection_string,
        "custom_endpoint_address": f"sb://{bus.host}:{bus.amqp_port}",
        "connection_verify": str(bus.ca_file),
        "transport_type": transport,
        "retry_total": 0,
    }


async def send_and_receive(bus: LocalServiceBus, transport: TransportType, queue: str) -> bytes:
    async with (
        ServiceBusClient.from_connection_string(**secure(bus, transport)) as client,
        client.get_queue_sender(queue) as sender,
        client.get_queue_receiver(queue, receive_mode=DELETE) as receiver,
    ):
        await sender.send_messages(ServiceBusMessage(BODY))
        [message] = await receiver.receive_messages(max_wait_time=60)
    return b"".join(message.body)


def send_and_receive_in_a_thread(
    bus: LocalServiceBus, transport: TransportType, queue: str
) -> bytes:
    with (
        SyncClient.from_connection_string(**secure(bus, transport)) as client,
        client.get_queue_sender(queue) as sender,
        client.get_queue_receiver(queue, receive_mode=DELETE) as receiver,
    ):
        sender.send_messages(ServiceBusMessage(BODY))
        [message] = receiver.receive_messages(max_wait_time=60)
    return b"".join(message.body)


async def test_messages_pass_encrypted_over_tcp_and_websocket(bus: LocalServiceBus) -> None:
    received = await asyncio.gather(*(send_and_receive(bus, *way) for way in WAYS))

    assert received == [BODY, BODY]


async def test_messages_pass_encrypted_from_blocking_clients(bus: LocalServiceBus) -> None:
    received = await asyncio.gather(
        *(asyncio.to_thread(send_and_receive_in_a_thread, bus, *way) for way in WAYS)
    )

    assert received == [BODY, BODY]


async def test_many_messages_at_once_fit_a_websocket(bus: LocalServiceBus) -> None:
    """aiohttp refuses WebSocket messages of more than 4 MiB."""
    waiting = [encode_message(data=[bytes(500_000)])] * 10
    bus.namespace.send("work", waiting, bus.clock())
    options = secure(bus, TransportType.AmqpOverWebsocket)
    async with (
        ServiceBusClient.from_connection_string(**options) as client,
        client.get_queue_receiver("work", receive_mode=DELETE, prefetch_count=10) as receiver,
    ):
        got = 0
        while got < len(waiting):
            got += len(await receiver.receive_messages(10, max_wait_time=60))

    assert got == len(waiting)


def test_messages_pass_encrypted_under_uvloop() -> None:
    """The other tests run under plain asyncio."""

    async def both() -> list[bytes]:
        async with LocalServiceBus(CONFIG) as bus:
            return await asyncio.gather(*(send_and_receive(bus, *way) for way in WAYS))

    assert uvloop.run(both()) == [BODY, BODY]


async def test_the_administration_client_gets_in_by_the_same_connection_string(
    bus: LocalServiceBus, locked_bus: LocalServiceBus
) -> None:
    for each in (bus, locked_bus):
        async with ServiceBusAdministrationClient.from_connection_string(
            each.tls_connection_string, connection_verify=str(each.ca_file)
        ) as administration:
            assert (await administration.get_namespace_properties()).name == "sb"


async def test_the_administration_client_needs_a_policy_that_may_manage(
    locked_bus: LocalServiceBus,
) -> None:
    weaker = locked_bus.tls_connection_string.replace("manage", "send").replace("Manage", "Send")
    async with ServiceBusAdministrationClient.from_connection_string(
        weaker, connection_verify=str(locked_bus.ca_file), retry_total=0
    ) as administration:
        with pytest.raises(ClientAuthenticationError):
            await administration.delete_queue("work")


async def test_the_authority_is_there_to_be_fetched(bus: LocalServiceBus) -> None:
    async with httpx.AsyncClient(base_url=bus.admin_url) as http:
        answer = await http.get("/ca.pem")

    assert answer.text == bus.ca_file.read_text()


async def test_a_second_port_is_the_same_door() -> None:
    async with LocalServiceBus(CONFIG, tls_port=0) as bus:
        assert bus.tls_port not in (0, bus.amqp_port)
        trusting = ssl.create_default_context(cafile=str(bus.ca_file))

        for port in (bus.amqp_port, bus.tls_port):
            async with httpx.AsyncClient(verify=trusting) as http:
                answer = await http.get(f"https://{bus.host}:{port}/health")
            assert answer.json() == {"status": "healthy"}
