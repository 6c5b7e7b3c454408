"""Facts from the bus -> entries of the ledger. Pure. Nothing of a person gets this far."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple, get_args
from uuid import UUID

from services.completeness.effects import NAMES_NOBODY, refused_effect
from shared.events import (
    CashMoved,
    DocumentPosted,
    DocumentRejected,
    Effect,
    Event,
    ReversalOrdered,
    SaleCompleted,
    SaleReturned,
    SaleVoided,
    StoreDayClosed,
    StoreDayOpened,
    TenderDeclared,
    TransactionRecorded,
)
from shared.store.ledger_entries import (
    LEDGER,
    ClosedDay,
    Entries,
    OpenedDay,
    PostedDocument,
    Rejection,
    Reversal,
    SeenFact,
    StoreDay,
    TenderAmount,
)

_log = logging.getLogger("tillbus.completeness")


class Entry(NamedTuple):
    """What to remember, and under which of the ledger's names."""

    name: str
    row: Any


def entries(events: Sequence[Event[Any]], seen_at: datetime) -> Entries:
    """Return what the ledger has to remember of these facts, whatever their kinds."""
    rows: dict[str, list[Any]] = {}
    for event in events:
        for name, row in ENTRIES[type(event.data)](event, seen_at):
            rows.setdefault(name, []).append(row)
    return Entries(**rows)


def noted(rejections: Sequence[DocumentRejected]) -> Entries:
    """Return the rejections that say which transaction they are about.

    The others are told by the subscription that owns the dead letter; from here they would only
    be a second copy that nothing can match with the first.
    """
    return Entries(rejections=[_rejection(each) for each in rejections if each.key])


def _sale(event: Event[Any], seen_at: datetime) -> Iterable[Entry]:
    sale: SaleCompleted | SaleReturned = event.data
    incoming = isinstance(sale, SaleCompleted)
    paid = (
        (each.type, each.currency, each.amount if incoming != each.is_change else -each.amount)
        for each in sale.tenders
    )
    fact = _seen(event, seen_at, sale.signed_amount, sale.currency, tenders=_summed(paid))
    return [Entry("facts", fact)]


def _voided(event: Event[Any], seen_at: datetime) -> Iterable[Entry]:
    voided: SaleVoided = event.data
    return [Entry("facts", _seen(event, seen_at, currency=voided.currency))]


def _recorded(event: Event[Any], seen_at: datetime) -> Iterable[Entry]:
    recorded: TransactionRecorded = event.data
    fact = _seen(event, seen_at, what=recorded.kind, last_before=recorded.last_before)
    return [Entry("facts", fact)]


def _declared(event: Event[Any], seen_at: datetime) -> Iterable[Entry]:
    declared: TenderDeclared = event.data
    counted = _summed((each.type, each.currency, each.amount) for each in declared.tenders)
    return [Entry("facts", _seen(event, seen_at, what=declared.shift or "", tenders=counted))]


def _moved(event: Event[Any], seen_at: datetime) -> Iterable[Entry]:
    moved: CashMoved = event.data
    money = TenderAmount(moved.type, moved.currency, moved.drawer_amount)
    fact = _seen(event, seen_at, currency=moved.currency, what=moved.kind, tenders=(money,))
    return [Entry("facts", fact)]


def _seen(
    event: Event[Any],
    seen_at: datetime,
    amount: Decimal = Decimal(0),
    currency: str = "",
    *,
    what: str = "",
    last_before: int | None = None,
    tenders: tuple[TenderAmount, ...] = (),
) -> SeenFact:
    return SeenFact(
        fact_id=event.id,
        fact_type=event.type,
        key=event.data.key,
        amount=amount,
        currency=currency,
        seen_at=seen_at,
        occurred_at=event.data.occurred_at,
        what=what,
        last_before=last_before,
        tenders=tenders,
    )


def _summed(amounts: Iterable[tuple[str, str, Decimal]]) -> tuple[TenderAmount, ...]:
    sums: dict[tuple[str, str], Decimal] = {}
    for type_, currency, amount in amounts:
        means = type_, currency
        sums[means] = sums.get(means, Decimal(0)) + amount
    return tuple(TenderAmount(*means, amount) for means, amount in sorted(sums.items()))


def _posted(event: Event[Any], _seen_at: datetime) -> Iterable[Entry]:
    posted: DocumentPosted = event.data
    if posted.fact_type == ReversalOrdered.TYPE:
        return _reversed(posted)
    document = PostedDocument(
        fact_id=posted.fact_id,
        fact_type=posted.fact_type,
        key=posted.key,
        document_key=_document_key(posted),
        amount=posted.amount,
        currency=posted.currency or "",
        posted_at=posted.posted_at,
        effect=posted.effect,
    )
    return [Entry("documents", document)]


def _reversed(posted: DocumentPosted) -> Iterable[Entry]:
    """A reversal's natural key says which effect of which fact it takes back."""
    fact_id, _, effect = posted.subject.partition("/")
    try:
        of = UUID(fact_id)
    except ValueError:
        _log.error("Reversal %s does not say in its subject what it reverses", posted.fact_id)
        return []
    reversal = Reversal(
        fact_id=of,
        effect=_EFFECTS.get(effect, posted.effect),
        reversal_id=posted.fact_id,
        document_key=_document_key(posted),
        amount=posted.amount,
        currency=posted.currency or "",
        posted_at=posted.posted_at,
    )
    return [Entry("reversals", reversal)]


_EFFECTS: Mapping[str, Effect] = MappingProxyType({each: each for each in get_args(Effect)})


def _document_key(posted: DocumentPosted) -> str:
    return posted.document.key if posted.effect in NAMES_NOBODY else ""


def _rejected(event: Event[Any], _seen_at: datetime) -> Iterable[Entry]:
    return [Entry("rejections", _rejection(event.data))]


def _rejection(rejected: DocumentRejected) -> Rejection:
    fact_type = rejected.fact_type or ""
    effect = rejected.effect or refused_effect(rejected.subscription, fact_type)
    # The same message may be told of twice, by the subscription that owns the dead letter and by
    # ours: the fact id is the same from both, a message id may be made up by each.
    refused = str(rejected.fact_id or rejected.key or rejected.message_id)
    return Rejection(
        identity=refused if effect == LEDGER else f"{refused}#{effect}",
        fact_id=rejected.fact_id,
        key=rejected.key,
        subscription=rejected.subscription,
        reason=rejected.reason.value,
        detail=rejected.detail,
        rejected_at=rejected.rejected_at,
        effect=effect,
        fact_type=fact_type,
    )


def _closed(event: Event[Any], _seen_at: datetime) -> Iterable[Entry]:
    closed: StoreDayClosed = event.data
    day = StoreDay(closed.company, closed.store, closed.business_day)
    return [Entry("closed", ClosedDay(day, closed.revision, closed.model_dump_json()))]


def _opened(event: Event[Any], _seen_at: datetime) -> Iterable[Entry]:
    opened: StoreDayOpened = event.data
    day = StoreDay(opened.company, opened.store, opened.business_day)
    return [Entry("opened", OpenedDay(day, opened.revision, opened.model_dump_json()))]


ENTRIES: Mapping[type[Any], Callable[[Event[Any], datetime], Iterable[Entry]]] = MappingProxyType(
    {
        SaleCompleted: _sale,
        SaleReturned: _sale,
        SaleVoided: _voided,
        TransactionRecorded: _recorded,
        TenderDeclared: _declared,
        CashMoved: _moved,
        StoreDayOpened: _opened,
        StoreDayClosed: _closed,
        DocumentPosted: _posted,
        DocumentRejected: _rejected,
    }
)
"""Fact -> what the ledger remembers of it."""
