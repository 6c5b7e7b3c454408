"""Message <-> event: the one place that knows how a fact looks on the wire.

Out: an `Event` becomes an SDK `ServiceBusMessage`. In: three kinds of native message
(the typed binding's, which wraps a uamqp message and has bytes as property keys and values;
`func.ServiceBusMessage`; the SDK's own) become one neutral `Received`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.events import CONTENT_TYPE, Event, encode, routing_properties

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusMessage

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
PARKED_RELEASES = "parked-releases"
"""How often it had been released when the copy was sent."""
PARKED_PROBE = "parked-probe"
"""The key again, where the copy is to find out whether the others can follow."""
PARKED_OUT = "parked-out"
"""Keys waited for until the deadline, one a line, the last one last."""

TRACEPARENT = "traceparent"


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
        return text(self.properties.get(TRACEPARENT) or self.properties.get("Diagnostic-Id"))

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
        return text(self.properties.get(RETRY_HISTORY)) or ""

    def first_seen(self, now: datetime) -> datetime:
        """When the first attempt began (aware UTC): `now` on the first."""
        return self._moment(RETRY_FIRST_SEEN) or now

    @property
    def parked(self) -> Stay | None:
        """Where it comes from if it was parked; None otherwise."""
        key = text(self.properties.get(PARKED_UNDER))
        at, until = self._moment(PARKED_AT), self._moment(PARKED_UNTIL)
        try:
            times = int(self.properties.get(PARKED_TIMES, 1))
            releases = int(self.properties.get(PARKED_RELEASES, 0))
        except (TypeError, ValueError):
            return None
        if not (key and at and until):
            return None
        return Stay(key, at, until, times, releases)

    @property
    def probes(self) -> str | None:
        """The key whose other facts wait for what becomes of this one; None for most messages."""
        return text(self.properties.get(PARKED_PROBE))

    @property
    def waited_out(self) -> tuple[str, ...]:
        """The keys it was parked under until the deadline passed, the last one last."""
        return tuple((text(self.properties.get(PARKED_OUT)) or "").splitlines())

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
    releases: int


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


def received(native: Any) -> Received:
    """Return the neutral form of a native message of any of the three kinds."""
    body = native.get_body() if hasattr(native, "get_body") else _whole_body(native.body)
    return Received(
        body=body,
        message_id=text(native.message_id) or "",
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


def text(value: Any) -> str | None:
    """Return a property of a message as text; None where there is none."""
    return None if value is None else str(_plain(value))
