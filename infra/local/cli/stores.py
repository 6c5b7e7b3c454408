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
    file = data.absolute() / STORE_FILE
    if url is None and not file.exists():
        raise Unusable(f"no local platform has kept anything in {data}; give --store-url")
    try:
        async with await Store.open(url or f"sqlite+aiosqlite:///{file}", utc_now) as store:
            yield store
    except StoreError as error:
        raise Unusable(str(error)) from error
