"""The envelope: a fact as a CloudEvents 1.0 event in structured JSON, and back.

Specification: CloudEvents 1.0.2 core, JSON event format, and the distributed tracing extension.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, NoReturn
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from typing_extensions import TypeVar

from .card_numbers import holds_card_number, mask_card_numbers
from .facts import Fact
from .fields import DETAIL_LENGTH, UtcMoment
from .identity import TransactionKey, fact_id
from .reasons import Reason
from .unknown_fields import read_tolerantly, texts_in
from .versions import UPCASTERS, UnknownType, Upcaster, bring_forward

F = TypeVar("F", bound=Fact, default=Fact)
F_co = TypeVar("F_co", bound=Fact, default=Fact, covariant=True)

BACKFILL = "backfill"
"""The lane of facts uploaded after the event; the others travel in none."""

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
"""Content type of an encoded event (CloudEvents JSON event format, section 3)."""

MAX_BODY_BYTES = 1024 * 1024
"""Largest body read: 1 MiB, the largest message of the Service Bus premium tier's default."""

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_SOURCE = re.compile(r"[!#-;=?-\[\]_a-z~]{1,256}")  # RFC 3986: visible ASCII but "<>\\^`{|}
_TIME: TypeAdapter[datetime] = TypeAdapter(UtcMoment)
_HEAD_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Event(Generic[F_co]):
    """A fact and the envelope it travels in."""

    id: UUID
    """Deterministic; the Service Bus message id."""
    type: str
    """CloudEvents type of the fact as held here; older versions have been brought forward."""
    source: str
    """Who published it: a URI reference such as /tills/gbrt/LONDON, at most 256 characters."""
    subject: str
    """The fact's natural key."""
    time: datetime
    """When it was published, UTC."""
    data: F_co
    traceparent: str | None = None
    """W3C trace context of the publisher."""
    lane: str | None = None
    """BACKFILL for what comes late in bulk and must not hold up what happens now."""


@dataclass(frozen=True, slots=True)
class EnvelopeHead:
    """What could be read of an event that is refused; nothing of it is trusted."""

    id: str | None = None
    type: str | None = None
    subject: str | None = None
    key: TransactionKey | None = None


class InvalidEvent(ValueError):
    """The bytes are no event we accept; no redelivery can help."""

    def __init__(self, reason: Reason, detail: str, envelope: EnvelopeHead | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.envelope = envelope


def new_event(
    fact: F,
    *,
    source: str,
    time: datetime,
    traceparent: str | None = None,
    lane: str | None = None,
) -> Event[F]:
    """Return the event that publishes a fact; `time` is aware.

    Raises ValueError when `source` is no URI reference or `lane` no lane.
    """
    if lane not in (None, BACKFILL):
        raise ValueError(f"the only lane is {BACKFILL!r}, not {lane!r}")
    if not _SOURCE.fullmatch(source):
        raise ValueError(f"source is not a URI reference: {source!r}")
    return Event(
        id=fact.event_id,
        type=fact.TYPE,
        source=source,
        subject=fact.natural_key(),
        time=time.astimezone(UTC),
        data=fact,
        traceparent=traceparent,
        lane=lane,
    )


def encode(event: Event) -> bytes:
    """Return the event as structured JSON, UTF-8; its content type is CONTENT_TYPE."""
    envelope: dict[str, object] = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "time": event.time,
        "datacontenttype": "application/json",
        "data": event.data,
    }
    if event.traceparent is not None:
        envelope["traceparent"] = event.traceparent
    if event.lane is not None:
        envelope["lane"] = event.lane
    return to_json(envelope, exclude_none=True)


def routing_properties(event: Event) -> dict[str, str]:
    """Return the application properties subscriptions filter on; company and store where known."""
    properties = {"type": event.type, "source": event.source, "subject": event.subject}
    if event.data.place is not None:
        properties["company"], properties["store"] = event.data.place
    if event.lane is not None:
        properties["lane"] = event.lane
    return properties


def decode(body: bytes, *, upcasters: Mapping[str, tuple[str, Upcaster]] = UPCASTERS) -> Event:
    """Return the event in a message body.

    Raises InvalidEvent, and nothing else, whatever the bytes are.
    """
    if len(body) > MAX_BODY_BYTES:
        raise InvalidEvent(
            Reason.BODY_TOO_LARGE, f"{len(body)} bytes, at most {MAX_BODY_BYTES} are read"
        )
    try:
        envelope = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidEvent(Reason.INVALID_JSON, str(error)[:DETAIL_LENGTH]) from error
    if not isinstance(envelope, dict):
        raise InvalidEvent(Reason.NOT_A_CLOUD_EVENT, "the body is not a JSON object")
    return _Reading(envelope).event(upcasters)


class _Reading:
    """One envelope being read, so that every refusal can say what it was about."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        self._envelope = envelope

    def event(self, upcasters: Mapping[str, tuple[str, Upcaster]]) -> Event:
        if self._envelope.get("specversion") != "1.0":
            self._refuse(Reason.NOT_A_CLOUD_EVENT, "specversion is not '1.0'")
        if self._envelope.get("id") in (None, ""):
            self._refuse(Reason.MISSING_ID, "the event has no id")
        id_, type_, source = (self._text(name) for name in ("id", "type", "source"))
        if not _SOURCE.fullmatch(source):
            self._refuse(Reason.NOT_A_CLOUD_EVENT, "attribute source is not a URI reference")
        fact = self._fact(type_, upcasters)
        expected = fact_id(type_, fact.natural_key(), fact.fact_revision)
        if id_ != str(expected):
            self._refuse(Reason.ID_MISMATCH, f"the id of this fact is {expected}")
        subject = self._envelope.get("subject", fact.natural_key())
        if subject != fact.natural_key():
            self._refuse(Reason.ID_MISMATCH, f"the subject of this fact is {fact.natural_key()}")
        return Event(
            id=expected,
            type=fact.TYPE,
            source=source,
            subject=fact.natural_key(),
            time=self._time(),
            data=fact,
            traceparent=self._traceparent(),
            lane=BACKFILL if self._envelope.get("lane") == BACKFILL else None,
        )

    def _text(self, name: str) -> str:
        value = self._envelope.get(name)
        if not isinstance(value, str) or not value:
            self._refuse(Reason.NOT_A_CLOUD_EVENT, f"attribute {name} is not a non-empty string")
        return value

    def _time(self) -> datetime:
        try:
            return _TIME.validate_strings(self._text("time"))
        except ValidationError as error:
            raise self._refusal(
                Reason.NOT_A_CLOUD_EVENT, "attribute time is not an RFC 3339 moment with an offset"
            ) from error

    def _traceparent(self) -> str | None:
        """Return it if well formed; a broken one starts a new trace (W3C Trace Context, 3.2)."""
        value = self._envelope.get("traceparent")
        return value if isinstance(value, str) and _TRACEPARENT.fullmatch(value) else None

    def _fact(self, type_: str, upcasters: Mapping[str, tuple[str, Upcaster]]) -> Fact:
        data = self._envelope.get("data")
        if not isinstance(data, dict):
            self._refuse(Reason.NOT_A_CLOUD_EVENT, "attribute data is not a JSON object")
        try:
            model, data = bring_forward(type_, data, upcasters)
            fact, unknown = read_tolerantly(model, data)
        except UnknownType as error:
            raise self._refusal(error.reason, f"type {type_[:_HEAD_LENGTH]}") from error
        except ValidationError as error:
            raise self._refusal(*_first_problem(error)) from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # An upcaster sees the data before any model has checked it.
            raise self._refusal(
                Reason.INVALID_DATA, "the data of this old version cannot be brought forward"
            ) from error
        if any(holds_card_number(text) for text in texts_in([*unknown, *self._extensions()])):
            self._refuse(
                Reason.CARD_NUMBER, "an unknown field holds what looks like a payment card number"
            )
        return fact

    def _extensions(self) -> Iterator[Any]:
        return (value for name, value in self._envelope.items() if name not in _ATTRIBUTES)

    def _refuse(self, reason: Reason, detail: str) -> NoReturn:
        raise self._refusal(reason, detail)

    def _refusal(self, reason: Reason, detail: str) -> InvalidEvent:
        return InvalidEvent(reason, mask_card_numbers(detail)[:DETAIL_LENGTH], self._head())

    def _head(self) -> EnvelopeHead:
        data = self._envelope.get("data")
        key = data.get("key") if isinstance(data, dict) else None
        try:
            transaction = TransactionKey.model_validate_json(to_json(key), strict=True)
        except ValidationError:
            transaction = None
        texts = {
            name: value[:_HEAD_LENGTH] if isinstance(value, str) else None
            for name, value in ((name, self._envelope.get(name)) for name in _HEAD)
        }
        return EnvelopeHead(**texts, key=transaction)


_HEAD = ("id", "type", "subject")
_ATTRIBUTES = frozenset(
    [
        "specversion",
        "id",
        "type",
        "source",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "data",
        "traceparent",
        "tracestate",
        "lane",
    ]
)


def _first_problem(error: ValidationError) -> tuple[Reason, str]:
    """Return the reason and a sentence about the field, without anything it contained."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    known = [problem for problem in problems if problem["type"] in _OWN_REASONS]
    problem = (known or problems)[0]
    reason = Reason(problem["type"]) if known else Reason.INVALID_DATA
    place = ".".join(str(part) for part in problem["loc"])
    return reason, f"{place}: {problem['msg']}" if place else problem["msg"]


_OWN_REASONS = {reason.value for reason in Reason}
