"""What is promised of the audit log, in memory and on every database."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy import exc, text

from shared.store import Store, first_break

from .conftest import NOW, NewDatabase
from .samples import result
from .states import State, act

ROOT = Path(__file__).resolve().parents[3]


async def test_acts_are_read_in_the_order_they_were_added(state: State) -> None:
    added = await state.audit.append("a", [act(1), act(2)])
    added += await state.audit.append("a", [act(3)])
    await state.audit.append("b", [act(4)])

    assert await state.audit.read("a") == added
    assert [entry.number for entry in added] == [1, 2, 3]
    assert await state.audit.read("a", after=1, limit=1) == added[1:2]
    assert await state.audit.read("nothing") == []
    assert await state.audit.chains() == ["a", "b"]
    assert first_break(added) is None


async def test_nothing_done_is_nothing_written(state: State) -> None:
    assert await state.audit.append("a", []) == []
    assert await state.audit.chains() == []


async def test_every_result_that_was_really_added_is_in_the_audit_log(state: State) -> None:
    await state.inbox("ledger").record([result(1), result(2), result(2)])
    await state.inbox("ledger").record([result(2), result(3)])

    entries = await state.audit.read("ledger")

    assert sorted(entry.act.subject for entry in entries) == [result(n).key for n in (1, 2, 3)]
    assert {(entry.act.actor, entry.act.action) for entry in entries} == {("services", "booked")}
    [first] = [entry for entry in entries if entry.act.subject == result(1).key]
    assert first.act.detail == (
        "finance-operations/RetailTransactions/dataAreaId='usrt',TransactionNumber='1' 12.50 USD"
    )
    assert first_break(entries) is None
    assert await state.audit.chains() == ["ledger"]


@pytest.mark.parametrize("statement", ["UPDATE audit SET detail = 'nothing'", "DELETE FROM audit"])
async def test_the_database_itself_refuses_to_change_what_was_done(
    store: Store, statement: str
) -> None:
    written = await store.audit.append("a", [act(1)])

    with pytest.raises(exc.IntegrityError, match="only ever added"):
        async with store._database.writing() as connection:
            await connection.execute(text(statement))

    assert await store.audit.read("a") == written


async def test_services_booking_at_once_leave_one_unbroken_chain(new_database: NewDatabase) -> None:
    url = new_database()
    stores = [await Store.open(url, lambda: NOW) for _ in range(4)]
    try:
        # Overlapping batches in both directions: the rows make them wait, then the chain does.
        await asyncio.gather(
            *(
                store.inbox("ledger").record([result(n) for n in numbers])
                for store in stores
                for start in range(1, 61, 20)
                for numbers in (range(start, start + 30), range(start + 29, start - 1, -1))
            )
        )
        entries = await stores[0].audit.read("ledger")
    finally:
        for store in stores:
            await store.aclose()

    assert sorted(entry.act.subject for entry in entries) == sorted(
        result(n).key for n in range(1, 71)
    )
    assert first_break(entries) is None


_APPENDER = """
import asyncio, sys
from shared.clock import utc_now
from shared.store import Store
from tests.integration.store.states import act

async def main(url, name):
    async with await Store.open(url, utc_now) as store:
        for number in range(40):
            await store.audit.append("shared", [act(number, name), act(number, name)])

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_write_one_chain_follow_one_another(new_database: NewDatabase) -> None:
    url = new_database()
    async with await Store.open(url, lambda: NOW) as store:
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", _APPENDER, url, name, cwd=ROOT
            )
            for name in ("one", "two")
        ]
        codes = [await process.wait() for process in processes]
        entries = await store.audit.read("shared")

    assert codes == [0, 0]
    assert first_break(entries) is None
    for name in ("one", "two"):
        own = [entry.act.detail for entry in entries if entry.act.subject == name]
        assert own == [act(n).detail for n in range(40) for _ in range(2)]
