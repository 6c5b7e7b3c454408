"""The collaborators of the handlers, in memory: books that keep what the ports promise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.customers.authority import Authority
from services.customers.books import CustomersBook, EntriesBook, NotesBook
from shared.bus import Delivery, Done, Outcome
from shared.companies import Company, CustomerBook, EntryBook
from shared.dynamics import Booked, DynamicsError, Failed, MissingParent, Posting
from shared.dynamics.ports.loyalty import PointsEntry
from shared.dynamics.ports.master_data import Credit, Customer
from shared.dynamics.ports.notes import Note
from shared.events import DocumentPosted, Effect, Fact, new_event
from shared.reviews import CONFLICTS, Conflict, conflict_of
from shared.store.archive import MemoryArchive
from shared.store.audit import MemoryAudit
from shared.store.inbox import Inbox, MemoryInbox
from shared.store.parking import MemoryParking
from shared.store.records import MemoryRecords, Record
from tests.unit.customers.customers import COMPANY, NOW, NUMBER


class Books:
    """A `Customers` port: '' leaves a field as it is. `errors` come first, one for each saving."""

    def __init__(self, **errors: DynamicsError) -> None:
        self.there: dict[tuple[str, str], Customer] = {}
        self.saved: list[Customer] = []
        self.errors: list[DynamicsError] = list(errors.values())
        self.find_errors: list[DynamicsError] = []
        self.before_saving: Callable[[], Any] | None = None

    async def save(self, customers: Sequence[Customer]) -> Sequence[Posting]:
        await asyncio.sleep(0)
        if self.before_saving is not None:
            before, self.before_saving = self.before_saving, None
            await before()
        return [self._save(customer) for customer in customers]

    def _save(self, customer: Customer) -> Posting:
        if self.errors:
            return Failed(self.errors.pop(0))
        key = (customer.company, customer.number)
        before = self.there.get(key, Customer(*key, name=""))
        given = {name: value for name, value in _fields(customer).items() if value != ""}
        self.there[key] = replace(before, **given)
        self.saved.append(customer)
        return Booked("/".join(key), already_there=before == self.there[key])

    async def find(self, company: str, number: str) -> Customer | None:
        await asyncio.sleep(0)
        if self.find_errors:
            raise self.find_errors.pop(0)
        return self.there.get((company, number))

    async def credit(self, company: str, number: str) -> Credit | None:
        raise NotImplementedError

    def change(self, **values: Any) -> None:
        """A person changes the customer in Dynamics."""
        self.there[COMPANY, NUMBER] = replace(self.there[COMPANY, NUMBER], **values)

    @property
    def customer(self) -> Customer:
        return self.there[COMPANY, NUMBER]


def _fields(customer: Customer) -> dict[str, Any]:
    return {name: getattr(customer, name) for name in customer.__slots__}


class EntriesPort:
    """A `Loyalty` or `GiftCards` port: a key is entered once, the same again is found.

    With `cards` it keeps those alone, and misses any other.
    """

    def __init__(self, cards: set[str] | None = None) -> None:
        self.entries: dict[str, Any] = {}
        self.cards = cards
        self.errors: list[DynamicsError] = []
        self.calls = 0

    async def record(self, entries: Sequence[Any]) -> Sequence[Posting]:
        self.calls += 1
        return [self._record(entry) for entry in entries]

    def _record(self, entry: Any) -> Posting:
        if self.errors:
            return Failed(self.errors.pop(0))
        if self.cards is not None and entry.card not in self.cards:
            return Failed(MissingParent(f"no card {entry.card}"))
        there = self.entries.setdefault(entry.key, entry)
        assert there == entry, "one key, two entries"
        return Booked(entry.key, already_there=there is not entry)

    async def balance(self, company: str, card: str, reward: str = "") -> Decimal | None:
        amounts = [
            entry.points if isinstance(entry, PointsEntry) else entry.amount
            for entry in self.entries.values()
            if entry.card == card
        ]
        return sum(amounts, Decimal(0)) if amounts else None


class NotesPort:
    """A `Notes` port on the contacts of a book."""

    def __init__(self, books: Books) -> None:
        self.notes: dict[str, Note] = {}
        self._books = books

    async def add(self, notes: Sequence[Note]) -> Sequence[Posting]:
        return [self._add(note) for note in notes]

    def _add(self, note: Note) -> Posting:
        if (note.company, note.customer) not in self._books.there:
            return Failed(MissingParent("no such contact"))
        there = self.notes.setdefault(note.key, note)
        return Booked(note.key, already_there=there is not note)


@dataclass
class Collaborators:
    """Everything shared by the workers of one installation."""

    finance: Books = field(default_factory=Books)
    central: Books = field(default_factory=Books)
    dataverse: Books = field(default_factory=Books)
    points: EntriesPort = field(default_factory=EntriesPort)
    late_points: EntriesPort = field(default_factory=EntriesPort)
    gifts: EntriesPort = field(default_factory=EntriesPort)
    companies: Mapping[str, Company] = field(
        default_factory=lambda: {COMPANY: Company(currencies=("GBP",), gift_cards="dataverse")}
    )
    authority: Authority = field(default_factory=lambda: Authority({}))
    records: Any = field(default_factory=MemoryRecords)
    archive: MemoryArchive = field(default_factory=MemoryArchive)
    parking: MemoryParking = field(default_factory=MemoryParking)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    inboxes: dict[Effect, Inbox] = field(default_factory=dict)
    now: datetime = NOW
    knows_cards: bool = False

    def clock(self) -> datetime:
        return self.now

    def inbox(self, effect: Effect) -> Inbox:
        return self.inboxes.setdefault(effect, MemoryInbox())

    @property
    def books(self) -> Mapping[CustomerBook, CustomersBook]:
        books = (
            CustomersBook("finance-operations", "customer", self.finance, "F", "F", currency=True),
            CustomersBook("business-central", "customer", self.central, "B", "B"),
            CustomersBook("dataverse", "contact", self.dataverse, "contacts", "accounts"),
        )
        return {book.system: book for book in books}

    @property
    def loyalty(self) -> Mapping[EntryBook, EntriesBook[Any]]:
        return self._entries("points", self.points, self.late_points)

    @property
    def gift_cards(self) -> Mapping[EntryBook, EntriesBook[Any]]:
        return self._entries("giftcards", self.gifts, self.gifts)

    def _entries(
        self, name: str, port: EntriesPort, late: EntriesPort
    ) -> Mapping[EntryBook, EntriesBook[Any]]:
        names: tuple[EntryBook, ...] = ("dataverse", "finance-operations")
        return {each: EntriesBook(each, name, port, late, self.knows_cards) for each in names}

    @property
    def noted(self) -> NotesPort:
        return self._noted

    @property
    def notes(self) -> NotesBook:
        return NotesBook("dataverse", "annotations", self._noted)

    def __post_init__(self) -> None:
        self._noted = NotesPort(self.dataverse)

    async def conflicts(self, state: str | None = None) -> list[Conflict]:
        return [conflict_of(each) for each in await self.records.find(CONFLICTS, state=state)]

    async def conflict_records(self) -> list[Record]:
        found: list[Record] = await self.records.find(CONFLICTS)
        return found


def delivery(fact: Fact, **changes: Any) -> Delivery:
    lane = changes.pop("lane", None)
    event: Any = new_event(fact, source="/tills/gbrt", time=NOW, lane=lane)
    usual: dict[str, Any] = {"attempt": 1, "first_seen": NOW, "message_id": str(event.id)}
    return Delivery(event=event, **(usual | changes))


def documents(outcome: Outcome) -> list[DocumentPosted]:
    """What is announced as booked."""
    assert isinstance(outcome, Done), outcome
    also = [fact for fact in outcome.also if isinstance(fact, DocumentPosted)]
    return [*([outcome.document] if outcome.document else []), *also]


def effects(outcome: Outcome) -> list[Effect]:
    return [document.effect for document in documents(outcome)]
