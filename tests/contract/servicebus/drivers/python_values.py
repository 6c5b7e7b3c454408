"""Between the driver protocol's JSON and what the Python SDK takes and gives.

JSON's own values, and `{"bytes": base64}`, `{"uuid": text}`, `{"time": ms}`, `{"map": {…}}`. Times
come back as ms.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any
from uuid import UUID

import isodate  # type: ignore[import-untyped]
from azure.servicebus import ServiceBusMessage
from azure.servicebus.amqp import (
    AmqpAnnotatedMessage,
    AmqpMessageHeader,
    AmqpMessageProperties,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_PROPERTIES = (
    "message_id",
    "subject",
    "content_type",
    "correlation_id",
    "to",
    "reply_to",
    "reply_to_session_id",
    "session_id",
    "partition_key",
)


def plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return isodate.duration_isoformat(value)
    return ms_of(value) if isinstance(value, datetime) else value


def time_of(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def ms_of(time: datetime | None) -> int | None:
    if time is None:
        return None
    return (time - _EPOCH) // timedelta(milliseconds=1)


def untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [untagged(each) for each in value]
    if not isinstance(value, dict):
        return value
    [(tag, held)] = value.items()
    return _READ[tag](held)


_READ: dict[str, Callable[[Any], Any]] = {
    "bytes": base64.b64decode,
    "uuid": UUID,
    "time": time_of,
    "map": lambda entries: _map(entries),
}


def _map(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: untagged(value) for key, value in entries.items()}


def tagged(value: Any, *, text: bool = False) -> Any:
    """`text`: bytes that are UTF-8 become str, for where the SDK hands out strings as bytes."""
    if isinstance(value, bytes):
        if text:
            try:
                return value.decode()
            except UnicodeDecodeError:
                pass
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, UUID):
        return {"uuid": str(value)}
    if isinstance(value, datetime):
        return ms_of(value)
    if isinstance(value, list):
        return [tagged(each, text=text) for each in value]
    if isinstance(value, dict):
        return {"map": _texts(value)}
    return value


def _texts(properties: dict[Any, Any] | None) -> dict[str, Any]:
    return {
        str(tagged(key, text=True)): tagged(value, text=True)
        for key, value in (properties or {}).items()
    }


def sendable(source: dict[str, Any]) -> ServiceBusMessage | AmqpAnnotatedMessage:
    [(kind, body)] = source["body"].items()
    body = untagged(body)
    given = {name: untagged(source[name]) for name in _PROPERTIES if name in source}
    properties: dict[Any, Any] = _map(source.get("properties", {}))
    live = source.get("time_to_live")
    if kind != "data" or not isinstance(given.get("message_id", ""), str):
        return _annotated(kind, body, given, properties)
    return ServiceBusMessage(
        body if len(body) != 1 else body[0],
        application_properties=properties or None,
        time_to_live=None if live is None else timedelta(milliseconds=live),
        scheduled_enqueue_time_utc=(
            time_of(source["scheduled_at"]) if "scheduled_at" in source else None
        ),
        **given,
    )


def _annotated(
    kind: str, body: Any, given: dict[str, Any], properties: dict[str, Any]
) -> AmqpAnnotatedMessage:
    return AmqpAnnotatedMessage(
        **{f"{kind}_body": body},
        header=AmqpMessageHeader(),
        properties=AmqpMessageProperties(**given),
        application_properties=properties or None,
    )


def received(message: Any) -> dict[str, Any]:
    raw = message.raw_amqp_message
    found = {
        "body": _body(raw),
        "properties": _texts(message.application_properties),
        "annotations": _texts(raw.annotations),
        **{name: tagged(getattr(message, name), text=True) for name in _PROPERTIES},
        # The high-level attribute turns every kind of id into text.
        "message_id": tagged(raw.properties.message_id, text=True) if raw.properties else None,
        "time_to_live": _milliseconds(message.time_to_live),
        "scheduled_at": ms_of(message.scheduled_enqueue_time_utc),
        "sequence_number": message.sequence_number,
        "enqueued_sequence_number": message.enqueued_sequence_number,
        "delivery_count": message.delivery_count,
        "enqueued_at": ms_of(message.enqueued_time_utc),
        "expires_at": ms_of(message.expires_at_utc),
        "locked_until": ms_of(getattr(message, "locked_until_utc", None)),
        "lock_token": str(message.lock_token) if getattr(message, "lock_token", None) else None,
        "state": message.state.name.lower(),
        "dead_letter_reason": message.dead_letter_reason,
        "dead_letter_description": message.dead_letter_error_description,
        "dead_letter_source": message.dead_letter_source,
    }
    return {name: value for name, value in found.items() if value is not None}


def _milliseconds(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // timedelta(milliseconds=1)


def _body(raw: Any) -> dict[str, Any]:
    kind = raw.body_type.value
    body = raw.body
    if kind == "data":
        return {"data": [tagged(b"".join(body or ()))]}
    if kind == "sequence":
        return {"sequence": [tagged(each, text=True) for section in body for each in section]}
    return {"value": tagged(body, text=True)}
