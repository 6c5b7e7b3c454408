"""What certifying costs: `python -m tests.bench.completeness [--days 1000] [--sales 200]`.

Store-days of a chain on SQLite: open ones that all changed, as in the middle of a trading day; then
closed, and whole but for one lost sale each, as in its evening; then a few that change; then one
till that uploads a sale behind a gap.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from services.completeness import handlers
from services.completeness.certificate import Verdict
from shared.clock import Clock
from shared.events import (
    SaleCompleted,
    StoreDayClosed,
    TenderTotal,
    TerminalDay,
    TransactionKey,
    fact_id,
)
from shared.store import (
    Certificates,
    ClosedDay,
    Entries,
    Ledger,
    PostedDocument,
    SeenFact,
    Store,
    StoreDay,
    TenderAmount,
)

_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_AMOUNT = Decimal("12.50")
_STORES = 100
_DAYS_AT_ONCE = 20


@dataclass(frozen=True)
class Books:
    """What the handlers work with."""

    ledger: Ledger
    certificates: Certificates
    clock: Clock


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.completeness")
    parser.add_argument("--days", type=int, default=1000, help="store-days")
    parser.add_argument(
        "--sales", type=int, default=200, help="sales of each, and as many documents"
    )
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    asyncio.run(measure(options.days, options.sales))


async def measure(days: int, sales: int) -> None:
    """Fill a ledger, certify it, and look at it again and again as it changes."""
    with tempfile.TemporaryDirectory(prefix="tillbus-bench-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'store.sqlite'}"
        async with await Store.open(url, lambda: _NOON) as store:
            books = Books(store.ledger, store.certificates, lambda: _NOON)
            those = [_day(number) for number in range(days)]
            await _fill(books, those, sales)
            await _live(books, days, sales)
            await _evening(books, those, sales)
            await _repaired(books, those, sales)
            await _nothing_new(books)
            await _gap(books, those[-1], sales)


async def _live(books: Books, days: int, sales: int) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    assert await handlers.evaluate(books) == []
    _tell("open days, all changed", days, sales, time.perf_counter() - began, cpu)


async def _evening(books: Books, those: list[StoreDay], sales: int) -> None:
    closes = [_closed(day, sales) for day in those]
    await books.ledger.record(Entries(closed=closes))
    began, cpu = time.perf_counter(), time.process_time()
    certificates = await handlers.evaluate(books)
    _tell("closed days, certified", len(those), sales, time.perf_counter() - began, cpu)
    assert [each.missing_sequences for each in certificates] == [1] * len(those)


def _tell(what: str, days: int, sales: int, took: float, cpu: float) -> None:
    used = time.process_time() - cpu
    print(
        f"{what} {days} of {sales} sales in {took:.1f} s ({1000 * took / days:.1f} ms each, "
        f"{1e6 * used / days / sales:.0f} us CPU a sale)"
    )


async def _repaired(books: Books, those: list[StoreDay], sales: int) -> None:
    """One lost sale of every tenth day comes after all."""
    late = those[:: len(those) // 10 or 1]
    entries = [_sale(day, sales) for day in late]
    await books.ledger.record(
        Entries(facts=[f for f, _ in entries], documents=[d for _, d in entries])
    )
    began = time.perf_counter()
    certificates = await handlers.evaluate(books)
    took = time.perf_counter() - began
    assert [each.verdict for each in certificates] == [Verdict.BALANCED] * len(late)
    print(f"a few days change      {len(late)} of {len(those)} looked at in {1000 * took:.0f} ms")


async def _nothing_new(books: Books) -> None:
    began = time.perf_counter()
    assert await handlers.evaluate(books) == []
    print(f"nothing has changed    {1000 * (time.perf_counter() - began):.0f} ms")


async def _gap(books: Books, last: StoreDay, sales: int) -> None:
    """The longest it takes to name a missing sequence: a timer's period, and this."""
    day = StoreDay(last.company, last.store, last.business_day + timedelta(days=1))
    told = [_sale(day, number) for number in (*range(1, sales), sales + 1)]
    await books.ledger.record(Entries([f for f, _ in told[:-1]], [d for _, d in told[:-1]]))
    await handlers.evaluate(books)
    fact, document = told[-1]
    began = time.perf_counter()
    await books.ledger.record(Entries([fact], [document]))
    [certificate] = await handlers.evaluate(books)
    took = time.perf_counter() - began
    [terminal] = certificate.terminals
    assert [str(gap) for gap in terminal.missing] == [str(sales)]
    print(
        f"a missing sequence     named {1000 * took:.0f} ms after the sale behind it was recorded"
    )


def _day(number: int) -> StoreDay:
    first = date(2026, 3, 1)
    return StoreDay("usrt", f"S{number % _STORES}", first + timedelta(days=number // _STORES))


async def _fill(books: Books, those: list[StoreDay], sales: int) -> None:
    for start in range(0, len(those), _DAYS_AT_ONCE):
        part = those[start : start + _DAYS_AT_ONCE]
        rows = [row for day in part for row in _witnessed(day, sales)]
        await books.ledger.record(
            Entries(
                facts=[fact for fact, _ in rows],
                documents=[document for _, document in rows],
            )
        )


def _witnessed(day: StoreDay, sales: int) -> Iterator[tuple[SeenFact, PostedDocument]]:
    return (_sale(day, number) for number in range(1, sales))


def _sale(day: StoreDay, number: int) -> tuple[SeenFact, PostedDocument]:
    key = TransactionKey(
        company=day.company,
        store=day.store,
        business_day=day.business_day,
        terminal="T1",
        sequence=number,
    )
    id_ = fact_id(SaleCompleted.TYPE, str(key))
    paid = (TenderAmount("cash", "USD", _AMOUNT),)
    at = _NOON + timedelta(seconds=number)
    return (
        SeenFact(id_, SaleCompleted.TYPE, key, _AMOUNT, "USD", at, at, tenders=paid),
        PostedDocument(id_, SaleCompleted.TYPE, key, f"key of {key}", _AMOUNT, "USD", at),
    )


def _closed(day: StoreDay, sales: int) -> ClosedDay:
    total = _AMOUNT * sales
    counters = TerminalDay(
        terminal="T1", first_sequence=1, last_sequence=sales, sales=sales, returns=0
    )
    word = StoreDayClosed(
        company=day.company,
        store=day.store,
        business_day=day.business_day,
        closed_at=_NOON,
        terminals=(counters,),
        currency="USD",
        total=total,
        tender_totals=(TenderTotal(type="cash", currency="USD", amount=total),),
    )
    return ClosedDay(day, 0, word.model_dump_json())


if __name__ == "__main__":
    main()
