"""An inbox for every effect; records, parked facts, the archive and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.store.types import Money, UtcTime, key_text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _inbox_by_effect()
    op.create_table(
        "records",
        sa.Column("kind", key_text(100), primary_key=True),
        sa.Column("key", key_text(600), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", key_text(100), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", UtcTime, nullable=False),
    )
    op.create_index("records_by_state", "records", ["kind", "state", "key"])
    _create_parked()
    _create_archive()
    _create_audit()


def downgrade() -> None:
    raise NotImplementedError("two effects of one fact cannot be told apart in an older inbox")


def _inbox_by_effect() -> None:
    """Until now the one effect was `ledger`; the defaults also serve code not yet upgraded."""
    effect = sa.Column("effect", sa.String(20), nullable=False, server_default="ledger")
    digest = sa.Column("digest", sa.String(200), nullable=False, server_default="")
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("inbox", effect)
        op.add_column("inbox", digest)
        op.drop_constraint("inbox_pkey", "inbox", type_="primary")
        op.create_primary_key("inbox_pkey", "inbox", ["effect", "fact_id"])
        return
    # SQLite changes a primary key by copying the table.
    op.rename_table("inbox", "inbox_0002")
    op.create_table(
        "inbox", effect, *_inbox_0002(), digest, sa.PrimaryKeyConstraint("effect", "fact_id")
    )
    names = ", ".join(column.name for column in _inbox_0002())
    op.execute(f"INSERT INTO inbox ({names}) SELECT {names} FROM inbox_0002")
    op.drop_table("inbox_0002")


def _inbox_0002() -> list[sa.Column[object]]:
    return [
        sa.Column("fact_id", sa.Uuid, nullable=False),
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
    ]


def _create_parked() -> None:
    op.create_table(
        "parked",
        sa.Column("subscription", key_text(100), primary_key=True),
        sa.Column("fact_id", sa.Uuid, primary_key=True),
        sa.Column("topic", sa.String(260), nullable=False),
        sa.Column("key", key_text(600), nullable=False),
        sa.Column("missing", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("properties", sa.Text, nullable=False),
        sa.Column("subject", sa.String(1000), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("history", sa.Text, nullable=False),
        sa.Column("first_seen", UtcTime, nullable=False),
        sa.Column("parked_at", UtcTime, nullable=False),
        sa.Column("deadline", UtcTime, nullable=False),
        sa.Column("traceparent", sa.String(100)),
        sa.Column("released_at", UtcTime),
    )
    op.create_index("parked_by_key", "parked", ["key", "parked_at"])
    op.create_index("parked_by_deadline", "parked", ["deadline"])
    op.create_index("parked_by_release", "parked", ["released_at"])


def _create_archive() -> None:
    op.create_table(
        "archive",
        sa.Column("fact_id", sa.Uuid, primary_key=True),
        sa.Column("fact_type", sa.String(200), nullable=False),
        sa.Column("subject", key_text(1000), nullable=False),
        sa.Column("company", sa.String(50), nullable=False),
        sa.Column("store", sa.String(100), nullable=False),
        sa.Column("business_day", sa.Date),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("archived_at", UtcTime, nullable=False),
    )
    op.create_index("archive_by_day", "archive", ["company", "store", "business_day"])
    op.create_index("archive_by_age", "archive", ["archived_at"])
    op.create_table(
        "archive_persons",
        sa.Column("fact_id", sa.Uuid, primary_key=True),
        sa.Column("person", key_text(200), primary_key=True),
    )
    op.create_index("archive_by_person", "archive_persons", ["person"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("chain", key_text(100), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(200), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


_ONLY_ADDED = "audit entries are only ever added"
_RAISE = f"RAISE EXCEPTION '{_ONLY_ADDED}' USING ERRCODE = 'integrity_constraint_violation'"
_BODY = f"$$ BEGIN {_RAISE}; END $$"
_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER audit_refuses_{change} BEFORE {change} ON audit "
        f"BEGIN SELECT RAISE(ABORT, '{_ONLY_ADDED}'); END"
        for change in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        f"CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS {_BODY}",
        *(
            f"CREATE TRIGGER audit_refuses_{change} BEFORE {change} ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()"
            for change in ("UPDATE", "DELETE", "TRUNCATE")
        ),
    ],
}
"""Against mistakes and temptation; whoever may drop triggers is caught by the hashes."""
