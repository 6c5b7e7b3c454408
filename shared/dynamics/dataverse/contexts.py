"""What a webhook or Service Bus endpoint receives: a RemoteExecutionContext, as a plain fact.

Source: Microsoft, "Use webhooks", "Sample: RemoteExecutionContext JSON"; captured bodies in our
reference data. Only what a write set is in its Target; an image has the whole row. Bodies that are
too large come without either: `is_stripped` then says that the row has to be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

_DATE = re.compile(r"/Date\((-?\d{1,16})(?:[+-]\d{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class UnreadableContext(ValueError):
    """The body is no RemoteExecutionContext; the text says where."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """One write of one row. Values by column: texts, numbers, booleans, aware UTC datetimes;
    choices as numbers, money as numbers, lookups as the GUID of the row."""

    message: str
    """Create, Update or Delete."""
    table: str
    """Logical name, such as `contact`."""
    id: str
    changed: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    """What the write set."""
    after: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    """All we know of the row as it is now: the image after the write, and what the write set."""
    before: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    at: datetime | None = None
    depth: int = 1
    """More than 1: written by something that reacted to another write."""
    user: str = ""
    """Id of who began it; our own application user's is an echo."""
    operation: str = ""
    """The write's id; the same at every repeat."""
    correlation: str = ""
    is_stripped: bool = False


def row_change(body: object) -> RowChange:
    """Raises UnreadableContext."""
    if not isinstance(body, Mapping):
        raise UnreadableContext("the body is not a JSON object")
    try:
        return _row_change(body)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UnreadableContext(f"{type(error).__name__}: {error}") from error


def _row_change(body: Mapping[str, Any]) -> RowChange:
    inputs = dict(_pairs(body.get("InputParameters")))
    target = inputs.get("Target")
    changed = _attributes(target) if isinstance(target, Mapping) else _NOTHING
    after = dict(_merged(body.get("PostEntityImages"))) | dict(changed)
    created = body.get("OperationCreatedOn")
    return RowChange(
        message=_text(body["MessageName"]),
        table=_text(body["PrimaryEntityName"]),
        id=_text(body["PrimaryEntityId"]).lower(),
        changed=changed,
        after=after,
        before=dict(_merged(body.get("PreEntityImages"))),
        at=_moment(created) if isinstance(created, str) else None,
        depth=int(body.get("Depth", 1)),
        user=str(body.get("InitiatingUserId") or ""),
        operation=str(body.get("OperationId") or ""),
        correlation=str(body.get("CorrelationId") or ""),
        is_stripped="InputParameters" not in body,
    )


def _text(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"{value!r} is no text")


def _pairs(pairs: Sequence[Mapping[str, Any]] | None) -> Iterator[tuple[str, Any]]:
    return ((pair["key"], pair["value"]) for pair in pairs or ())


def _merged(images: Sequence[Mapping[str, Any]] | None) -> Iterator[tuple[str, Any]]:
    for _, image in _pairs(images):
        yield from _attributes(image).items()


def _attributes(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: _value(value) for name, value in _pairs(entity.get("Attributes"))}


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return _moment(value)
    if isinstance(value, list):
        return tuple(_value(each) for each in value)
    if not isinstance(value, Mapping):
        return value
    kind = str(value.get("__type", "")).partition(":")[0]
    if kind == "EntityReference":
        return value["Id"]
    return value.get("Value", value)


def _moment(text: str) -> Any:
    """A date where the text is one; every other text as it is."""
    match = _DATE.fullmatch(text)
    return _EPOCH + timedelta(milliseconds=int(match[1])) if match else text
