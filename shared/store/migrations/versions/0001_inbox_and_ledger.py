"""The inbox and the completeness ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.store.types import Money, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("fact_id", sa.Uuid, primary_key=True),
        sa.Column("fact_type", sa.String(200), nullable=False),
        sa.Column("natural_key", sa.String(1000), nullable=False),
        sa.Column("document_system", sa.String(50), nullable=False),
        sa.Column("document_company", sa.String(50), nullable=False),
        sa.Column("document_entity_set", sa.String(200), nullable=False),
        sa.Column("document_key", sa.String(1024), nullable=False),
        sa.Column("amount", Money, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("posted_at", UtcTime, nullable=False),
        sa.Column("already_there", sa.Boolean, nullable=False),
        sa.Column("recorded_at", UtcTime, nullable=False),
    )
    op.create_table(
        "ledger_days",
        *_store_day(primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("closed_revision", sa.Integer),
        sa.Column("closed_payload", sa.Text),
        sa.Column("evaluated_version", sa.Integer),
        sa.Column("verdict", sa.String(20)),
        sa.Column("missing_sequences", sa.BigInteger),
    )
    op.create_table(
        "ledger_facts",
        sa.Column("fact_id", sa.Uuid, primary_key=True),
        sa.Column("fact_type", sa.String(200), nullable=False),
        *_store_day(),
        sa.Column("terminal", sa.String(100), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("amount", Money, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("seen_at", UtcTime, nullable=False),
    )
    op.create_table(
        "ledger_documents",
        sa.Column("fact_id", sa.Uuid, primary_key=True),
        sa.Column("fact_type", sa.String(200), nullable=False),
        *_store_day(),
        sa.Column("terminal", sa.String(100), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("document_key", sa.String(1024), nullable=False),
        sa.Column("amount", Money, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("posted_at", UtcTime, nullable=False),
    )
    op.create_table(
        "ledger_rejections",
        sa.Column("identity", sa.String(500), primary_key=True),
        sa.Column("fact_id", sa.Uuid),
        sa.Column("company", sa.String(50)),
        sa.Column("store", sa.String(100)),
        sa.Column("business_day", sa.Date),
        sa.Column("terminal", sa.String(100)),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("subscription", sa.String(100), nullable=False),
        sa.Column("reason", sa.String(50), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("rejected_at", UtcTime, nullable=False),
    )
    for table in _BY_DAY:
        op.create_index(f"{table}_by_day", table, ["company", "store", "business_day"])


def downgrade() -> None:
    for table in (*_BY_DAY, "ledger_days", "inbox"):
        op.drop_table(table)


_BY_DAY = ("ledger_facts", "ledger_documents", "ledger_rejections")


def _store_day(*, primary_key: bool = False) -> list[sa.Column[object]]:
    return [
        sa.Column("company", sa.String(50), primary_key=primary_key, nullable=False),
        sa.Column("store", sa.String(100), primary_key=primary_key, nullable=False),
        sa.Column("business_day", sa.Date, primary_key=primary_key, nullable=False),
    ]
