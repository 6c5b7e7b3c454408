"""Turn a request body of the Application Insights ingestion API into rows, pure.

The body is a JSON array or newline-delimited JSON of envelopes (Application Insights "v2.1/track"
protocol); each envelope names its kind in ``data.baseType``. A bad envelope is refused by its index
and the others are kept, as the service does.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Largest body accepted, after decompression; bounds what a hostile gzip can unfold to."""


class UnreadableBody(ValueError):
    """The body as a whole could not be read; nothing of it was stored."""


@dataclass(frozen=True)
class Span:
    """One request or dependency envelope, which is how Azure Monitor stores a span."""

    operation_id: str
    id: str
    parent_id: str | None
    kind: str
    name: str
    role: str
    start: str
    duration_ms: float
    success: bool
    result_code: str
    attributes: Mapping[str, str]
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LogLine:
    """One trace message or exception envelope; `severity` is 0 (verbose) to 4 (critical)."""

    operation_id: str | None
    parent_id: str | None
    time: str
    severity: int
    message: str
    role: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Measurement:
    """One data point of one metric envelope."""

    name: str
    time: str
    value: float
    count: int
    role: str
    attributes: Mapping[str, str]


@dataclass
class Received:
    """What one request body held."""

    spans: list[Span] = field(default_factory=list)
    logs: list[LogLine] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    items: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)


def read_body(body: bytes, content_encoding: str = "") -> Received:
    """Return the rows of one request body; raise `UnreadableBody` when no envelope can be found."""
    received = Received()
    for index, item in enumerate(_envelopes(_decompress(body, content_encoding))):
        received.items += 1
        try:
            if isinstance(item, _Undecodable):
                raise TypeError(item.text)
            _READERS[_text(item["data"]["baseType"])](item, item["data"]["baseData"], received)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            received.errors.append((index, f"{type(error).__name__}: {error}"[:200]))
    return received


@dataclass(frozen=True)
class _Undecodable:
    text: str


def _decompress(body: bytes, content_encoding: str) -> bytes:
    if "gzip" not in content_encoding.lower() and not body.startswith(b"\x1f\x8b"):
        if len(body) > MAX_BODY_BYTES:
            raise UnreadableBody(f"the body is larger than {MAX_BODY_BYTES} bytes")
        return body
    try:
        unfolded = zlib.decompressobj(wbits=31).decompress(body, MAX_BODY_BYTES + 1)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableBody(f"the body is not valid gzip: {error}") from error
    if len(unfolded) > MAX_BODY_BYTES:
        raise UnreadableBody(f"the body unfolds to more than {MAX_BODY_BYTES} bytes")
    return unfolded


def _envelopes(body: bytes) -> Iterator[Any]:
    text = body.strip()
    if not text:
        raise UnreadableBody("the body is empty")
    if text.startswith(b"["):
        try:
            yield from json.loads(text)
        except ValueError as error:
            raise UnreadableBody(f"the body is not valid JSON: {error}") from error
        return
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError as error:
            yield _Undecodable(f"not valid JSON: {error}")


def _request(envelope: Any, data: Any, into: Received) -> None:
    into.spans.append(_span(envelope, data, "request", _text(data.get("responseCode", ""))))


def _dependency(envelope: Any, data: Any, into: Received) -> None:
    kind = _text(data.get("type", "")) or "dependency"
    into.spans.append(_span(envelope, data, kind, _text(data.get("resultCode", ""))))


def _span(envelope: Any, data: Any, kind: str, result_code: str) -> Span:
    tags = envelope["tags"]
    attributes = dict(data.get("properties") or {})
    links = json.loads(attributes.pop("_MS.links", "[]"))
    return Span(
        operation_id=_text(tags["ai.operation.id"]),
        id=_text(data.get("id", "")),  # optional for dependencies
        parent_id=tags.get("ai.operation.parentId"),
        kind=kind,
        name=_text(data["name"]),
        role=_text(tags.get("ai.cloud.role", "")),
        start=_text(envelope["time"]),
        duration_ms=duration_ms(_text(data["duration"])),
        success=bool(data.get("success", True)),
        result_code=result_code,
        attributes=attributes,
        links=tuple((link["operation_Id"], link["id"]) for link in links),
    )


def _message(envelope: Any, data: Any, into: Received) -> None:
    into.logs.append(_log_line(envelope, data, _text(data["message"])))


def _exception(envelope: Any, data: Any, into: Received) -> None:
    first = data["exceptions"][0]
    into.logs.append(_log_line(envelope, data, f"{first.get('typeName')}: {first.get('message')}"))


def _log_line(envelope: Any, data: Any, message: str) -> LogLine:
    tags = envelope.get("tags") or {}
    return LogLine(
        operation_id=tags.get("ai.operation.id"),
        parent_id=tags.get("ai.operation.parentId"),
        time=_text(envelope["time"]),
        severity=int(data.get("severityLevel") or 0),
        message=message,
        role=_text(tags.get("ai.cloud.role", "")),
        attributes=dict(data.get("properties") or {}),
    )


def _metric(envelope: Any, data: Any, into: Received) -> None:
    for point in data["metrics"]:
        into.measurements.append(
            Measurement(
                name=_text(point["name"]),
                time=_text(envelope["time"]),
                value=float(point["value"]),
                count=int(point.get("count") or 1),
                role=_text((envelope.get("tags") or {}).get("ai.cloud.role", "")),
                attributes=dict(data.get("properties") or {}),
            )
        )


def _ignored(envelope: Any, data: Any, into: Received) -> None:
    """Accept a kind that nobody asks about here (page views, availability)."""


_READERS = {
    "RequestData": _request,
    "RemoteDependencyData": _dependency,
    "MessageData": _message,
    "ExceptionData": _exception,
    "MetricData": _metric,
    "EventData": _ignored,
    "PageViewData": _ignored,
    "AvailabilityData": _ignored,
}


def duration_ms(text: str) -> float:
    """Return the milliseconds of a .NET time span: ``d.hh:mm:ss.fff`` or ``hh:mm:ss.fffffff``."""
    clock_part = text
    days = 0
    head, separator, tail = text.partition(".")
    if separator and ":" in tail:
        days, clock_part = int(head), tail
    hours, minutes, seconds = clock_part.split(":")
    return ((days * 24 + int(hours)) * 60 + int(minutes)) * 60_000 + float(seconds) * 1000


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)
