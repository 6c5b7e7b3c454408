"""A real store on SQLite, the collaborators around it, and facts to witness."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.bus import Delivery
from shared.clock import Clock
from shared.events import (
    DocumentPosted,
    DocumentRef,
    DocumentRejected,
    Event,
    Fact,
    Reason,
    SaleCompleted,
    SaleLine,
    Tender,
    new_event,
)
from shared.store import Certificates, Ledger, MemoryCertificates, Store

from .days import NOON, Transaction


@dataclass(frozen=True)
class Collaborators:
    ledger: Ledger
    clock: Clock
    certificates: Certificates = field(default_factory=MemoryCertificates)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'store.db'}"
    async with await Store.open(url, lambda: NOON) as opened:
        yield opened


@pytest.fixture
def collaborators(store: Store) -> Collaborators:
    return Collaborators(store.ledger, lambda: NOON, store.certificates)


def event(fact: Fact) -> Event[Any]:
    return new_event(fact, source="/tills/usrt/S1", time=NOON)


def deliveries(*facts: Fact) -> list[Delivery]:
    events = [event(fact) for fact in facts]
    return [Delivery(each, 1, NOON, str(each.id)) for each in events]


def sale(transaction: Transaction) -> SaleCompleted:
    amount = transaction.amount
    line = SaleLine(
        number=1, item="ITEM-1", quantity=Decimal(1), unit_price=amount, net_amount=amount
    )
    paid = Tender(type="cash", currency="USD", amount=amount, amount_in_sale_currency=amount)
    return SaleCompleted(
        key=transaction.key,
        occurred_at=NOON,
        currency="USD",
        prices_include_tax=False,
        lines=(line,),
        tenders=(paid,),
        total=amount,
    )


def document(transaction: Transaction, *, amount: Decimal | None = None) -> DocumentPosted:
    return DocumentPosted(
        fact_id=transaction.fact_id,
        fact_type=transaction.fact_type,
        key=transaction.key,
        document=DocumentRef(
            system="finance-operations",
            company="usrt",
            entity_set="RetailTransactions",
            key=f"TransactionNumber='{transaction.sequence}'",
        ),
        amount=transaction.amount if amount is None else amount,
        currency="USD",
        posted_at=NOON,
    )


def rejection(transaction: Transaction) -> DocumentRejected:
    return DocumentRejected(
        fact_id=transaction.fact_id,
        fact_type=transaction.fact_type,
        key=transaction.key,
        message_id=str(transaction.fact_id),
        subscription="sales",
        reason=Reason.AMOUNTS_DO_NOT_ADD_UP,
        detail="line 1: 2.00 is not 1.00",
        rejected_at=NOON,
    )
