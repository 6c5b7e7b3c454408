"""Results and entries to store, distinct by number."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_OID, UUID, uuid5

from shared.events import DocumentRef, Effect, TransactionKey
from shared.store import (
    InboxResult,
    PostedDocument,
    Rejection,
    Reversal,
    SeenFact,
    TenderAmount,
)

SALE = "com.tillbus.sale-completed.v1"
START = datetime(2026, 3, 1, 9, 0, 0, 1, tzinfo=UTC)


def numbered_id(number: int) -> UUID:
    return uuid5(NAMESPACE_OID, str(number))


def key(number: int, *, store: str = "S1", day: int = 1, terminal: str = "T1") -> TransactionKey:
    return TransactionKey(
        company="usrt",
        store=store,
        business_day=date(2026, 3, day),
        terminal=terminal,
        sequence=number,
    )


def result(number: int, *, amount: str = "12.50", already_there: bool = False) -> InboxResult:
    return InboxResult(
        fact_id=numbered_id(number),
        fact_type=SALE,
        key=str(key(number)),
        document=DocumentRef(
            system="finance-operations",
            company="usrt",
            entity_set="RetailTransactions",
            key=f"dataAreaId='usrt',TransactionNumber='{number}'",
        ),
        amount=Decimal(amount),
        currency="USD",
        posted_at=START + timedelta(seconds=number),
        already_there=already_there,
    )


def seen(
    at: TransactionKey,
    *,
    amount: str = "12.50",
    currency: str = "USD",
    tenders: tuple[TenderAmount, ...] | None = None,
) -> SeenFact:
    told = {} if tenders is None else {"occurred_at": START, "what": "early", "last_before": 7}
    return SeenFact(id_at(at), SALE, at, Decimal(amount), currency, START, tenders=tenders, **told)  # type: ignore[arg-type]


def posted(
    at: TransactionKey,
    *,
    amount: str = "12.50",
    currency: str = "USD",
    effect: Effect = "ledger",
    of_no_till: bool = False,
) -> PostedDocument:
    key_ = None if of_no_till else at
    return PostedDocument(
        id_at(at), SALE, key_, f"key of {at}", Decimal(amount), currency, START, effect
    )


def rejected(
    at: TransactionKey | None,
    *,
    identity: str = "",
    minute: int = 0,
    reason: str = "master-data-missing",
    effect: Effect = "ledger",
) -> Rejection:
    identity = identity or str(id_at(at) if at else "message-1")
    return Rejection(
        identity=identity if effect == "ledger" else f"{identity}#{effect}",
        fact_id=id_at(at) if at else None,
        key=at,
        subscription="sales",
        reason=reason,
        detail="lines.0.net_amount: a reason a person understands",
        rejected_at=START + timedelta(minutes=minute),
        effect=effect,
        fact_type=SALE,
    )


def taken_back(at: TransactionKey, *, effect: Effect = "ledger") -> Reversal:
    return Reversal(
        id_at(at), effect, uuid5(id_at(at), effect), "R1", Decimal("-12.50"), "USD", START
    )


def id_at(at: TransactionKey) -> UUID:
    return uuid5(NAMESPACE_OID, str(at))
