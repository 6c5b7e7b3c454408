"""Reading the maps that `$management` requests bring; what does not fit is `argument-error`."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from infra.local.servicebus.amqp import Message
from infra.local.servicebus.server.errors import ARGUMENT_ERROR, refused

T = TypeVar("T")
Body = dict[Any, Any]


def body_of(request: Message) -> Body:
    body = request.value
    if not isinstance(body, dict):
        raise refused(ARGUMENT_ERROR, "The request's body is a map.")
    return body


def get(body: Any, name: str, kind: type[T]) -> T:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, kind):
        raise refused(ARGUMENT_ERROR, f"'{name}' is missing or no {kind.__name__}.")
    return value


def optional(body: Body, name: str, kind: type[T]) -> T | None:
    """None where the entry is missing or null."""
    return None if body.get(name) is None else get(body, name, kind)


def tokens(body: Body) -> list[UUID]:
    return _all(body, "lock-tokens", UUID)


def numbers(body: Body) -> list[int]:
    return _all(body, "sequence-numbers", int)


def _all(body: Body, name: str, kind: type[T]) -> list[T]:
    values = get(body, name, list)
    if not values or not all(isinstance(value, kind) for value in values):
        raise refused(ARGUMENT_ERROR, f"'{name}' holds at least one {kind.__name__}.")
    return values
