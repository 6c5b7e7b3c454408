"""What the SDKs may do with which key, and what they are told when they may not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.servicebus import ServiceBusMessage
from azure.servicebus._pyamqp.utils import generate_sas_token
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusConnectionError,
)

from infra.local.servicebus import AuthorizationRule, LocalServiceBus, ManualClock
from tests.integration.servicebus_front_door.conftest import POLICIES


def connect(bus: LocalServiceBus, name: str, key: str) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(
        f"Endpoint=sb://{bus.host}:{bus.amqp_port};SharedAccessKeyName={name};"
        f"SharedAccessKey={key};UseDevelopmentEmulator=true;",
        retry_total=0,
    )


async def send(client: ServiceBusClient, entity: str = "work") -> None:
    async with client.get_queue_sender(entity) as sender:
        await sender.send_messages(ServiceBusMessage("hello"))


async def receive(client: ServiceBusClient) -> None:
    async with client.get_queue_receiver("work") as receiver:
        await receiver.receive_messages(max_wait_time=0.1)


async def peek(client: ServiceBusClient) -> None:
    async with client.get_subscription_receiver("sales", "all") as receiver:
        await receiver.peek_messages()


async def schedule(client: ServiceBusClient) -> None:
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    async with client.get_topic_sender("sales") as sender:
        await sender.schedule_messages(ServiceBusMessage("later"), later)


OPERATIONS = [send, receive, peek, schedule]


@pytest.mark.parametrize(
    ("right", "allowed"),
    [("Listen", {receive, peek}), ("Send", {send}), ("Manage", {send, receive, peek, schedule})],
)
async def test_a_key_does_what_its_rights_say_and_nothing_else(
    locked_bus: LocalServiceBus, right: str, allowed: set[Any]
) -> None:
    policy = POLICIES[right]
    async with connect(locked_bus, policy.name, policy.secondary_key) as client:
        outcomes = await asyncio.gather(
            *(operation(client) for operation in OPERATIONS), return_exceptions=True
        )

    done = {work for work, outcome in zip(OPERATIONS, outcomes, strict=True) if outcome is None}
    refusals = [outcome for outcome in outcomes if outcome is not None]
    assert done == allowed
    assert all(isinstance(each, ServiceBusAuthorizationError) for each in refusals), refusals
    assert all("claim(s) are required to perform this operation" in str(e) for e in refusals)


@pytest.mark.parametrize(("name", "key"), [("send", "guess"), ("nobody", "Send-1")])
async def test_a_wrong_key_is_an_authentication_error(
    locked_bus: LocalServiceBus, name: str, key: str
) -> None:
    async with connect(locked_bus, name, key) as client:
        with pytest.raises(ServiceBusAuthenticationError):
            await send(client)


async def test_a_token_past_its_end_by_the_clock_of_the_bus_is_an_authentication_error(
    locked_bus: LocalServiceBus, clock: ManualClock
) -> None:
    clock.forward(seconds=7200)  # the SDK signs for one
    async with connect(locked_bus, "send", "Send-1") as client:
        with pytest.raises(ServiceBusAuthenticationError):
            await send(client)


async def test_a_missing_entity_is_missing_also_with_keys(locked_bus: LocalServiceBus) -> None:
    async with connect(locked_bus, "send", "Send-1") as client:
        with pytest.raises(MessagingEntityNotFoundError):
            await send(client, "nowhere")


class Signing:
    """A credential whose tokens live for an hour of the bus's time."""

    token_type = b"servicebus.windows.net:sastoken"

    def __init__(self, policy: AuthorizationRule, clock: ManualClock) -> None:
        self._policy = policy
        self._clock = clock
        self.signed = 0

    async def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        self.signed += 1
        ends = self._clock() // 1000 + 3600
        sign: Callable[..., str] = generate_sas_token
        token = sign(scopes[0], self._policy.name, self._policy.primary_key, ends)
        return AccessToken(token, ends)


def sign_in(bus: LocalServiceBus, credential: Signing, **retries: Any) -> ServiceBusClient:
    return ServiceBusClient(
        f"{bus.host}:{bus.amqp_port}",
        credential,  # type: ignore[arg-type]
        use_tls=False,
        **retries,
    )


async def test_a_link_ends_with_its_token(locked_bus: LocalServiceBus, clock: ManualClock) -> None:
    credential = Signing(POLICIES["Listen"], clock)
    async with (
        sign_in(locked_bus, credential, retry_total=0) as client,
        client.get_queue_receiver("work") as receiver,
    ):
        clock.forward(seconds=3599)
        await locked_bus.advance()
        assert await receiver.receive_messages(max_wait_time=0.1) == []
        clock.forward(seconds=2)
        await locked_bus.advance()

        with pytest.raises(ServiceBusConnectionError, match="RenewToken"):
            await receiver.receive_messages(max_wait_time=5)


async def test_a_client_comes_back_with_a_new_token(
    locked_bus: LocalServiceBus, clock: ManualClock
) -> None:
    credential = Signing(POLICIES["Send"], clock)
    async with (
        sign_in(locked_bus, credential, retry_backoff_factor=0.01) as client,
        client.get_queue_sender("work") as sender,
    ):
        await sender.send_messages(ServiceBusMessage("in time"))
        clock.forward(seconds=3601)
        await locked_bus.advance()
        await sender.send_messages(ServiceBusMessage("in time again"))

    assert credential.signed == 2
    assert locked_bus.inspect()["entities"]["work"]["active"] == 2


async def test_the_connection_string_is_of_a_policy_that_may_manage(
    locked_bus: LocalServiceBus,
) -> None:
    assert "SharedAccessKeyName=manage;SharedAccessKey=Manage-1;" in locked_bus.connection_string
