"""Send dead letters back to the subscriptions that refused them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

from infra.local.cli.dead_letters import DeadLetter
from infra.local.cli.taken_letters import take_out
from shared.bus.copies import Replay, replay_message
from shared.bus.message import received
from shared.clock import Clock
from shared.erasure import OPERATORS
from shared.store import Act, Audit


@dataclass(frozen=True, slots=True)
class Choice:
    """Which dead letters: all that match what is given, the oldest of each queue first."""

    reason: str | None = None
    message_ids: Collection[str] = ()

    def of(self, letters: Iterable[DeadLetter]) -> list[DeadLetter]:
        """Return those chosen."""
        return [
            letter
            for letter in letters
            if self.reason in (None, letter.reason)
            if not self.message_ids or letter.message_id in self.message_ids
        ]


async def replay(
    client: ServiceBusClient,
    letters: Sequence[DeadLetter],
    audit: Audit,
    actor: str,
    clock: Clock,
) -> int:
    """Send these letters back, each noted in the audit log before; return how many.

    Fewer than asked for when somebody else holds or has taken some. A letter sent by a call that
    crashed before completing it goes out under the same message id.
    """
    senders: dict[str, ServiceBusSender] = {}
    async with AsyncExitStack() as opened:
        for topic in {letter.topic for letter in letters}:
            senders[topic] = await opened.enter_async_context(client.get_topic_sender(topic))

        async def send_back(
            topic: str, subscription: str, letter: ServiceBusReceivedMessage
        ) -> None:
            again = Replay(received(letter), subscription, letter.sequence_number or 0)
            said = f"to {topic}/{subscription}, refused as {letter.dead_letter_reason}"
            act = Act(clock(), actor, "dead letter replayed", again.message_id, said)
            await audit.append(OPERATORS, [act])
            await senders[topic].send_messages(replay_message(again))

        return await take_out(client, letters, send_back)
