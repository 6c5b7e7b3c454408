"""Services that sign in under names of their own work on the same tables."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from shared.store import Store

from .conftest import NOW
from .samples import numbered_id, result

_ROLES = """
CREATE ROLE shopkeepers NOLOGIN;
CREATE ROLE sales LOGIN IN ROLE shopkeepers;
CREATE ROLE completeness LOGIN IN ROLE shopkeepers;
CREATE DATABASE shared_by_services OWNER shopkeepers;
"""


async def test_identities_of_two_services_share_what_either_has_created(postgresql: Path) -> None:
    _psql(postgresql, _ROLES)
    database = f"/shared_by_services?host={postgresql}&role=shopkeepers"
    one = await Store.open(f"postgresql+asyncpg://completeness@{database}", lambda: NOW)
    async with (
        one,
        await Store.open(f"postgresql+asyncpg://sales@{database}", lambda: NOW) as other,
    ):
        await other.inbox("ledger").record([result(1)])

        assert await one.inbox("ledger").results([numbered_id(1)]) == {numbered_id(1): result(1)}


def _psql(server: Path, statements: str) -> None:
    subprocess.run(
        ["psql", "-h", str(server), "-U", "tillbus", "-d", "postgres", "-q", "-f", "-"],
        input=statements,
        text=True,
        check=True,
        env=os.environ | {"PGOPTIONS": "-c client_min_messages=warning"},
    )
