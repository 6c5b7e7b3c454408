"""Take the dead letters about a person out of their queues, with the real SDK.

Service Bus gives out a dead-letter queue from its front only: letters that lie before one of the
person's are received with it and given back, which raises their delivery count and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError

from infra.local.cli.dead_letters import PAGE, peek_all, queues
from infra.local.cli.output import Refused
from shared.clock import Clock
from shared.erasure import concerns, persons_in, stripped
from shared.store import Record, Records

ERASED_LETTER = "erased-dead-letter"
"""Kind of the records that keep what is left of dead letters taken out."""

_PATIENCE_SECONDS = 5
"""How long a queue may show nothing before the rest of it counts as taken by somebody else."""


@dataclass(frozen=True, slots=True, order=True)
class Letter:
    """A dead letter that is about somebody."""

    topic: str
    subscription: str
    sequence_number: int
    persons: tuple[str, ...]

    @property
    def queue(self) -> tuple[str, str]:
        return self.topic, self.subscription


async def letters_about_anybody(client: ServiceBusClient) -> list[Letter]:
    """Return the dead letters of every queue that name persons; nothing is taken out."""
    letters = await peek_all(client, queues(), _letter)
    return [letter for letter in letters if letter.persons]


def letters_about(letters: Iterable[Letter], whom: Collection[str]) -> list[Letter]:
    """Return those about these persons."""
    return sorted(letter for letter in letters if concerns(letter.persons, whom))


async def take_out(
    client: ServiceBusClient, letters: Sequence[Letter], records: Records, clock: Clock
) -> int:
    """Keep what is left of these letters in the records, complete them, return how many.

    Fewer than asked for when somebody else holds or has taken some. A crash in between leaves a
    letter in its queue whose remains are kept already; a repetition takes it out.
    """
    taken = 0
    for (topic, subscription), of_queue in groupby(sorted(letters), key=lambda each: each.queue):
        receiver = client.get_subscription_receiver(
            topic, subscription, sub_queue=ServiceBusSubQueue.DEAD_LETTER
        )
        numbers = {letter.sequence_number for letter in of_queue}
        async with receiver:
            taken += await _take_out(receiver, f"{topic}/{subscription}", numbers, records, clock)
    return taken


async def _take_out(
    receiver: ServiceBusReceiver, queue: str, numbers: set[int], records: Records, clock: Clock
) -> int:
    wanted, others = set(numbers), []
    while wanted:
        messages = await receiver.receive_messages(PAGE, max_wait_time=_PATIENCE_SECONDS)
        if not messages:
            break
        for message in messages:
            if message.sequence_number not in wanted:
                others.append(message)
                continue
            await _keep(records, queue, message, clock)
            await receiver.complete_message(message)
            wanted.discard(message.sequence_number)
    for message in others:
        try:
            await receiver.abandon_message(message)
        except MessageLockLostError:
            continue  # held for longer than its lock: it is back already
    return len(numbers) - len(wanted)


async def _keep(
    records: Records, queue: str, message: ServiceBusReceivedMessage, clock: Clock
) -> None:
    key = f"{queue}/{message.message_id}"
    known = (await records.read(ERASED_LETTER, [key])).get(key)
    remains = {
        "body": json.loads(stripped(_body(message))),
        "reason": message.dead_letter_reason,
        "description": message.dead_letter_error_description,
    }
    record = Record(
        kind=ERASED_LETTER,
        key=key,
        version=known.version + 1 if known else 1,
        state=message.dead_letter_reason or "",
        text=json.dumps(remains, ensure_ascii=False),
        at=clock(),
    )
    if await records.write([record]):
        raise Refused(f"somebody else is taking out dead letters of {queue} now; try again")


def _letter(topic: str, subscription: str, message: ServiceBusReceivedMessage) -> Letter:
    persons = persons_in(_body(message))
    return Letter(topic, subscription, message.sequence_number or 0, persons)


def _body(message: ServiceBusReceivedMessage) -> bytes:
    body = message.body
    return body if isinstance(body, bytes) else b"".join(body)
