"""Parked facts stay while their copies are on the bus."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from shared.store.types import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("parked", sa.Column("releases", sa.Integer, nullable=False, server_default="0"))
    op.add_column("parked", sa.Column("sent_at", UtcTime))
    op.create_index("parked_by_sending", "parked", ["sent_at"])


def downgrade() -> None:
    raise NotImplementedError("parked facts are not thrown away")
