"""The ledger by effect, with tenders, opened days and reversals; issued certificates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.store.types import Money, UtcTime, key_text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _witness_more()
    _documents_by_effect()
    op.create_table(
        "ledger_reversals",
        sa.Column("effect", sa.String(20), primary_key=True),
        sa.Column("fact_id", sa.Uuid, primary_key=True),
        sa.Column("reversal_id", sa.Uuid, nullable=False),
        sa.Column("document_key", sa.String(1024), nullable=False),
        sa.Column("amount", Money, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("posted_at", UtcTime, nullable=False),
    )
    op.create_index("ledger_reversals_by_fact", "ledger_reversals", ["fact_id"])
    _create_certificates()


def downgrade() -> None:
    raise NotImplementedError("issued certificates are not thrown away")


def _witness_more() -> None:
    op.add_column("ledger_facts", sa.Column("occurred_at", UtcTime))
    op.add_column("ledger_facts", _text("what", 100))
    op.add_column("ledger_facts", sa.Column("last_before", sa.BigInteger))
    op.add_column("ledger_facts", sa.Column("tenders", sa.Text))
    op.drop_index("ledger_facts_by_day", "ledger_facts")
    op.create_index("ledger_facts_by_day", "ledger_facts", _POSITION)
    op.add_column("ledger_rejections", _text("effect", 20, "ledger"))
    op.add_column("ledger_rejections", _text("fact_type", 256))
    op.create_index("ledger_rejections_by_fact", "ledger_rejections", ["fact_id"])
    op.add_column("ledger_days", sa.Column("opened_revision", sa.Integer))
    op.add_column("ledger_days", sa.Column("opened_payload", sa.Text))
    for name, condition in _SOME_DAYS.items():
        where = sa.text(condition)
        op.create_index(
            name,
            "ledger_days",
            ["company", "store", "business_day"],
            sqlite_where=where,
            postgresql_where=where,
        )


_POSITION = ["company", "store", "business_day", "terminal", "sequence"]

_SOME_DAYS = {
    "ledger_days_unevaluated": "evaluated_version IS NULL OR evaluated_version != version",
    "ledger_days_unbalanced": "verdict != 'balanced'",
}


def _text(name: str, length: int, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, server_default=default)


def _documents_by_effect() -> None:
    """Until now the one effect was `ledger`, and every document was a till transaction's."""
    table, effect = "ledger_documents", _text("effect", 20, "ledger")
    op.drop_index(f"{table}_by_day", table)
    if op.get_bind().dialect.name == "postgresql":
        op.add_column(table, effect)
        op.drop_constraint(f"{table}_pkey", table, type_="primary")
        op.create_primary_key(f"{table}_pkey", table, ["effect", "fact_id"])
        for place in _POSITION:
            op.alter_column(table, place, nullable=True)
    else:  # SQLite changes a primary key by copying the table.
        op.rename_table(table, f"{table}_0003")
        op.create_table(
            table, effect, *_documents_0003(), sa.PrimaryKeyConstraint("effect", "fact_id")
        )
        names = ", ".join(column.name for column in _documents_0003())
        op.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table}_0003")
        op.drop_table(f"{table}_0003")
    op.create_index(f"{table}_by_day", table, _POSITION)
    op.create_index(f"{table}_by_fact", table, ["fact_id"])


def _documents_0003() -> list[sa.Column[object]]:
    return [
        sa.Column("fact_id", sa.Uuid, nullable=False),
        sa.Column("fact_type", sa.String(200), nullable=False),
        sa.Column("company", sa.String(50)),
        sa.Column("store", sa.String(100)),
        sa.Column("business_day", sa.Date),
        sa.Column("terminal", sa.String(100)),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("document_key", sa.String(1024), nullable=False),
        sa.Column("amount", Money, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("posted_at", UtcTime, nullable=False),
    ]


def _create_certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("company", key_text(50), primary_key=True),
        sa.Column("store", key_text(100), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("business_day", sa.Date, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("issued_at", UtcTime, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("day_before", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index(
        "certificates_by_day",
        "certificates",
        ["company", "store", "business_day", "revision"],
        unique=True,
    )
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


_ONLY_ADDED = "issued certificates are only ever added"
_RAISE = f"RAISE EXCEPTION '{_ONLY_ADDED}' USING ERRCODE = 'integrity_constraint_violation'"
_BODY = f"$$ BEGIN {_RAISE}; END $$"
_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER certificates_refuse_{change} BEFORE {change} ON certificates "
        f"BEGIN SELECT RAISE(ABORT, '{_ONLY_ADDED}'); END"
        for change in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        f"CREATE FUNCTION certificates_refuse() RETURNS trigger LANGUAGE plpgsql AS {_BODY}",
        *(
            f"CREATE TRIGGER certificates_refuse_{change} BEFORE {change} ON certificates "
            "FOR EACH STATEMENT EXECUTE FUNCTION certificates_refuse()"
            for change in ("UPDATE", "DELETE", "TRUNCATE")
        ),
    ],
}
"""Against mistakes and temptation; whoever may drop triggers is caught by the hashes."""
