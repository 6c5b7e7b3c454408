"""`$management` operations the Python SDK has no method for, asked over its own link."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from azure.servicebus import ServiceBusMessage
from azure.servicebus._pyamqp.types import AMQPTypes
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from infra.local.servicebus import LocalServiceBus
from tests.contract.servicebus.conftest import counts, opened


async def ask(receiver: ServiceBusReceiver, operation: str, body: Any) -> tuple[int, Any, str]:
    """Return status code, body and error condition."""

    def answered(status: int, message: Any, _description: Any, amqp_transport: Any) -> Any:
        condition = message.application_properties.get(b"errorCondition", b"")
        return status, message.value, condition.decode()

    answer: Any = await receiver._mgmt_request_response(
        f"com.microsoft:{operation}".encode(), body, answered, keep_alive_associated_link=False
    )
    return cast("tuple[int, Any, str]", answer)


async def test_requests_that_cannot_be_served_are_answered_with_the_reason(
    client: ServiceBusClient,
) -> None:
    async with client.get_queue_receiver("work") as receiver:
        unknown = await ask(receiver, "nonsense", {})
        malformed = await ask(receiver, "peek-message", {"from-sequence-number": "first"})
        no_map = await ask(receiver, "renew-lock", [1, 2])
        lost = await ask(
            receiver, "update-disposition",
            {
                "disposition-status": "completed",
                "lock-tokens": {
                    "TYPE": AMQPTypes.array,
                    "VALUE": [{"TYPE": AMQPTypes.uuid, "VALUE": UUID(int=1)}],
                },
            },
        )  # fmt: skip
        no_rules = await ask(receiver, "enumerate-rules", {"skip": 0, "top": 10})

    assert (unknown[0], unknown[2]) == (501, "amqp:not-implemented")
    assert (malformed[0], malformed[2]) == (400, "com.microsoft:argument-error")
    assert (no_map[0], no_map[2]) == (400, "com.microsoft:argument-error")
    assert (lost[0], lost[2]) == (410, "com.microsoft:message-lock-lost")
    assert (no_rules[0], no_rules[2]) == (400, "amqp:not-allowed")


async def test_settling_by_token_does_what_settling_by_link_does(
    bus: LocalServiceBus, client: ServiceBusClient
) -> None:
    left = {}
    async with opened(client.get_queue_sender("work"), client.get_queue_receiver("work")) as (
        sender,
        receiver,
    ):
        for status in ("completed", "defered", "suspended", "abandoned"):
            await sender.send_messages(ServiceBusMessage("m"))
            [message] = await receiver.receive_messages(max_message_count=1, max_wait_time=60)
            token = {"TYPE": AMQPTypes.uuid, "VALUE": message.lock_token}
            body = {
                "disposition-status": status,
                "lock-tokens": {"TYPE": AMQPTypes.array, "VALUE": [token]},
                "deadletter-reason": "why",
            }
            assert (await ask(receiver, "update-disposition", body))[0] == 200
            left[status] = counts(bus, "work")

    assert left == {
        "completed": {},
        "defered": {"deferred": 1},
        "suspended": {"deferred": 1, "deadLettered": 1},
        "abandoned": {"active": 1, "deferred": 1, "deadLettered": 1},
    }
