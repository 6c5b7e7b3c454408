"""Durable state that services share: the inbox of posted facts, the completeness ledger, notes."""

from shared.store.errors import StoreError, StoreSettingsWrong, StoreUnavailable
from shared.store.inbox import Inbox, InboxResult, MemoryInbox
from shared.store.ledger import (
    ClosedDay,
    DayEntries,
    DayFilter,
    Entries,
    Evaluation,
    Ledger,
    MemoryLedger,
    PostedDocument,
    Rejection,
    SeenFact,
    StoreDay,
)
from shared.store.notes import MemoryNotes, Notes
from shared.store.store import Store

__all__ = [
    "ClosedDay",
    "DayEntries",
    "DayFilter",
    "Entries",
    "Evaluation",
    "Inbox",
    "InboxResult",
    "Ledger",
    "MemoryInbox",
    "MemoryLedger",
    "MemoryNotes",
    "Notes",
    "PostedDocument",
    "Rejection",
    "SeenFact",
    "Store",
    "StoreDay",
    "StoreError",
    "StoreSettingsWrong",
    "StoreUnavailable",
]
