"""OpenTelemetry set-up, span helpers and the names of all metrics.

    configure(service_name)                     once per process, at start
    tracer(), current_traceparent(), within(tp) the basics; a traceparent is a W3C string or None
    detached()                                  around work that the host's own span must not parent
    consumer_span(...), process_spans(...)      what `shared.bus` opens around a handler
    delivery_span(name, parent=..., links=...)  one delivery's share of work done for several:

        with contextlib.ExitStack() as open_spans:
            for delivery in deliveries:
                open_spans.enter_context(delivery_span(
                    "POST RetailTransactions", parent=delivery.event.traceparent,
                    links=[current_traceparent()], attributes={"http.request.method": "POST"}))
            ...                                 # the one physical $batch request

    SUBJECT                                     span attribute: a fact's natural key
    mark_failed(span, cause)                    shows one share of it as failed
    SALE_TO_LEDGER.record(seconds, {...})       metric instruments, see `shared.telemetry.metrics`
    force_flush()                               before a short-lived process ends

Personal data never goes into a span, a metric or a log line; keys of sales may.
"""

from __future__ import annotations

from shared.telemetry.metrics import (
    DAYS_NOT_CLOSED,
    FAILED,
    MISSING_SEQUENCES,
    PARKED,
    POSTED,
    REJECTED,
    RETRIED,
    SALE_TO_LEDGER,
    THROTTLE_WAIT,
    WAITING,
)
from shared.telemetry.setup import LOGGER_NAME, configure, force_flush, shutdown
from shared.telemetry.spans import (
    SUBJECT,
    consumer_span,
    current_traceparent,
    delivery_span,
    detached,
    mark_failed,
    process_spans,
    traceparent_of,
    tracer,
    within,
)

__all__ = [
    "DAYS_NOT_CLOSED",
    "FAILED",
    "LOGGER_NAME",
    "MISSING_SEQUENCES",
    "PARKED",
    "POSTED",
    "REJECTED",
    "RETRIED",
    "SALE_TO_LEDGER",
    "SUBJECT",
    "THROTTLE_WAIT",
    "WAITING",
    "configure",
    "consumer_span",
    "current_traceparent",
    "delivery_span",
    "detached",
    "force_flush",
    "mark_failed",
    "process_spans",
    "shutdown",
    "traceparent_of",
    "tracer",
    "within",
]
