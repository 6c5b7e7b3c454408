"""Copies of received messages, addressed to one subscription: to be tried later, or after parking.

A copy has the body byte for byte and the properties of its original, the lane among them; only its
own subscription's rule lets it through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zlib import crc32

from shared.bus.message import (
    PARKED_AT,
    PARKED_OUT,
    PARKED_PROBE,
    PARKED_RELEASES,
    PARKED_TIMES,
    PARKED_UNDER,
    PARKED_UNTIL,
    RETRY_ATTEMPT,
    RETRY_FIRST_SEEN,
    RETRY_FOR,
    RETRY_HISTORY,
    TRACEPARENT,
    Received,
    text,
)
from shared.events import CONTENT_TYPE
from shared.store.parking import ParkedFact

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusMessage

# What the SDK's tracing writes into each message it sends; a copy gets its own.
_TRACE_PROPERTIES = frozenset({TRACEPARENT, "tracestate", "Diagnostic-Id"})

# What our attempts and the broker have written into a dead letter.
_OF_EARLIER_ATTEMPTS = frozenset(
    {
        RETRY_ATTEMPT,
        RETRY_FIRST_SEEN,
        RETRY_HISTORY,
        PARKED_UNDER,
        PARKED_TIMES,
        PARKED_RELEASES,
        PARKED_AT,
        PARKED_UNTIL,
        PARKED_PROBE,
        PARKED_OUT,
        "DeadLetterReason",
        "DeadLetterErrorDescription",
    }
)

_MAX_MESSAGE_ID = 128
"""Characters, documented of Azure Service Bus."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A copy of `original` that only `subscription` will see, at `due` (aware UTC).

    `traceparent` is the span the copy is created under: that of the attempt which failed.
    """

    original: Received
    event_id: UUID
    subscription: str
    attempt: int
    first_seen: datetime
    history: str
    due: datetime
    traceparent: str | None = None

    @property
    def message_id(self) -> str:
        """`<event id>#<subscription>#<attempt>-<original>`: sent twice for one message, it is
        dropped as a duplicate.

        Only for one message: a fact may be on its way twice (its lock expired while it was parked,
        say), each way counting its own attempts. A copy that is dropped for one of the other way
        would end the last way there is.
        """
        original = crc32(self.original.message_id.encode())
        return f"{self.event_id}#{self.subscription}#{self.attempt}-{original:08x}"


@dataclass(frozen=True, slots=True)
class Unparked:
    """The copy of a parked fact that goes back to its subscription.

    `overdue`: its deadline has passed, so it comes for the last time under this key.
    `probe`: the others of its key wait for what becomes of it.
    """

    fact: ParkedFact
    overdue: bool = False
    probe: bool = False

    @property
    def message_id(self) -> str:
        """`<event id>#<subscription>#parked-<times>-<moment it became due>`.

        The moment belongs to it: should the original be delivered again after all, its second stay
        has the same number as the first, and the bus would swallow its copy as a duplicate. A copy
        in place of one that seems lost says when that was sent.
        """
        fact = self.fact
        moments = (fact.released_at or fact.deadline, fact.sent_at)
        told = "-".join(f"{each:%Y%m%dT%H%M%S.%f}" for each in moments if each)
        return f"{fact.fact_id}#{fact.subscription}#parked-{fact.times}-{told}"


@dataclass(frozen=True, slots=True)
class Replay:
    """The copy of a dead letter that goes back to the subscription that refused it, to start anew.

    `number` is its sequence number in the dead-letter queue.
    """

    letter: Received
    subscription: str
    number: int

    @property
    def message_id(self) -> str:
        """`<event id>#<subscription>#replayed-<number>`: sent twice, it is dropped as a duplicate,
        and replayed again after another refusal it is not."""
        told = f"#{self.subscription}#replayed-{self.number}"
        return self.letter.message_id.partition("#")[0][: _MAX_MESSAGE_ID - len(told)] + told


def retry_message(retry: Retry, now: datetime) -> ServiceBusMessage:
    """Return the copy: the body byte for byte, its properties, the history; scheduled if due is
    after `now`."""
    original = retry.original
    return _copy(
        original.body,
        retry.message_id,
        text(original.properties.get("subject")),
        lasting_properties(original)
        | _addressed(retry.subscription, retry.attempt, retry.first_seen, retry.history),
        retry.traceparent,
        due=retry.due if retry.due > now else None,
    )


def unparked_message(copy: Unparked) -> ServiceBusMessage:
    """Return the copy: the body byte for byte, its properties, and how it was parked."""
    fact = copy.fact
    properties = {
        **{name: value for name, value in fact.properties.items() if name != PARKED_PROBE},
        **_addressed(fact.subscription, fact.attempt, fact.first_seen, fact.history),
        PARKED_UNDER: fact.key,
        PARKED_TIMES: fact.times,
        PARKED_RELEASES: fact.releases,
        PARKED_AT: fact.parked_at.isoformat(),
        PARKED_UNTIL: fact.deadline.isoformat(),
    }
    if copy.probe:
        properties[PARKED_PROBE] = fact.key
    if copy.overdue:
        properties[PARKED_OUT] = f"{properties.get(PARKED_OUT, '')}\n{fact.key}".lstrip()
    return _copy(fact.body, copy.message_id, fact.subject, properties, fact.traceparent)


def replay_message(replay: Replay) -> ServiceBusMessage:
    """Return the copy: the body byte for byte, its properties but those of earlier attempts."""
    letter = replay.letter
    properties = {
        name: value
        for name, value in lasting_properties(letter).items()
        if name not in _OF_EARLIER_ATTEMPTS
    }
    return _copy(
        letter.body,
        replay.message_id,
        text(letter.properties.get("subject")),
        properties | {RETRY_FOR: replay.subscription},
        letter.traceparent,
    )


def lasting_properties(message: Received) -> dict[str, str | int | float | bool]:
    """Return what every copy of a message keeps of its properties: all but its trace."""
    return {
        name: _portable(value)
        for name, value in message.properties.items()
        if name not in _TRACE_PROPERTIES and value is not None
    }


def _addressed(
    subscription: str, attempt: int, first_seen: datetime, history: str
) -> dict[str, str | int | float | bool]:
    return {
        RETRY_FOR: subscription,
        RETRY_ATTEMPT: attempt,
        RETRY_FIRST_SEEN: first_seen.isoformat(),
        RETRY_HISTORY: history,
    }


def _copy(
    body: bytes,
    message_id: str,
    subject: str | None,
    properties: Mapping[str, Any],
    traceparent: str | None,
    *,
    due: datetime | None = None,
) -> ServiceBusMessage:
    from azure.servicebus import ServiceBusMessage

    sent: dict[str | bytes, Any] = dict(properties.items())
    if traceparent:
        sent[TRACEPARENT] = traceparent
    return ServiceBusMessage(
        body,
        message_id=message_id,
        content_type=CONTENT_TYPE,
        subject=subject,
        application_properties=sent,
        scheduled_enqueue_time_utc=due,
    )


def _portable(value: Any) -> Any:
    """The SDK refuses to send integers beyond 32 bits; as text they still arrive."""
    wide = isinstance(value, int) and not -(2**31) <= value < 2**31
    return str(value) if wide else value
