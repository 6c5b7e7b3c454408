"""What the handlers work with, in memory: the shipped stores, and ledgers that keep a key once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.sales.collaborators import TaxCheck
from services.sales.ledgers import SalesBook
from services.sales.ledgers.business_central import BusinessCentralBook
from services.sales.ledgers.commerce import CommerceBook
from services.sales.ledgers.finance_operations import FinanceOperationsBook
from shared.bus import Delivery
from shared.clock import Clock
from shared.companies import Company
from shared.dynamics import Booked, Conflict, DynamicsError, Failed, Posting, RetailTransaction
from shared.dynamics.finance_operations.statements import StoreStatement
from shared.dynamics.ports.documents import DocumentKind, DocumentStatus, Journal, SalesDocument
from shared.events import Event, Fact, new_event
from shared.store import Inbox, MemoryInbox
from shared.store.archive import Archive, MemoryArchive
from shared.store.parking import MemoryParking, Parking
from shared.store.records import MemoryRecords, Records
from tests.unit.sales.baskets import COMPANIES

NOW = datetime(2026, 3, 1, 23, 31, tzinfo=UTC)


class Ledger:
    """Retail transactions as the port promises it: a key is booked once, the same again is found.

    `errors`: `n<sequence>` -> what posting it fails with."""

    def __init__(self, **errors: DynamicsError) -> None:
        self.booked: dict[tuple[str, ...], RetailTransaction] = {}
        self.calls = 0
        self.errors = errors

    async def post(self, transactions: Sequence[RetailTransaction]) -> Sequence[Posting]:
        self.calls += 1
        return [self._post(transaction) for transaction in transactions]

    def _post(self, transaction: RetailTransaction) -> Posting:
        error = self.errors.get("n" + transaction.transaction_number.split("-")[-1])
        if error is not None:
            return Failed(error)
        there = self.booked.setdefault(transaction.key, transaction)
        if there.header != transaction.header:
            return Failed(Conflict("GrossAmount: 1 there, 2 here"))
        return Booked(key="/".join(transaction.key), already_there=there is not transaction)


class Documents:
    """The `SalesDocuments` and `LedgerJournals` ports: one document per key."""

    def __init__(self) -> None:
        self.booked: dict[str, SalesDocument | Journal] = {}
        self.calls = 0
        self.error: DynamicsError | None = None

    async def post(self, documents: Sequence[Any]) -> Sequence[Posting]:
        self.calls += 1
        return [self._post(document) for document in documents]

    def _post(self, document: SalesDocument | Journal) -> Posting:
        if self.error is not None:
            return Failed(self.error)
        there = self.booked.setdefault(document.key, document)
        if there != document:
            return Failed(Conflict("another document is there"))
        return Booked(key=f"N-{document.key}", already_there=there is not document)

    async def cancel(self, kind: DocumentKind, company: str, key: str) -> Posting:
        raise NotImplementedError

    async def status(self, kind: DocumentKind, company: str, key: str) -> DocumentStatus | None:
        raise NotImplementedError


@dataclass
class Statements:
    """Dynamics' own statements, where a custom service is set up for them."""

    are_set_up: bool = False
    made: list[StoreStatement] = field(default_factory=list)

    async def post(self, statements: Sequence[StoreStatement]) -> Sequence[Posting]:
        postings = [Booked(each.number, already_there=each in self.made) for each in statements]
        self.made += statements
        return postings


@dataclass
class Announced:
    """Keeps what is published, by id as the bus's duplicate detection does."""

    facts: dict[Any, Fact] = field(default_factory=dict)

    async def publish(self, events: Iterable[Event[Any]]) -> None:
        for event in events:
            self.facts[event.id] = event.data


@dataclass
class Collaborators:
    transactions: Ledger = field(default_factory=Ledger)
    inbox: Inbox = field(default_factory=MemoryInbox)
    companies: Mapping[str, Company] = field(default_factory=lambda: COMPANIES)
    clock: Clock = lambda: NOW
    cash_inbox: Inbox = field(default_factory=MemoryInbox)
    records: Records = field(default_factory=MemoryRecords)
    archive: Archive = field(default_factory=MemoryArchive)
    parking: Parking = field(default_factory=MemoryParking)
    announcer: Announced = field(default_factory=Announced)
    tax_check: TaxCheck = lambda _sale, _country: None
    documents: Documents = field(default_factory=Documents)
    late_documents: Documents = field(default_factory=Documents)
    journals: Documents = field(default_factory=Documents)
    late_transactions: Ledger = field(default_factory=Ledger)
    statements: Statements = field(default_factory=Statements)

    @property
    def books(self) -> Mapping[str, SalesBook]:
        return {
            "finance-operations": FinanceOperationsBook(
                self.transactions, self.late_transactions, self.statements
            ),
            "business-central": BusinessCentralBook(
                self.documents, self.late_documents, self.journals
            ),
            "commerce": CommerceBook(self.documents, self.late_documents),
        }


def delivery(
    fact: Fact, attempt: int = 1, *, lane: str | None = None, waited_out: str | None = None
) -> Delivery:
    event: Any = new_event(fact, source="/tills/usrt/S1", time=NOW, lane=lane)
    return Delivery(
        event=event,
        attempt=attempt,
        first_seen=NOW,
        message_id=str(event.id),
        waited_out=waited_out,
    )
