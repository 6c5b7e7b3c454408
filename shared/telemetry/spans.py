"""Spans by the messaging conventions (semconv 0.66b): one trace for each sale, also in batches.

A batch of N messages is N processes in N traces, so no single current span can be right for all of
them. Each message has a CONSUMER span `process <topic>` in its own trace; what is physically done
once for all of them (the invocation, an HTTP `$batch`, a send) belongs to the batch's span
`receive <topic>`, and the two are joined by links.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Protocol

from opentelemetry import context, trace
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

_W3C = TraceContextTextMapPropagator()

SYSTEM = "servicebus"

SUBJECT = "tillbus.subject"
"""Span attribute with a fact's natural key: what people search a trace by."""


class TracedMessage(Protocol):
    """What a span needs to know of a received message."""

    @property
    def message_id(self) -> str: ...
    @property
    def traceparent(self) -> str | None: ...
    @property
    def delivery_count(self) -> int: ...


@cache
def tracer() -> trace.Tracer:
    """Return the tracer of Tillbus; its spans go nowhere until `configure` has been called.

    Kept, because looking it up costs too much for every span; one that was looked up before
    `configure` finds the provider by itself later.
    """
    return trace.get_tracer("tillbus")


def traceparent_of(span: Span) -> str | None:
    """Return the W3C `traceparent` of a span; None when nothing is being traced."""
    found = span.get_span_context()
    if not found.is_valid:
        return None
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


def current_traceparent() -> str | None:
    """Return the `traceparent` of the current span; None when there is none."""
    return traceparent_of(trace.get_current_span())


@contextmanager
def within(traceparent: str | None) -> Iterator[None]:
    """Make a remote span the current one; `None` leaves the current one as it is."""
    if traceparent is None:
        yield
        return
    token = context.attach(_context(traceparent))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def detached() -> Iterator[None]:
    """Have no current span, so that what starts in the block starts a trace of its own.

    With PYTHON_ENABLE_OPENTELEMETRY the Functions worker makes the host's span current. A host
    without telemetry never exports that span, and everything below it would hang in the air.
    """
    token = context.attach(context.Context())
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def delivery_span(
    name: str,
    *,
    parent: str | Span | None,
    kind: SpanKind = SpanKind.CLIENT,
    links: Iterable[str | Span | None] = (),
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Iterator[Span]:
    """Record one delivery's share of work that is done for several at once.

    The span is a child of `parent` (a delivery's `event.traceparent`, or a span; None starts a
    trace of its own) and is NOT made current, so many may be open side by side. An exception ends
    it as failed and passes on.
    """
    span = tracer().start_span(
        name,
        context=_context(parent),
        kind=kind,
        links=_links(links),
        attributes=attributes,
    )
    try:
        yield span
    except BaseException as error:
        mark_failed(span, str(error) or type(error).__name__)
        raise
    finally:
        span.end()


def mark_failed(span: Span, cause: str) -> None:
    """Show the span as failed; `cause` must hold no personal data."""
    span.set_status(Status(StatusCode.ERROR, cause))


def consumer_span(
    topic: str,
    subscription: str,
    traceparent: str | None,
    message_id: str,
    delivery_count: int,
    *,
    links: Iterable[str | Span | None] = (),
) -> Span:
    """Start `process <topic>`, child of the message's creation; the caller ends it."""
    return tracer().start_span(
        f"process {topic}",
        context=_context(traceparent),
        kind=SpanKind.CONSUMER,
        links=_links(links),
        attributes={
            **_destination(topic, subscription, "process"),
            # Azure Monitor keeps no messaging attribute it does not know; this one says who.
            "tillbus.subscription": subscription,
            "messaging.message.id": message_id,
            "messaging.servicebus.message.delivery_count": delivery_count,
        },
    )


@contextmanager
def process_spans(
    topic: str,
    subscription: str,
    messages: Sequence[TracedMessage],
    *,
    invocation: str | None = None,
) -> Iterator[list[Span]]:
    """Keep one open `process` span for each message, in order, while the block runs.

    A lone message's span is the current one, so that everything done for it is in its trace; for
    a batch the current span is `receive <topic>`, linked with each message. Both are linked with
    `invocation`, the host's traceparent: a link and no parent, see `detached`.
    A span still open at the end is ended.
    """
    with _batch_span(topic, subscription, messages, invocation) as batch:
        spans = [
            consumer_span(
                topic,
                subscription,
                each.traceparent,
                each.message_id,
                each.delivery_count,
                links=[batch or invocation],
            )
            for each in messages
        ]
        try:
            with _current(spans[0]) if len(spans) == 1 else _current(batch):
                yield spans
        finally:
            for span in spans:
                if span.is_recording():
                    span.end()


@contextmanager
def _batch_span(
    topic: str, subscription: str, messages: Sequence[TracedMessage], invocation: str | None
) -> Iterator[Span | None]:
    if len(messages) < 2:
        yield None
        return
    with tracer().start_as_current_span(
        f"receive {topic}",
        kind=SpanKind.CLIENT,
        links=_links([*(each.traceparent for each in messages), invocation]),
        attributes={
            **_destination(topic, subscription, "receive"),
            "messaging.batch.message_count": len(messages),
        },
    ) as span:
        yield span


@contextmanager
def _current(span: Span | None) -> Iterator[None]:
    if span is None:
        yield
        return
    with trace.use_span(span, record_exception=False):
        yield


def _destination(topic: str, subscription: str, operation: str) -> dict[str, AttributeValue]:
    return {
        "messaging.system": SYSTEM,
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
        "messaging.destination.name": topic,
        "messaging.destination.subscription.name": subscription,
    }


def _context(parent: str | Span | None) -> context.Context:
    if isinstance(parent, Span):
        return trace.set_span_in_context(parent, context.Context())
    return _remote(parent) if parent else context.Context()


@lru_cache(maxsize=1024)
def _remote(traceparent: str) -> context.Context:
    """Kept, as each message of a batch needs it for its span, its links and what it publishes."""
    return _W3C.extract({"traceparent": traceparent}, context=context.Context())


def _links(ends: Iterable[str | Span | None]) -> list[Link]:
    contexts = [trace.get_current_span(_context(end)).get_span_context() for end in ends if end]
    return [Link(each) for each in contexts if each.is_valid]
