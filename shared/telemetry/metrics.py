"""Business figures as metrics: every name in one place.

The instruments exist from import on and record nothing until `configure` has been called.
Attributes are low in number of values (company, topic, subscription, reason), never a sale's key.
"""

from __future__ import annotations

from opentelemetry import metrics

_meter = metrics.get_meter("tillbus")

SALE_TO_LEDGER = _meter.create_histogram(
    "tillbus.sale_to_ledger",
    unit="s",
    description="From the moment the till published the fact until it was found in the ledger",
)
POSTED = _meter.create_counter(
    "tillbus.documents.posted", unit="{document}", description="Facts booked in the ledger"
)
REJECTED = _meter.create_counter(
    "tillbus.facts.rejected", unit="{fact}", description="Facts sent to a dead-letter queue"
)
RETRIED = _meter.create_counter(
    "tillbus.facts.retried", unit="{fact}", description="Delayed retries scheduled"
)
PARKED = _meter.create_counter(
    "tillbus.facts.parked", unit="{fact}", description="Facts put aside until something exists"
)
WAITING = _meter.create_gauge(
    "tillbus.facts.waiting", unit="{fact}", description="Facts that are parked now"
)
FAILED = _meter.create_counter(
    "tillbus.facts.failed", unit="{fact}", description="Deliveries abandoned after our own errors"
)
THROTTLE_WAIT = _meter.create_histogram(
    "tillbus.throttle.wait", unit="s", description="Time spent waiting because Dynamics asked to"
)
MISSING_SEQUENCES = _meter.create_gauge(
    "tillbus.sequences.missing",
    unit="{sequence}",
    description="Till sequence numbers of a store-day for which no fact has been seen",
)
DAYS_NOT_CLOSED = _meter.create_gauge(
    "tillbus.days.not_closed",
    unit="{day}",
    description="Store-days that have seen trade or an opening, and no close by the day after next",
)
