"""`python -m shared.store upgrade URL` brings a database to this version's schema;
`python -m shared.store forget URL` forgets what is older than the retention settings say."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from shared.clock import utc_now
from shared.store.database import Database
from shared.store.errors import StoreError
from shared.store.retention import RetentionSettings
from shared.store.schema import HEAD
from shared.store.store import Store
from shared.store.upgrade import upgrade


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when it is done, 1 when database, URL or settings do not allow it."""
    chosen = _parser().parse_args(arguments)
    try:
        print(asyncio.run(chosen.command(chosen.url)))
    except StoreError as error:
        print(f"store: {error}", file=sys.stderr)
        return 1
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        print(f"store: {str(problem['loc'][0]).upper()}: {problem['msg']}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.store", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, command, what in (
        ("upgrade", _upgrade, "apply the migrations that are missing"),
        ("forget", _forget, "forget facts and results older than *_RETENTION_DAYS"),
    ):
        subparser = commands.add_parser(name, help=what)
        subparser.add_argument("url", help="sqlite+aiosqlite:///FILE or postgresql+asyncpg://…")
        subparser.set_defaults(command=command)
    return parser


async def _upgrade(url: str) -> str:
    database = Database(url)
    try:
        changed = await upgrade(database)
    finally:
        await database.aclose()
    return f"schema {HEAD}: {'upgraded' if changed else 'already current'}"


async def _forget(url: str) -> str:
    settings, now = RetentionSettings(), utc_now()
    async with await Store.open(url, utc_now) as store:
        forgotten = await store.forget_before(
            archived=settings.archived_before(now), recorded=settings.recorded_before(now)
        )
    return f"forgotten: {forgotten.archived} archived facts, {forgotten.results} results"


if __name__ == "__main__":
    sys.exit(main())
