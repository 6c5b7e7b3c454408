"""The books this service writes to, as its handlers see them: who keeps what, under which name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from services.customers.authority import SENT
from shared.companies import CustomerBook, EntryBook
from shared.dynamics.ports.master_data import Customers
from shared.dynamics.ports.notes import Notes
from shared.events import Effect

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class CustomersBook:
    """Who keeps customers. `currency` says whether a new one needs the company's, `fields` what it
    has a place for."""

    system: CustomerBook
    effect: Effect
    customers: Customers
    persons: str
    """Entity set of persons."""
    organisations: str
    """Entity set of all others."""
    currency: bool = False
    fields: tuple[str, ...] = SENT


@dataclass(frozen=True, slots=True)
class EntriesBook(Generic[P]):
    """Who keeps points or gift cards. `late` is the same port in the lane of what comes in bulk.

    `knows_cards`: it refuses an entry of a card it does not have; else we have to know the card.
    """

    system: EntryBook
    entity_set: str
    port: P
    late: P
    knows_cards: bool


@dataclass(frozen=True, slots=True)
class NotesBook:
    """Who keeps what customers said."""

    system: CustomerBook
    entity_set: str
    notes: Notes
