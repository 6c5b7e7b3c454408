"""Take the dead letters about a person out of their queues and keep what is left of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient

from infra.local.cli.dead_letters import peek_all, queues
from infra.local.cli.output import Refused
from infra.local.cli.taken_letters import take_out
from shared.clock import Clock
from shared.erasure import concerns, persons_in, stripped
from shared.store import Record, Records

ERASED_LETTER = "erased-dead-letter"
"""Kind of the records that keep what is left of dead letters taken out."""


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


async def take_out_erased(
    client: ServiceBusClient, letters: Sequence[Letter], records: Records, clock: Clock
) -> int:
    """Keep what is left of these letters in the records, complete them, return how many.

    A crash in between leaves a letter in its queue whose remains are kept already; a repetition
    takes it out.
    """

    async def keep(topic: str, subscription: str, letter: ServiceBusReceivedMessage) -> None:
        await _keep(records, f"{topic}/{subscription}", letter, clock)

    return await take_out(client, letters, keep)


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
