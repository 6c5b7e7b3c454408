"""Entries of the ledger as rows of its tables, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, Table

from shared.events import TransactionKey
from shared.store.ledger_entries import (
    LEDGER,
    ClosedDay,
    DayFilter,
    Evaluation,
    OpenedDay,
    PostedDocument,
    Rejection,
    Reversal,
    SeenFact,
    StoreDay,
    TenderAmount,
)

Values = dict[str, object]


def conditions(table: Table, wanted: DayFilter) -> list[ColumnElement[bool]]:
    """Return what makes a table's rows those of the store-days wanted."""
    given: tuple[tuple[Any, Callable[[Any], ColumnElement[bool]]], ...] = (
        (wanted.company, table.c.company.__eq__),
        (wanted.store, table.c.store.__eq__),
        (wanted.first_day, table.c.business_day.__ge__),
        (wanted.last_day, table.c.business_day.__le__),
    )
    return [condition(value) for value, condition in given if value is not None]


def day_row(day: StoreDay) -> Values:
    return {"company": day.company, "store": day.store, "business_day": day.business_day}


def read_day(row: Any) -> StoreDay:
    return StoreDay(row.company, row.store, row.business_day)


_NO_KEY: Values = dict.fromkeys(("company", "store", "business_day", "terminal", "sequence"))


def _key_row(key: TransactionKey | None) -> Values:
    if key is None:
        return dict(_NO_KEY)
    return day_row(StoreDay.of(key)) | {"terminal": key.terminal, "sequence": key.sequence}


def _read_key(row: Row[Any]) -> TransactionKey | None:
    return None if row.sequence is None else _read_known_key(row)


def _read_known_key(row: Row[Any]) -> TransactionKey:
    # What was checked when it was written need not be checked again: a day has thousands.
    return TransactionKey.model_construct(
        company=row.company,
        store=row.store,
        business_day=row.business_day,
        terminal=row.terminal,
        sequence=row.sequence,
    )


def fact_row(fact: SeenFact) -> Values:
    return _key_row(fact.key) | {
        "fact_id": fact.fact_id,
        "fact_type": fact.fact_type,
        "amount": fact.amount,
        "currency": fact.currency,
        "seen_at": fact.seen_at,
        "occurred_at": fact.occurred_at,
        "what": fact.what,
        "last_before": fact.last_before,
        "tenders": _tenders_text(fact.tenders),
    }


def read_fact(row: Row[Any]) -> SeenFact:
    return SeenFact(
        fact_id=row.fact_id,
        fact_type=row.fact_type,
        key=_read_known_key(row),
        amount=row.amount,
        currency=row.currency,
        seen_at=row.seen_at,
        occurred_at=row.occurred_at,
        what=row.what,
        last_before=row.last_before,
        tenders=_read_tenders(row.tenders),
    )


def _tenders_text(tenders: tuple[TenderAmount, ...] | None) -> str | None:
    if tenders is None:
        return None
    rows = [[each.type, each.currency, format(each.amount, "f")] for each in tenders]
    return json.dumps(rows, separators=(",", ":"))


def _read_tenders(text: str | None) -> tuple[TenderAmount, ...] | None:
    if text is None:
        return None
    return tuple(
        TenderAmount(type_, currency, Decimal(amount))
        for type_, currency, amount in json.loads(text)
    )


def document_row(document: PostedDocument) -> Values:
    return _key_row(document.key) | {
        "effect": document.effect,
        "fact_id": document.fact_id,
        "fact_type": document.fact_type,
        "document_key": document.document_key,
        "amount": document.amount,
        "currency": document.currency,
        "posted_at": document.posted_at,
    }


def read_document(row: Row[Any]) -> PostedDocument:
    return PostedDocument(
        fact_id=row.fact_id,
        fact_type=row.fact_type,
        key=_read_key(row),
        document_key=row.document_key,
        amount=row.amount,
        currency=row.currency,
        posted_at=row.posted_at,
        effect=row.effect,
    )


def rejection_row(rejection: Rejection) -> Values:
    return _key_row(rejection.key) | {
        "identity": rejection.identity,
        "fact_id": rejection.fact_id,
        "subscription": rejection.subscription,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "rejected_at": rejection.rejected_at,
        "effect": rejection.effect,
        "fact_type": rejection.fact_type,
    }


def read_rejection(row: Row[Any]) -> Rejection:
    return Rejection(
        identity=row.identity,
        fact_id=row.fact_id,
        key=_read_key(row),
        subscription=row.subscription,
        reason=row.reason,
        detail=row.detail,
        rejected_at=row.rejected_at,
        effect=row.effect or LEDGER,
        fact_type=row.fact_type,
    )


def reversal_row(reversal: Reversal) -> Values:
    return {
        "effect": reversal.effect,
        "fact_id": reversal.fact_id,
        "reversal_id": reversal.reversal_id,
        "document_key": reversal.document_key,
        "amount": reversal.amount,
        "currency": reversal.currency,
        "posted_at": reversal.posted_at,
    }


def read_reversal(row: Row[Any]) -> Reversal:
    return Reversal(
        fact_id=row.fact_id,
        effect=row.effect,
        reversal_id=row.reversal_id,
        document_key=row.document_key,
        amount=row.amount,
        currency=row.currency,
        posted_at=row.posted_at,
    )


def read_closed(row: Row[Any]) -> list[ClosedDay]:
    if row.closed_revision is None:
        return []
    return [ClosedDay(read_day(row), row.closed_revision, row.closed_payload)]


def read_opened(row: Row[Any]) -> list[OpenedDay]:
    if row.opened_revision is None:
        return []
    return [OpenedDay(read_day(row), row.opened_revision, row.opened_payload)]


def day_parameters(day: StoreDay) -> Values:
    return {f"day_{name}": value for name, value in day_row(day).items()}


def word_row(word: ClosedDay | OpenedDay) -> Values:
    """Return the parameters of an update that keeps a store's word about its day."""
    return day_parameters(word.day) | {"new_revision": word.revision, "new_payload": word.payload}


def evaluation_row(evaluation: Evaluation) -> Values:
    """Return the parameters of an update that keeps an evaluation."""
    return day_parameters(evaluation.day) | {
        "new_version": evaluation.version,
        "new_verdict": evaluation.verdict,
        "new_missing": evaluation.missing_sequences,
    }


def read_evaluation(row: Row[Any]) -> Evaluation:
    return Evaluation(read_day(row), row.evaluated_version, row.verdict, row.missing_sequences)
