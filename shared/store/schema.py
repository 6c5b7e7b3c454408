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
    MetaData,
    String,
    Table,
    Text,
    Uuid,
)

from shared.store.types import Money, UtcTime

HEAD = "0002"
"""The newest migration. Revisions are numbered, so a greater one in a database is a newer one."""

metadata = MetaData()

inbox = Table(
    "inbox",
    metadata,
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
    Index("ledger_facts_by_day", "company", "store", "business_day"),
)

ledger_documents = Table(
    "ledger_documents",
    metadata,
    Column("fact_id", Uuid, primary_key=True),
    Column("fact_type", String(200), nullable=False),
    *_store_day(),
    *_till_position(),
    Column("document_key", String(1024), nullable=False),
    Column("amount", Money, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("posted_at", UtcTime, nullable=False),
    Index("ledger_documents_by_day", "company", "store", "business_day"),
)

ledger_rejections = Table(
    "ledger_rejections",
    metadata,
    # The fact id where the message had one, otherwise its transaction or its message id.
    Column("identity", String(500), primary_key=True),
    Column("fact_id", Uuid, nullable=True),
    Column("company", String(50), nullable=True),
    Column("store", String(100), nullable=True),
    Column("business_day", Date, nullable=True),
    Column("terminal", String(100), nullable=True),
    Column("sequence", BigInteger, nullable=True),
    Column("subscription", String(100), nullable=False),
    Column("reason", String(50), nullable=False),
    Column("detail", Text, nullable=False),
    Column("rejected_at", UtcTime, nullable=False),
    Index("ledger_rejections_by_day", "company", "store", "business_day"),
)

notes = Table(
    "notes",
    metadata,
    Column("name", String(500), primary_key=True),
    Column("text", Text, nullable=True),
)
