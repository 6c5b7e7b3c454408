"""Store-days to certify: a list of till transactions, and what the ledger holds of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from shared.events import (
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    TerminalDay,
    TransactionKey,
    fact_id,
)
from shared.store import ClosedDay, Entries, PostedDocument, Rejection, SeenFact, StoreDay

DAY = StoreDay("usrt", "S1", date(2026, 3, 1))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Transaction:
    """What a till did."""

    terminal: str
    sequence: int
    amount: Decimal
    """Signed: a return is negative."""

    @property
    def key(self) -> TransactionKey:
        return TransactionKey(
            company=DAY.company,
            store=DAY.store,
            business_day=DAY.business_day,
            terminal=self.terminal,
            sequence=self.sequence,
        )

    @property
    def fact_type(self) -> str:
        return SaleReturned.TYPE if self.amount < 0 else SaleCompleted.TYPE

    @property
    def fact_id(self) -> UUID:
        return fact_id(self.fact_type, str(self.key))


def transactions(amounts: Iterable[str], *, terminal: str = "T1") -> list[Transaction]:
    """Return a terminal's transactions, sequences from 1."""
    return [
        Transaction(terminal, sequence, Decimal(amount))
        for sequence, amount in enumerate(amounts, start=1)
    ]


def seen(transaction: Transaction, *, currency: str = "USD") -> SeenFact:
    return SeenFact(
        fact_id=transaction.fact_id,
        fact_type=transaction.fact_type,
        key=transaction.key,
        amount=transaction.amount,
        currency=currency,
        seen_at=NOON,
    )


def posted(transaction: Transaction, *, amount: Decimal | None = None) -> PostedDocument:
    return PostedDocument(
        fact_id=transaction.fact_id,
        fact_type=transaction.fact_type,
        key=transaction.key,
        document_key=f"TransactionNumber='{transaction.key}'",
        amount=transaction.amount if amount is None else amount,
        currency="USD",
        posted_at=NOON,
    )


def rejected(transaction: Transaction, *, fact_id: UUID | None = None) -> Rejection:
    identity = fact_id or transaction.fact_id
    return Rejection(
        identity=str(identity),
        fact_id=identity,
        key=transaction.key,
        subscription="sales",
        reason="amounts-do-not-add-up",
        detail="line 1: 2.00 is not 1.00",
        rejected_at=NOON,
    )


def closing(day: Sequence[Transaction], *, total: Decimal | None = None) -> StoreDayClosed:
    """Return the store's own word about these transactions; each sequence only once."""
    by_terminal: dict[str, list[Transaction]] = {}
    for transaction in day:
        by_terminal.setdefault(transaction.terminal, []).append(transaction)
    return StoreDayClosed(
        company=DAY.company,
        store=DAY.store,
        business_day=DAY.business_day,
        closed_at=NOON,
        terminals=tuple(_terminal_day(*each) for each in sorted(by_terminal.items())),
        currency="USD",
        total=sum((each.amount for each in day), Decimal(0)) if total is None else total,
    )


def _terminal_day(terminal: str, those: Sequence[Transaction]) -> TerminalDay:
    returns = sum(each.amount < 0 for each in those)
    return TerminalDay(
        terminal=terminal,
        first_sequence=min(each.sequence for each in those),
        last_sequence=max(each.sequence for each in those),
        sales=len(those) - returns,
        returns=returns,
    )


def closed(fact: StoreDayClosed) -> ClosedDay:
    return ClosedDay(DAY, fact.revision, fact.model_dump_json())


def complete(day: Sequence[Transaction]) -> Entries:
    """Return a day on which all went well."""
    return Entries(
        facts=[seen(each) for each in day],
        documents=[posted(each) for each in day],
        closed=[closed(closing(day))],
    )
