"""Facts from the bus -> entries of the ledger. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from shared.events import (
    DocumentPosted,
    DocumentRejected,
    Event,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
)
from shared.store.ledger import ClosedDay, Entries, PostedDocument, Rejection, SeenFact, StoreDay


def entries(events: Sequence[Event[Any]], seen_at: datetime) -> Entries:
    """Return what the ledger has to remember of these facts, whatever their kinds."""
    rows: dict[str, list[Any]] = {}
    for event in events:
        kind, entry = ENTRIES[type(event.data)]
        rows.setdefault(kind, []).append(entry(event, seen_at))
    return Entries(**rows)


def noted(rejections: Sequence[DocumentRejected]) -> Entries:
    """Return the rejections that say which transaction they are about.

    The others are told by the subscription that owns the dead letter; from here they would only
    be a second copy that nothing can match with the first.
    """
    return Entries(rejections=[_rejection(each) for each in rejections if each.key])


def _seen(event: Event[Any], seen_at: datetime) -> SeenFact:
    sale: SaleCompleted | SaleReturned = event.data
    return SeenFact(
        fact_id=event.id,
        fact_type=event.type,
        key=sale.key,
        amount=sale.signed_amount,
        currency=sale.currency,
        seen_at=seen_at,
    )


def _posted(event: Event[Any], _seen_at: datetime) -> PostedDocument:
    posted: DocumentPosted = event.data
    return PostedDocument(
        fact_id=posted.fact_id,
        fact_type=posted.fact_type,
        key=posted.key,
        document_key=posted.document.key,
        amount=posted.amount,
        currency=posted.currency,
        posted_at=posted.posted_at,
    )


def _rejected(event: Event[Any], _seen_at: datetime) -> Rejection:
    return _rejection(event.data)


def _rejection(rejected: DocumentRejected) -> Rejection:
    return Rejection(
        # The same message may be told of twice, by the subscription that owns the dead letter and
        # by ours: the fact id is the same from both, a message id may be made up by each.
        identity=str(rejected.fact_id or rejected.key or rejected.message_id),
        fact_id=rejected.fact_id,
        key=rejected.key,
        subscription=rejected.subscription,
        reason=rejected.reason.value,
        detail=rejected.detail,
        rejected_at=rejected.rejected_at,
    )


def _closed(event: Event[Any], _seen_at: datetime) -> ClosedDay:
    closed: StoreDayClosed = event.data
    day = StoreDay(closed.company, closed.store, closed.business_day)
    return ClosedDay(day, closed.revision, closed.model_dump_json())


ENTRIES: Mapping[type[Any], tuple[str, Callable[[Event[Any], datetime], object]]] = (
    MappingProxyType(
        {
            SaleCompleted: ("facts", _seen),
            SaleReturned: ("facts", _seen),
            DocumentPosted: ("documents", _posted),
            DocumentRejected: ("rejections", _rejected),
            StoreDayClosed: ("closed", _closed),
        }
    )
)
"""Fact -> which entries of the ledger, and how one is made."""
