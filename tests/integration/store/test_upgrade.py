from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, Table, insert, text

import shared.store
from shared.store import (
    InboxResult,
    Store,
    StoreDay,
    StoreSettingsWrong,
    StoreUnavailable,
    first_break,
    sql_inbox,
)
from shared.store.__main__ import main
from shared.store.database import Database
from shared.store.schema import HEAD, inbox, metadata

from .conftest import NOW, NewDatabase
from .samples import key, numbered_id, result

ROOT = Path(__file__).resolve().parents[3]


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_migrations_lead_to_the_tables_the_code_uses(new_database: NewDatabase) -> None:
    url = new_database()
    async with await Store.open(url, lambda: NOW):
        pass

    database = Database(url)
    async with database.reading() as connection:
        assert await connection.run_sync(_differences) == []
        assert (
            await connection.execute(text("SELECT version_num FROM alembic_version"))
        ).scalar() == HEAD
    await database.aclose()


def test_head_is_the_newest_migration() -> None:
    config = Config()
    folder = Path(shared.store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))

    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_many_processes_may_open_a_new_database_at_once(new_database: NewDatabase) -> None:
    url = new_database()
    program = [sys.executable, "-m", "shared.store", "upgrade", url]
    processes = [
        subprocess.Popen(
            program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    answers = [process.communicate() for process in processes]

    assert [process.returncode for process in processes] == [0] * 2, answers
    assert sorted(out.strip() for out, _ in answers) == [
        f"schema {HEAD}: already current",
        f"schema {HEAD}: upgraded",
    ]


def _bring_to(connection: Connection, revision: str) -> None:
    config = Config()
    folder = Path(shared.store.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


_NEW_IN_0003 = ("effect", "digest")
_INBOX_0002 = Table(
    "inbox",
    MetaData(),
    *(Column(each.name, each.type) for each in inbox.c if each.name not in _NEW_IN_0003),
)


async def _record_as_0002_did(database: Database, results: Sequence[InboxResult]) -> None:
    rows = [sql_inbox._row(each) | {"recorded_at": NOW} for each in results]
    older = [{name: row[name] for name in _INBOX_0002.c.keys()} for row in rows]  # noqa: SIM118
    async with database.writing() as connection:
        await connection.execute(insert(_INBOX_0002), older)


async def test_an_inbox_of_the_time_of_one_effect_is_kept(new_database: NewDatabase) -> None:
    url = new_database()
    database = Database(url)
    async with database.writing() as connection:
        await connection.run_sync(_bring_to, "0002")
    await _record_as_0002_did(database, [result(1), result(2)])
    await database.aclose()

    async with await Store.open(url, lambda: NOW) as store:
        ids = [numbered_id(1), numbered_id(2)]
        kept = await store.inbox("ledger").results(ids)
        again = await store.inbox("ledger").record([result(1, amount="9.99"), result(3)])
        assert kept == {numbered_id(n): result(n) for n in (1, 2)}
        assert again == {numbered_id(n): result(n) for n in (1, 3)}
        assert await store.inbox("stock").results(ids) == {}
        assert [each.act.subject for each in await store.audit.read("ledger")] == [result(3).key]


async def test_a_service_not_yet_upgraded_goes_on_recording(new_database: NewDatabase) -> None:
    async with await Store.open(new_database(), lambda: NOW) as store:
        await _record_as_0002_did(store._database, [result(1)])

        assert await store.inbox("ledger").results([numbered_id(1)]) == {numbered_id(1): result(1)}


async def test_stores_opened_at_once_in_one_process_share_the_upgrade(
    new_database: NewDatabase,
) -> None:
    url = new_database()
    stores = await asyncio.gather(*(Store.open(url, lambda: NOW) for _ in range(5)))

    await stores[0].inbox("ledger").record([result(1)])
    assert await stores[4].inbox("ledger").results([numbered_id(1)])
    for store in stores:
        await store.aclose()


async def test_a_current_database_is_opened_without_loading_alembic(
    new_database: NewDatabase,
) -> None:
    url = new_database()
    async with await Store.open(url, lambda: NOW):
        pass
    program = (
        "import asyncio, sys\n"
        "from shared.clock import utc_now\n"
        "from shared.store import Store\n"
        "assert 'sqlalchemy' not in sys.modules, 'indexing does not need it'\n"
        f"async def main():\n    async with await Store.open({url!r}, utc_now): pass\n"
        "asyncio.run(main())\n"
        "print([name for name in ('alembic', 'azure.identity') if name in sys.modules])\n"
    )

    opened = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )

    assert (await opened.communicate())[0] == b"[]\n"


async def test_a_schema_newer_than_the_code_is_left_alone(new_database: NewDatabase) -> None:
    url = new_database()
    async with await Store.open(url, lambda: NOW) as store, store._database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    async with await Store.open(url, lambda: NOW) as store:
        assert await store.inbox("ledger").record([result(1)])


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("no url", "not a database URL"),
        ("mysql://h/d", "must start with one of"),
        ("sqlite+aiosqlite://", "must name a file"),
        ("sqlite+aiosqlite:////proc/nowhere/store.db", "folder that cannot be made"),
    ],
)
async def test_a_url_nothing_can_be_done_with_is_named(url: str, sentence: str) -> None:
    with pytest.raises(StoreSettingsWrong, match=sentence):
        await Store.open(url, lambda: NOW)


async def test_a_database_that_does_not_answer_is_for_later(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await Store.open("postgresql+asyncpg://tillbus:x@127.0.0.1:1/none", lambda: NOW)

    (tmp_path / "store.db").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'store.db'}", lambda: NOW)


def test_the_command_line_fails_with_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["upgrade", "mysql://somewhere/else"])

    told = capsys.readouterr()
    assert code == 1
    assert told.err.startswith("store: STORE_URL must start with")
    assert len(told.err.splitlines()) == 1
    assert told.out == ""


_RECORDER = """
import asyncio, sys
from shared.clock import utc_now
from shared.store import Store, Entries
from tests.integration.store.samples import key, result, seen
from tests.integration.store.states import archived, parked, record

async def main():
    store = await Store.open(sys.argv[1], utc_now)
    for batch in range(1, 10_000):
        numbers = range(batch * 100, batch * 100 + 100)
        await store.inbox("ledger").record([result(number) for number in numbers])
        await store.ledger.record(Entries(facts=[seen(key(number)) for number in numbers]))
        await store.records.write([record(f"{number:06}") for number in numbers])
        await store.parking.park([parked(number) for number in numbers])
        await store.archive.keep([archived(number, "gbrt/C-17") for number in numbers])
        print(batch, flush=True)

asyncio.run(main())
"""


async def test_what_was_recorded_is_there_after_the_process_is_killed(
    new_database: NewDatabase,
) -> None:
    url = new_database()
    done = await asyncio.to_thread(_batches_recorded_before_a_kill, url)

    async with await Store.open(url, lambda: NOW) as store:
        ids = [numbered_id(number) for number in range(100, done * 100 + 100)]
        assert len(await store.inbox("ledger").results(ids)) == done * 100
        next_batch = [numbered_id(done * 100 + 100 + number) for number in range(100)]
        assert len(await store.inbox("ledger").results(next_batch)) in {0, 100}
        [day] = await store.ledger.entries([StoreDay.of(key(1))])
        assert len(day.entries.facts) in {done * 100, done * 100 + 100}
        assert await store.inbox("ledger").record([result(1)])
        for kept in (
            await store.records.find("thing", limit=10_000),
            await store.parking.facts(limit=10_000),
            await store.archive.about("gbrt/C-17"),
        ):
            assert len(kept) in {done * 100, done * 100 + 100}


async def test_what_the_audit_log_says_and_what_the_inbox_holds_are_the_same_after_a_kill(
    new_database: NewDatabase,
) -> None:
    url = new_database()
    await asyncio.to_thread(_batches_recorded_before_a_kill, url)

    async with await Store.open(url, lambda: NOW) as store:
        entries = await store.audit.read("ledger", limit=100_000)
        recorded = await store.inbox("ledger").results(
            [numbered_id(number) for number in range(100, 10_000)]
        )
        assert first_break(entries) is None
        assert sorted(each.act.subject for each in entries) == sorted(
            each.key for each in recorded.values()
        )


def _batches_recorded_before_a_kill(url: str) -> int:
    program = [sys.executable, "-c", _RECORDER, url]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as recorder:
        assert recorder.stdout is not None
        for line in recorder.stdout:
            if int(line) == 5:
                recorder.kill()
                break
        return max(int(line) for line in ["5", *recorder.stdout.read().split()])
