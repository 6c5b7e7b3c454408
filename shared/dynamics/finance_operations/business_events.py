"""Business events as Finance & Operations sends them. No I/O.

Source: dynamics.md 1.6; samples of captured messages. Three tries one second apart, then they are
in its error log: who depends on them reconciles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

TEST_EVENT = "BusinessEventsTestEndpointContract"
"""Sent when an endpoint is activated: to be accepted, and dropped."""

_ENVELOPE = frozenset(
    {
        *("BusinessEventId", "BusinessEventLegalEntity", "ContextRecordSubject", "ControlNumber"),
        *("EventId", "EventTime", "EventTimeIso8601", "InitiatingUserAADObjectId"),
        *("MajorVersion", "MinorVersion", "ParentContextRecordSubjects"),
    }
)
_TICKS = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MalformedEvent(ValueError):
    """The message is no business event; the text says why."""


@dataclass(frozen=True, slots=True)
class BusinessEvent:
    """`control_number` grows from event to event, with gaps: it tells duplicates and which of two
    is later, not whether one is missing. `fields`: the event's own, moments as datetime."""

    name: str
    company: str
    event_id: str
    control_number: int
    at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_test(self) -> bool:
        return self.name == TEST_EVENT

    def follows(self, other: BusinessEvent) -> bool:
        """Whether it happened after the other; the same one sent again does not."""
        return self.control_number > other.control_number


def parse(body: bytes | str) -> BusinessEvent:
    """Return the event of a message. Raises MalformedEvent."""
    try:
        message = json.loads(body, parse_float=Decimal)
    except ValueError as error:
        raise MalformedEvent(f"not JSON: {error}") from error
    if not isinstance(message, dict) or not message.get("BusinessEventId"):
        raise MalformedEvent("no BusinessEventId")
    control_number = message.get("ControlNumber", 0)
    if not isinstance(control_number, int) or isinstance(control_number, bool):
        raise MalformedEvent(f"ControlNumber is {control_number!r}")
    return BusinessEvent(
        name=str(message["BusinessEventId"]),
        company=str(message.get("BusinessEventLegalEntity") or "").lower(),
        event_id=str(message.get("EventId") or "").strip("{}").lower(),
        control_number=control_number,
        at=_event_time(message),
        fields={name: _value(value) for name, value in message.items() if name not in _ENVELOPE},
    )


def _event_time(message: Mapping[str, Any]) -> datetime:
    """The ISO form is finer and newer; older versions send ticks alone."""
    iso, ticks = message.get("EventTimeIso8601"), message.get("EventTime")
    try:
        if isinstance(iso, str) and iso:
            moment = datetime.fromisoformat(_microseconds(iso))
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(ticks, str) and (found := _TICKS.fullmatch(ticks)):
            return _moment(found)
    except (ValueError, OverflowError) as error:
        raise MalformedEvent(f"EventTime cannot be read: {error}") from error
    raise MalformedEvent("no EventTime")


def _microseconds(iso: str) -> str:
    """.NET writes seven decimals, Python reads six."""
    return re.sub(r"(\.\d{6})\d+", r"\1", iso)


def _value(value: object) -> object:
    if isinstance(value, str) and (found := _TICKS.fullmatch(value)):
        try:
            return _moment(found)
        except OverflowError:
            return value
    return value


def _moment(found: re.Match[str]) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(found[1]))
