"""What is to be written about one customer, given what came, is known and was found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from services.customers.authority import Authority
from services.customers.books import CustomersBook
from services.customers.mapping import customer_document, to_send
from services.customers.merging import Merging
from services.customers.profile import PROFILES, Profile
from shared.bus import Delivery
from shared.companies import Company
from shared.dynamics import DynamicsError, Failed, MissingParent, Posting
from shared.dynamics.ports.master_data import Customer
from shared.events import CustomerRegistered
from shared.reviews import ACCEPTED, REJECTED, conflict_of
from shared.store.records import Record

CURRENT: Final = ""
DUE: Final = "due"
"""State of a profile that has not arrived in all books."""

NO_FACT: Final = "no-fact"
"""What is sent without a fact goes under this name."""

Found = Mapping[str, Customer | DynamicsError | None]
"""What each book holds of a customer, or why that is not known; by the book's name."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has come about one customer, and the books to bring up to date.

    `sweeps`: whoever was at work on the customer has died, and what is due is done for them.
    """

    company: str
    number: str
    settings: Company
    books: tuple[CustomersBook, ...]
    deliveries: tuple[Delivery, ...] = ()
    sweeps: bool = False

    @property
    def key(self) -> str:
        return f"{self.company}/{self.number}"

    @property
    def sender(self) -> str:
        return str(self.deliveries[0].event.id) if self.deliveries else NO_FACT


@dataclass
class Draft:
    """`records` are written before `documents` are, by book. `postings` are those that are certain
    already, and later all. `stale` are the fields of which a fact says something older than is
    known, by the fact's id."""

    change: Change
    merged: Merging
    records: list[Record] = field(default_factory=list)
    documents: dict[str, Customer] = field(default_factory=dict)
    postings: dict[str, Posting] = field(default_factory=dict)
    stale: dict[UUID, frozenset[str]] = field(default_factory=dict)

    @property
    def profile(self) -> Profile:
        return self.merged.profile


def drafted(
    change: Change,
    stored: Record | None,
    conflicts: Mapping[str, Record],
    found: Found,
    authority: Authority,
    now: datetime,
) -> Draft | None:
    """Return what is to be written; None for a customer nobody has registered.

    `conflicts` are those of the stored profile that are open or decided, by key.
    """
    profile = Profile.model_validate_json(stored.text) if stored else Profile()
    version = stored.version + 1 if stored else 1
    merged = Merging(change.company, change.number, profile, authority, version, now)
    draft = Draft(change, merged)
    errors = {book: each for book, each in found.items() if isinstance(each, DynamicsError)}
    there = {book: each for book, each in found.items() if isinstance(each, Customer)}
    facts = (delivery.event.data for delivery in change.deliveries)
    is_registered = any(isinstance(fact, CustomerRegistered) for fact in facts)
    if not (stored or there or is_registered):
        for book in change.books if errors else ():
            draft.postings[book.system] = Failed(next(iter(errors.values())))
        return draft if errors else None
    _decide(merged, conflicts)
    for delivery in change.deliveries:
        draft.stale[delivery.event.id] = merged.take(delivery.event.data)
    for book in change.books:
        merged.observe(book.system, there.get(book.system), book.fields)
    draft.postings |= {name: Failed(error) for name, error in errors.items()}
    for book in change.books:
        if book.system not in errors:
            _plan(draft, book, there)
    draft.records = [
        replace(record, state=DUE) if record.kind == PROFILES else record
        for record in merged.records(stored, PROFILES, conflicts)
    ]
    return draft


def _decide(merged: Merging, conflicts: Mapping[str, Record]) -> None:
    for key in merged.profile.conflicts:
        record = conflicts.get(key)
        if record and record.state in (ACCEPTED, REJECTED):
            merged.decide(key, conflict_of(record), record.state == ACCEPTED)


def _plan(draft: Draft, book: CustomersBook, there: Mapping[str, Customer]) -> None:
    """Say what a book is sent, and let the profile know that it is."""
    change, merged, found = draft.change, draft.merged, there.get(book.system)
    values = to_send(merged.profile, change.company, merged.authority, book)
    if found is None and there:
        values.setdefault("name", next(iter(there.values())).name)
    if found is None and not values.get("name"):
        error = MissingParent(f"Nobody has said what customer {change.number} is called.")
        draft.postings[book.system] = Failed(error)
        return
    draft.documents[book.system] = customer_document(
        merged.profile, values, found, change.number, change.company, change.settings, book
    )
    merged.profile = merged.profile.sends(change.sender, book.system, values)
