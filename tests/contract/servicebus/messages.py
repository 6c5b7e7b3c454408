"""Messages as the scenarios write and read them, and as the drivers' JSON carries them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Null:
    """A body that is the AMQP value null."""


@dataclass(frozen=True)
class Time:
    """An AMQP timestamp to send; it comes back as its ms."""

    ms: int


@dataclass(frozen=True, kw_only=True)
class Message:
    """To be sent. `body`: bytes or text go as a data section, `value` and `sequence` as theirs.

    Durations and times are ms."""

    body: bytes | str = b""
    value: Any = None
    sequence: Sequence[Any] | None = None
    message_id: str | int | UUID | bytes | None = None
    subject: str | None = None
    content_type: str | None = None
    correlation_id: str | None = None
    to: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    session_id: str | None = None
    partition_key: str | None = None
    time_to_live: int | None = None
    scheduled_at: int | None = None
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Received(Message):
    """`reference` is how the driver knows it."""

    reference: int
    annotations: dict[str, Any]
    sequence_number: int
    enqueued_sequence_number: int | None = None
    delivery_count: int = 0
    enqueued_at: int | None = None
    expires_at: int | None = None
    locked_until: int | None = None
    lock_token: str | None = None
    state: str = "active"
    dead_letter_reason: str | None = None
    dead_letter_description: str | None = None
    dead_letter_source: str | None = None

    @property
    def text(self) -> str:
        return self.body.decode() if isinstance(self.body, bytes) else self.body


def messages(*bodies: str, **same: Any) -> list[Message]:
    return [Message(body=body, **same) for body in bodies]


def texts(received: Sequence[Received]) -> list[str]:
    return [message.text for message in received]


def tagged(value: Any) -> Any:
    match value:
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
        case UUID():
            return {"uuid": str(value)}
        case Time():
            return {"time": value.ms}
        case list() | tuple():
            return [tagged(each) for each in value]
        case dict():
            return {"map": {key: tagged(held) for key, held in value.items()}}
    return value


def untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [untagged(each) for each in value]
    if not isinstance(value, dict):
        return value
    [(tag, held)] = value.items()
    if tag == "map":
        return {key: untagged(each) for key, each in held.items()}
    return base64.b64decode(held) if tag == "bytes" else UUID(held)


def as_sent(message: Message) -> dict[str, Any]:
    given = {
        each.name: tagged(value)
        for each in fields(message)
        if each.name not in ("body", "value", "sequence", "properties")
        and (value := getattr(message, each.name)) is not None
    }
    if message.properties:
        given["properties"] = {key: tagged(value) for key, value in message.properties.items()}
    return {**given, "body": _body(message)}


def _body(message: Message) -> dict[str, Any]:
    if message.sequence is not None:
        return {"sequence": tagged(message.sequence)}
    if message.value is not None:
        return {"value": None if message.value == Null() else tagged(message.value)}
    body = message.body.encode() if isinstance(message.body, str) else message.body
    return {"data": [tagged(body)]}


def as_received(found: dict[str, Any]) -> Received:
    known = {each.name for each in fields(Received)}
    [(kind, held)] = found.pop("body").items()
    content = untagged(held)
    if kind == "value" and content is None:
        content = Null()
    body = {"body": content[0]} if kind == "data" else {kind: content}
    for name in ("properties", "annotations"):
        found[name] = {key: untagged(value) for key, value in found[name].items()}
    found["message_id"] = untagged(found.get("message_id"))
    return Received(**body, **{name: value for name, value in found.items() if name in known})
