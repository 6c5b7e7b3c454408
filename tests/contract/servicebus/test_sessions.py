"""Competing consumers of sessions, with the real SDK; single steps are scenarios."""

from __future__ import annotations

import asyncio

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus
from tests.contract.servicebus.conftest import connect, counts

CONSUMERS, SESSIONS, MESSAGES = 3, 6, 5


async def consume(client: ServiceBusClient) -> tuple[str, list[str]]:
    """Work through the next available session; return its id and its messages in order."""
    bodies: list[str] = []
    async with client.get_queue_receiver("sessions", session_id=NEXT_AVAILABLE_SESSION) as receiver:
        while len(bodies) < MESSAGES:
            for message in await receiver.receive_messages(MESSAGES, max_wait_time=5):
                bodies.append(str(message))
                await receiver.complete_message(message)
        return str(receiver.session.session_id), bodies


async def test_consumers_share_the_sessions_and_each_session_keeps_its_order(
    bus: LocalServiceBus,
) -> None:
    async with connect(bus) as client:
        async with client.get_queue_sender("sessions") as sender:
            await sender.send_messages(
                [
                    ServiceBusMessage(f"{session}-{number}", session_id=str(session))
                    for number in range(MESSAGES)
                    for session in range(SESSIONS)
                ]
            )

        async def consumer() -> list[tuple[str, list[str]]]:
            return [await consume(client) for _ in range(SESSIONS // CONSUMERS)]

        worked = await asyncio.gather(*(consumer() for _ in range(CONSUMERS)))

    done = dict(session for sessions in worked for session in sessions)
    assert done == {
        str(session): [f"{session}-{number}" for number in range(MESSAGES)]
        for session in range(SESSIONS)
    }
    assert counts(bus, "sessions") == {}
