"""The tables as the code uses them; `migrations` is how a database gets there.

A test compares the two, and compares `HEAD` with the newest migration.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    text,
)

from shared.store.types import Money, UtcTime, key_text

HEAD = "0005"
"""The newest migration. Revisions are numbered, so a greater one in a database is a newer one."""

metadata = MetaData()

inbox = Table(
    "inbox",
    metadata,
    # The defaults are for services not yet upgraded, which know one effect only.
    Column("effect", String(20), primary_key=True, server_default="ledger"),
    Column("fact_id", Uuid, primary_key=True),
    Column("fact_type", String(200), nullable=False),
    Column("natural_key", String(1000), nullable=False),
    Column("document_system", String(50), nullable=False),
    Column("document_company", String(50), nullable=False),
    Column("document_entity_set", String(200), nullable=False),
    Column("document_key", String(1024), nullable=False),
    Column("amount", Money, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("posted_at", UtcTime, nullable=False),
    Column("already_there", Boolean, nullable=False),
    # For retention: old results may be dropped once no retry can still be under way.
    Column("recorded_at", UtcTime, nullable=False),
    Column("digest", String(200), nullable=False, server_default=""),
)


def _store_day(*, primary_key: bool = False) -> list[Column[object]]:
    return [
        Column("company", String(50), primary_key=primary_key, nullable=False),
        Column("store", String(100), primary_key=primary_key, nullable=False),
        Column("business_day", Date, primary_key=primary_key, nullable=False),
    ]


def _till_position() -> list[Column[object]]:
    return [
        Column("terminal", String(100), nullable=False),
        Column("sequence", BigInteger, nullable=False),
    ]


def _transaction_if_any() -> list[Column[object]]:
    return [
        Column("company", String(50), nullable=True),
        Column("store", String(100), nullable=True),
        Column("business_day", Date, nullable=True),
        Column("terminal", String(100), nullable=True),
        Column("sequence", BigInteger, nullable=True),
    ]


_POSITION = ("company", "store", "business_day", "terminal", "sequence")
"""Of an index that answers by itself which numbers a day has."""


def _some_days(name: str, condition: str) -> Index:
    """Return an index of the few days that every timer asks for, among the many that are done."""
    where = text(condition)
    return Index(
        name, "company", "store", "business_day", sqlite_where=where, postgresql_where=where
    )


ledger_days = Table(
    "ledger_days",
    metadata,
    *_store_day(primary_key=True),
    # Raised by one with every write to the day; an evaluation that saw version n is stale as soon
    # as the version is not n. Needs no clock and misses no concurrent writer.
    Column("version", Integer, nullable=False),
    Column("closed_revision", Integer, nullable=True),
    Column("closed_payload", Text, nullable=True),
    Column("evaluated_version", Integer, nullable=True),
    Column("verdict", String(20), nullable=True),
    Column("missing_sequences", BigInteger, nullable=True),
    Column("opened_revision", Integer, nullable=True),
    Column("opened_payload", Text, nullable=True),
    _some_days(
        "ledger_days_unevaluated", "evaluated_version IS NULL OR evaluated_version != version"
    ),
    _some_days("ledger_days_unbalanced", "verdict != 'balanced'"),
)

ledger_facts = Table(
    "ledger_facts",
    metadata,
    Column("fact_id", Uuid, primary_key=True),
    Column("fact_type", String(200), nullable=False),
    *_store_day(),
    *_till_position(),
    Column("amount", Money, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("occurred_at", UtcTime, nullable=True),
    Column("what", String(100), nullable=False, server_default=""),
    Column("last_before", BigInteger, nullable=True),
    Column("tenders", Text, nullable=True),
    Index("ledger_facts_by_day", *_POSITION),
)

ledger_documents = Table(
    "ledger_documents",
    metadata,
    # The default is for a service not yet upgraded, which knows one effect only.
    Column("effect", String(20), primary_key=True, server_default="ledger"),
    Column("fact_id", Uuid, primary_key=True),
    Column("fact_type", String(200), nullable=False),
    *_transaction_if_any(),
    Column("document_key", String(1024), nullable=False),
    Column("amount", Money, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("posted_at", UtcTime, nullable=False),
    Index("ledger_documents_by_day", *_POSITION),
    Index("ledger_documents_by_fact", "fact_id"),
)

ledger_rejections = Table(
    "ledger_rejections",
    metadata,
    # The fact id where the message had one, otherwise its transaction or its message id; with the
    # effect behind it unless that is the ledger's.
    Column("identity", String(500), primary_key=True),
    Column("fact_id", Uuid, nullable=True),
    *_transaction_if_any(),
    Column("subscription", String(100), nullable=False),
    Column("reason", String(50), nullable=False),
    Column("detail", Text, nullable=False),
    Column("rejected_at", UtcTime, nullable=False),
    Column("effect", String(20), nullable=False, server_default="ledger"),
    Column("fact_type", String(256), nullable=False, server_default=""),
    Index("ledger_rejections_by_day", "company", "store", "business_day"),
    Index("ledger_rejections_by_fact", "fact_id"),
)

ledger_reversals = Table(
    "ledger_reversals",
    metadata,
    Column("effect", String(20), primary_key=True),
    Column("fact_id", Uuid, primary_key=True),
    Column("reversal_id", Uuid, nullable=False),
    Column("document_key", String(1024), nullable=False),
    Column("amount", Money, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("posted_at", UtcTime, nullable=False),
    Index("ledger_reversals_by_fact", "fact_id"),
)

certificates = Table(
    "certificates",
    metadata,
    # The migration adds triggers that refuse every change of a certificate, and its deletion.
    Column("company", key_text(50), primary_key=True),
    Column("store", key_text(100), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("business_day", Date, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("issued_at", UtcTime, nullable=False),
    Column("content", Text, nullable=False),
    Column("day_before", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("certificates_by_day", "company", "store", "business_day", "revision", unique=True),
)

notes = Table(
    "notes",
    metadata,
    Column("name", String(500), primary_key=True),
    Column("text", Text, nullable=True),
)

records = Table(
    "records",
    metadata,
    Column("kind", key_text(100), primary_key=True),
    Column("key", key_text(600), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", key_text(100), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("records_by_state", "kind", "state", "key"),
)

parked = Table(
    "parked",
    metadata,
    Column("subscription", key_text(100), primary_key=True),
    Column("fact_id", Uuid, primary_key=True),
    Column("topic", String(260), nullable=False),
    Column("key", key_text(600), nullable=False),
    Column("missing", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("properties", Text, nullable=False),
    Column("subject", String(1000), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("times", Integer, nullable=False),
    Column("history", Text, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("parked_at", UtcTime, nullable=False),
    Column("deadline", UtcTime, nullable=False),
    Column("traceparent", String(100), nullable=True),
    Column("released_at", UtcTime, nullable=True),
    Column("releases", Integer, nullable=False, server_default="0"),
    Column("sent_at", UtcTime, nullable=True),
    Index("parked_by_key", "key", "parked_at"),
    Index("parked_by_deadline", "deadline"),
    Index("parked_by_release", "released_at"),
    Index("parked_by_sending", "sent_at"),
)

archive = Table(
    "archive",
    metadata,
    Column("fact_id", Uuid, primary_key=True),
    Column("fact_type", String(200), nullable=False),
    Column("subject", key_text(1000), nullable=False),
    Column("company", String(50), nullable=False),
    Column("store", String(100), nullable=False),
    Column("business_day", Date, nullable=True),
    Column("body", LargeBinary, nullable=False),
    Column("archived_at", UtcTime, nullable=False),
    Index("archive_by_day", "company", "store", "business_day"),
    Index("archive_by_age", "archived_at"),
)

archive_persons = Table(
    "archive_persons",
    metadata,
    Column("fact_id", Uuid, primary_key=True),
    Column("person", key_text(200), primary_key=True),
    Index("archive_by_person", "person"),
)

audit = Table(
    "audit",
    metadata,
    # The migration adds triggers that refuse every change of an entry, and its deletion.
    Column("chain", key_text(100), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(200), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
