"""Show in span, metric and log what became of a message."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import Span, use_span

from shared.bus.fulfilment import Item
from shared.bus.outcomes import nameless
from shared.bus.verdicts import Action, Verdict
from shared.events import DocumentPosted
from shared.telemetry import (
    FAILED,
    PARKED,
    POSTED,
    REJECTED,
    RETRIED,
    SALE_TO_LEDGER,
    mark_failed,
)

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

_log = logging.getLogger("tillbus.bus")


def record(item: Item, verdict: Verdict) -> None:
    """Record one message's end: one log line for each, at most."""
    where: dict[str, AttributeValue] = {
        "topic": item.case.source.topic,
        "subscription": item.case.source.name,
    }
    item.span.set_attribute("messaging.servicebus.disposition_status", verdict.action.value)
    if verdict.action is Action.ABANDON:
        mark_failed(item.span, verdict.cause)
        FAILED.add(1, where)
        with _in(item.span):
            _log.error(
                "Message %s is abandoned: %s",
                item.message.message_id,
                verdict.cause,
                exc_info=verdict.error,
            )
    elif verdict.reason is not None:
        mark_failed(item.span, verdict.reason)
        REJECTED.add(1, where | {"reason": str(verdict.reason)})
        with _in(item.span):
            _log.warning(
                "Message %s is dead-lettered: %s", item.message.message_id, verdict.reason.value
            )
    elif verdict.retry is not None:
        item.span.set_attribute("tillbus.retry.due", verdict.retry.due.isoformat())
        RETRIED.add(1, where)
        with _in(item.span):
            _log.info("Message %s waits: %s", item.message.message_id, verdict.cause)
    elif verdict.park is not None:
        key = nameless(verdict.park.key)
        item.span.set_attribute("tillbus.parked.key", key)
        PARKED.add(1, where)
        with _in(item.span):
            _log.info("Message %s is parked under %s", item.message.message_id, key)
    else:
        _record_postings(item, verdict, where)


def _record_postings(item: Item, verdict: Verdict, where: dict[str, AttributeValue]) -> None:
    delivery = item.case.delivery
    for event in verdict.events:
        posted = event.data
        if isinstance(posted, DocumentPosted) and delivery is not None:
            POSTED.add(1, where | {"company": posted.document.company, "effect": posted.effect})
            if posted.effect == "ledger" and not posted.already_there:
                seconds = (posted.posted_at - delivery.event.time).total_seconds()
                SALE_TO_LEDGER.record(seconds, where)


@contextmanager
def _in(span: Span) -> Iterator[None]:
    """Log inside a message's own trace; the span's status is the caller's business."""
    with use_span(span, record_exception=False, set_status_on_exception=False):
        yield
