"""Durable state that services share.

inbox    what has been posted, by effect and fact
ledger   what completeness has witnessed
certificates  what it has certified, in hash chains
records  small records by kind and key, with versions
parking  facts that wait for something to exist
archive  every fact as it came, erasable for a person
audit    who did what, in hash chains
notes    small texts changed one after the other
"""

from shared.store.archive import Archive, ArchivedFact, MemoryArchive
from shared.store.audit import Act, Audit, AuditEntry, MemoryAudit, entry_hash, first_break
from shared.store.certificates import (
    Certificates,
    Draft,
    IssuedCertificate,
    MemoryCertificates,
)
from shared.store.errors import StoreError, StoreSettingsWrong, StoreUnavailable
from shared.store.inbox import Inbox, InboxResult, MemoryInbox
from shared.store.ledger import (
    ClosedDay,
    DayEntries,
    DayFilter,
    Entries,
    Evaluation,
    FactEffects,
    Ledger,
    MemoryLedger,
    OpenedDay,
    PostedDocument,
    Rejection,
    Reversal,
    SeenFact,
    StoreDay,
    TenderAmount,
)
from shared.store.notes import MemoryNotes, Notes
from shared.store.parking import MemoryParking, ParkedFact, ParkedKey, ParkedStay, Parking
from shared.store.records import MemoryRecords, Record, Records
from shared.store.retention import Forgotten, RetentionSettings
from shared.store.store import Store

__all__ = [
    "Act",
    "Archive",
    "ArchivedFact",
    "Audit",
    "AuditEntry",
    "Certificates",
    "ClosedDay",
    "DayEntries",
    "DayFilter",
    "Draft",
    "Entries",
    "Evaluation",
    "FactEffects",
    "Forgotten",
    "Inbox",
    "InboxResult",
    "IssuedCertificate",
    "Ledger",
    "MemoryArchive",
    "MemoryAudit",
    "MemoryCertificates",
    "MemoryInbox",
    "MemoryLedger",
    "MemoryNotes",
    "MemoryParking",
    "MemoryRecords",
    "Notes",
    "OpenedDay",
    "ParkedFact",
    "ParkedKey",
    "ParkedStay",
    "Parking",
    "PostedDocument",
    "Record",
    "Records",
    "Rejection",
    "RetentionSettings",
    "Reversal",
    "SeenFact",
    "Store",
    "StoreDay",
    "StoreError",
    "StoreSettingsWrong",
    "StoreUnavailable",
    "TenderAmount",
    "entry_hash",
    "first_break",
]
