"""`python -m shared.store upgrade URL`: bring a database to this version's schema."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from shared.store.database import Database
from shared.store.errors import StoreError
from shared.store.schema import HEAD
from shared.store.upgrade import upgrade


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when the schema is current, 1 when the database or its URL does not allow it."""
    chosen = _parser().parse_args(arguments)
    try:
        changed = asyncio.run(_upgrade(chosen.url))
    except StoreError as error:
        print(f"store: {error}", file=sys.stderr)
        return 1
    print(f"schema {HEAD}: {'upgraded' if changed else 'already current'}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.store", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("upgrade", help="apply the migrations that are missing")
    command.add_argument("url", help="sqlite+aiosqlite:///FILE or postgresql+asyncpg://…")
    return parser


async def _upgrade(url: str) -> bool:
    database = Database(url)
    try:
        return await upgrade(database)
    finally:
        await database.aclose()


if __name__ == "__main__":
    sys.exit(main())
