"""The store a command works on: that of the local platform, or the one it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from infra.local.cli.output import Unusable
from shared.clock import utc_now
from shared.store import Store, StoreError

STORE_FILE = "store.sqlite"


@asynccontextmanager
async def opened_store(data: Path, url: str | None = None) -> AsyncIterator[Store]:
    """Yield the store at `url`, by default the one that a platform over `data` left or uses now.

    Raises `Unusable` when there is none, or when it stops answering.
    """
    where = url or _local_url(data)
    try:
        async with await Store.open(where, utc_now) as store:
            yield store
    except StoreError as error:
        raise Unusable(str(error)) from error


def _local_url(data: Path) -> str:
    file = data.absolute() / STORE_FILE
    if not file.exists():
        raise Unusable(f"no local platform has kept anything in {data}; give --store-url")
    return f"sqlite+aiosqlite:///{file}"
