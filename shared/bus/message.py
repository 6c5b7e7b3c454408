"""Message <-> event: the one place that knows how a fact looks on the wire.

Out: an `Event` or a `Retry` becomes an SDK `ServiceBusMessage`. In: three kinds of native message
(the typed binding's, which wraps a uamqp message and has bytes as property keys and values;
`func.ServiceBusMessage`; the SDK's own) become one neutral `Received`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.events import CONTENT_TYPE, Event, encode, routing_properties

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusMessage

    from shared.store.parking import ParkedFact

RETRY_FOR = "retry-for"
RETRY_ATTEMPT = "retry-attempt"
RETRY_FIRST_SEEN = "retry-first-seen"
RETRY_HISTORY = "retry-history"
LANE = "lane"
PARKED_UNDER = "parked-under"
"""Key the fact waited for; its copy has the other parked-* properties too."""
PARKED_TIMES = "parked-times"
PARKED_AT = "parked-at"
PARKED_UNTIL = "parked-until"
PARKED_PROBE = "parked-probe"
"""The key again, where the copy is to find out whether the others can follow."""
PARKED_OUT = "parked-out"
"""Keys waited for until the deadline, one a line, the last one last."""

# What the SDK's tracing writes into each message it sends; a copy gets its own.
TRACEPARENT = "traceparent"
_TRACE_PROPERTIES = frozenset({TRACEPARENT, "tracestate", "Diagnostic-Id"})


@dataclass(frozen=True, slots=True)
class Received:
    """One message as the broker delivered it, whatever handed it to us.

    `properties` has str keys; values are str, int, float, bool or None. `delivery_count` is
    the broker's, as the native message has it: the Functions host counts this delivery too (1 at
    first), the SDK's own receivers only those that failed. `native` is what the settlement adapter
    needs back.
    """

    body: bytes
    message_id: str
    properties: Mapping[str, Any]
    delivery_count: int
    lock_token: str
    native: Any = field(repr=False, compare=False)

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context of the message's creation; None when it carries none."""
        return _text(self.properties.get(TRACEPARENT) or self.properties.get("Diagnostic-Id"))

    @property
    def attempt(self) -> int:
        """Our own attempt number, 1 = first; a value that is no positive integer counts as 1."""
        try:
            return max(1, int(self.properties.get(RETRY_ATTEMPT, 1)))
        except (TypeError, ValueError):
            return 1

    @property
    def history(self) -> str:
        """One line per earlier attempt, oldest first; empty on the first."""
        return _text(self.properties.get(RETRY_HISTORY)) or ""

    def first_seen(self, now: datetime) -> datetime:
        """When the first attempt began (aware UTC): `now` on the first."""
        return self._moment(RETRY_FIRST_SEEN) or now

    @property
    def parked(self) -> Stay | None:
        """Where it comes from if it was parked; None otherwise."""
        key = _text(self.properties.get(PARKED_UNDER))
        at, until = self._moment(PARKED_AT), self._moment(PARKED_UNTIL)
        try:
            times = int(self.properties.get(PARKED_TIMES, 1))
        except (TypeError, ValueError):
            return None
        return Stay(key, at, until, times) if key and at and until else None

    @property
    def probes(self) -> str | None:
        """The key whose other facts wait for what becomes of this one; None for most messages."""
        return _text(self.properties.get(PARKED_PROBE))

    @property
    def waited_out(self) -> tuple[str, ...]:
        """The keys it was parked under until the deadline passed, the last one last."""
        return tuple((_text(self.properties.get(PARKED_OUT)) or "").splitlines())

    def _moment(self, name: str) -> datetime | None:
        try:
            moment = datetime.fromisoformat(str(self.properties[name]))
        except (KeyError, ValueError):
            return None
        return moment.astimezone(UTC) if moment.tzinfo else None


@dataclass(frozen=True, slots=True)
class Stay:
    """How a fact was parked, as its copy tells: what it does not lose by being tried."""

    key: str
    parked_at: datetime
    deadline: datetime
    times: int


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
        """`<event id>#<subscription>#<attempt>`; a copy sent twice is dropped as a duplicate."""
        return f"{self.event_id}#{self.subscription}#{self.attempt}"


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
        has the same number as the first, and the bus would swallow its copy as a duplicate.
        """
        fact = self.fact
        due = fact.released_at or fact.deadline
        return f"{fact.fact_id}#{fact.subscription}#parked-{fact.times}-{due:%Y%m%dT%H%M%S.%f}"


def event_message(event: Event[Any]) -> ServiceBusMessage:
    """Return the message for a fact: its id is the event's, so a second publish is a duplicate."""
    from azure.servicebus import ServiceBusMessage

    properties: dict[str | bytes, Any] = dict(routing_properties(event).items())
    if event.traceparent:
        properties[TRACEPARENT] = event.traceparent
    return ServiceBusMessage(
        encode(event),
        message_id=str(event.id),
        content_type=CONTENT_TYPE,
        subject=event.subject,
        application_properties=properties,
    )


def retry_message(retry: Retry, now: datetime) -> ServiceBusMessage:
    """Return the copy: the body byte for byte, its properties, the history; scheduled if due is
    after `now`."""
    original = retry.original
    return _copy(
        original.body,
        retry.message_id,
        _text(original.properties.get("subject")),
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
        PARKED_AT: fact.parked_at.isoformat(),
        PARKED_UNTIL: fact.deadline.isoformat(),
    }
    if copy.probe:
        properties[PARKED_PROBE] = fact.key
    if copy.overdue:
        properties[PARKED_OUT] = f"{properties.get(PARKED_OUT, '')}\n{fact.key}".lstrip()
    return _copy(fact.body, copy.message_id, fact.subject, properties, fact.traceparent)


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


def received(native: Any) -> Received:
    """Return the neutral form of a native message of any of the three kinds."""
    body = native.get_body() if hasattr(native, "get_body") else _whole_body(native.body)
    return Received(
        body=body,
        message_id=_text(native.message_id) or "",
        properties=_properties(native.application_properties),
        delivery_count=native.delivery_count or 0,
        lock_token=str(native.lock_token),
        native=native,
    )


def _whole_body(body: Any) -> bytes:
    """Return the bytes of the data sections.

    A stranger may send an AMQP value or sequence instead (JMS text and map messages are values):
    text is taken as it is, anything else holds no event and counts as empty, so that it is
    dead-lettered alone instead of failing the batch.
    """
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    if isinstance(body, bytes):
        return body
    try:
        return b"" if isinstance(body, Mapping) else b"".join(body)
    except TypeError:
        return b""


def _properties(raw: Mapping[Any, Any] | None) -> dict[str, Any]:
    return {str(_plain(name)): _plain(value) for name, value in (raw or {}).items()}


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _portable(value: Any) -> Any:
    """The SDK refuses to send integers beyond 32 bits; as text they still arrive."""
    wide = isinstance(value, int) and not -(2**31) <= value < 2**31
    return str(value) if wide else value


def _text(value: Any) -> str | None:
    return None if value is None else str(_plain(value))
