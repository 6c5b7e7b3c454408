"""Notes: small texts by name that all instances share, such as rate budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("name", sa.String(500), primary_key=True),
        sa.Column("text", sa.Text),
    )


def downgrade() -> None:
    op.drop_table("notes")
