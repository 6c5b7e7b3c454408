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


RETRY_FOR = "retry-for"
RETRY_ATTEMPT = "retry-attempt"
RETRY_FIRST_SEEN = "retry-first-seen"
RETRY_HISTORY = "retry-history"
LANE = "lane"

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
        try:
            seen = datetime.fromisoformat(str(self.properties[RETRY_FIRST_SEEN]))
        except (KeyError, ValueError):
            return now
        return seen.astimezone(UTC) if seen.tzinfo else now


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
    from azure.servicebus import ServiceBusMessage

    original = retry.original
    properties: dict[str | bytes, Any] = {
        name: _portable(value)
        for name, value in original.properties.items()
        if name not in _TRACE_PROPERTIES
    }
    properties |= {
        RETRY_FOR: retry.subscription,
        RETRY_ATTEMPT: retry.attempt,
        RETRY_FIRST_SEEN: retry.first_seen.isoformat(),
        RETRY_HISTORY: retry.history,
    }
    if retry.traceparent:
        properties[TRACEPARENT] = retry.traceparent
    return ServiceBusMessage(
        original.body,
        message_id=retry.message_id,
        content_type=CONTENT_TYPE,
        subject=_text(original.properties.get("subject")),
        application_properties=properties,
        scheduled_enqueue_time_utc=retry.due if retry.due > now else None,
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
