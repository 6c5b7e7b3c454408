"""The event of a fact, in the trace that begins with it."""

from __future__ import annotations

from contextlib import ExitStack

from opentelemetry.trace import SpanKind

from shared.clock import Clock
from shared.events import Event, Fact, new_event
from shared.telemetry import delivery_span, traceparent_of


def traced_event(fact: Fact, clock: Clock, spans: ExitStack, source: str = "") -> Event[Fact]:
    """Return the fact's event, whose trace begins here; its span ends with `spans`."""
    span = spans.enter_context(
        delivery_span(
            f"publish {fact.TOPIC}",
            parent=None,
            kind=SpanKind.PRODUCER,
            attributes={
                "messaging.system": "servicebus",
                "messaging.operation.type": "send",
                "messaging.operation.name": "publish",
                "messaging.destination.name": fact.TOPIC,
                "messaging.message.id": str(fact.event_id),
                "tillbus.subject": fact.natural_key(),
            },
        )
    )
    return new_event(
        fact, source=source or _source(fact), time=clock(), traceparent=traceparent_of(span)
    )


def _source(fact: Fact) -> str:
    return "/".join(("/tills", *(fact.place or ())))
