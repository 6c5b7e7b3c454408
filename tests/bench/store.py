"""What remembering costs on the way from the till to the ledger: `python -m tests.bench.store`.

Rows a second of one writer, on a new SQLite file and on a PostgreSQL server of its own (not synced
to disk there: see `tests.postgresql`), in batches as triggers deliver them.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest

from shared.clock import utc_now
from shared.events import DocumentRef
from shared.store import ArchivedFact, InboxResult, ParkedFact, Record, Store
from tests.postgresql import USER, postgresql_server

ROWS = 5_000
BATCHES = (25, 100)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
BODY = b"x" * 2_000  # a sale of ten lines

Work = Callable[[Store, Sequence[int]], Awaitable[object]]


def fact_id(number: int) -> UUID:
    return uuid5(NAMESPACE_OID, str(number))


def result(number: int) -> InboxResult:
    return InboxResult(
        fact_id=fact_id(number),
        fact_type="com.tillbus.sale-completed.v1",
        key=f"gbrt/LONDON/2026-03-01/T1/{number}",
        document=DocumentRef(
            system="finance-operations",
            company="gbrt",
            entity_set="RetailTransactions",
            key=f"dataAreaId='gbrt',TransactionNumber='{number}'",
        ),
        amount=Decimal("12.50"),
        currency="GBP",
        posted_at=NOW,
        digest="d" * 64,
    )


def archived(number: int) -> ArchivedFact:
    return ArchivedFact(
        fact_id(number),
        "com.tillbus.sale-completed.v1",
        f"gbrt/LONDON/2026-03-01/T1/{number}",
        "gbrt",
        "LONDON",
        NOW.date(),
        BODY,
        NOW,
        (f"gbrt/C-{number % 500}",),
    )


def parked(number: int) -> ParkedFact:
    return ParkedFact(
        fact_id=fact_id(number),
        topic="sale-completed",
        subscription="sales",
        key=f"item/gbrt/{number % 50}",
        missing="no such item",
        body=BODY,
        properties={"type": "com.tillbus.sale-completed.v1"},
        subject=f"gbrt/LONDON/2026-03-01/T1/{number}",
        attempt=1,
        times=1,
        history="",
        first_seen=NOW,
        parked_at=NOW,
        deadline=NOW + timedelta(hours=1),
    )


def record(number: int) -> Record:
    return Record("thing", f"gbrt/{number:08}", 1, "open", "{}" * 100, NOW)


WORK: Mapping[str, Work] = {
    "inbox and audit log": lambda store, numbers: store.inbox("ledger").record(
        [result(each) for each in numbers]
    ),
    "the same once more": lambda store, numbers: store.inbox("ledger").record(
        [result(each) for each in numbers]
    ),
    "look-up in the inbox": lambda store, numbers: store.inbox("ledger").results(
        [fact_id(each) for each in numbers]
    ),
    "archive": lambda store, numbers: store.archive.keep([archived(each) for each in numbers]),
    "records, new": lambda store, numbers: store.records.write([record(each) for each in numbers]),
    "parking": lambda store, numbers: store.parking.park([parked(each) for each in numbers]),
    "release of keys nobody waits for": lambda store, numbers: store.parking.release(
        [f"item/other/{each}" for each in numbers], NOW
    ),
}


async def rows_per_second(store: Store, work: Work, first: int, batch: int) -> float:
    begun = time.perf_counter()
    for start in range(first, first + ROWS, batch):
        await work(store, range(start, start + batch))
    return ROWS / (time.perf_counter() - begun)


async def measure(urls: Mapping[str, str]) -> None:
    for name, url in urls.items():
        async with await Store.open(url, utc_now) as store:
            print(f"\n{name}: rows a second in batches of {BATCHES[0]} and {BATCHES[1]}")
            for what, work in WORK.items():
                rates = [
                    await rows_per_second(store, work, round_ * ROWS, batch)
                    for round_, batch in enumerate(BATCHES)
                ]
                print(f"  {what:34}" + "".join(f"{rate:10,.0f}" for rate in rates))


@contextmanager
def databases() -> Iterator[Mapping[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite+aiosqlite:///{Path(folder) / 'store.db'}"}
        try:
            with postgresql_server() as socket:
                yield urls | {"PostgreSQL": f"postgresql+asyncpg://{USER}@/postgres?host={socket}"}
        except pytest.skip.Exception as no_server:
            print(no_server)
            yield urls


def main() -> None:
    with databases() as urls:
        asyncio.run(measure(urls))


if __name__ == "__main__":
    main()
