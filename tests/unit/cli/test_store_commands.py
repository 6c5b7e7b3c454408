"""The commands on the store: what is printed, and what the exit code says."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.cli import main
from infra.local.cli.stores import STORE_FILE
from shared.clock import utc_now
from shared.store import Store
from tests.integration.store.states import MORNING, act, parked

ITEM = "item/gbrt/10010"
Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a platform that has booked, parked, and stopped."""

    async def fill() -> None:
        url = f"sqlite+aiosqlite:///{tmp_path / STORE_FILE}"
        async with await Store.open(url, utc_now) as store:
            await store.audit.append("ledger", [act(n, f"key {n}") for n in range(1, 2502)])
            await store.audit.append("stock", [act(1)])
            await store.parking.park([parked(1), parked(2), parked(3, "item/gbrt/[x]")])

    asyncio.run(fill())
    return tmp_path


@pytest.fixture
def tillbus(data: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command over that folder; return its exit code and its JSON document."""

    def run(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--data", str(data), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def _tamper(data: Path, statement: str) -> None:
    database = sqlite3.connect(data / STORE_FILE)
    with database:
        for change in ("UPDATE", "DELETE"):
            database.execute(f"DROP TRIGGER audit_refuses_{change}")
        database.execute(statement)
    database.close()


def test_a_whole_audit_log_is_verified_over_many_pages(tillbus: Command) -> None:
    code, verified = tillbus("audit", "verify")

    ledger, stock = verified["chains"]
    assert code == 0
    assert (ledger["chain"], ledger["entries"], ledger["broken_at"]) == ("ledger", 2501, None)
    assert (stock["chain"], stock["entries"], stock["broken_at"]) == ("stock", 1, None)
    assert len(ledger["newest"]) == 64


@pytest.mark.parametrize("number", [1, 1000, 1001, 2501])
def test_whoever_gets_past_the_database_is_found_by_the_hashes(
    data: Path, tillbus: Command, number: int
) -> None:
    _tamper(data, f"UPDATE audit SET detail = 'x' WHERE chain = 'ledger' AND number = {number}")

    code, verified = tillbus("audit", "verify")

    assert code == 1
    assert [each["broken_at"] for each in verified["chains"]] == [number, None]
    assert verified["chains"][0]["entries"] == number - 1


def test_a_chain_cut_off_at_its_end_is_found_by_a_hash_noted_before(
    data: Path, tillbus: Command
) -> None:
    _, verified = tillbus("audit", "verify", "ledger")
    noted = f"ledger:2501:{verified['chains'][0]['newest']}"
    assert tillbus("audit", "verify", "--noted", noted)[0] == 0

    _tamper(data, "DELETE FROM audit WHERE number = 2501")

    code, verified = tillbus("audit", "verify", "--noted", noted)
    assert code == 1
    assert verified["chains"][0]["broken_at"] is None
    assert verified["noted_missing"] == [noted]


def test_the_entries_about_one_key_are_found(tillbus: Command) -> None:
    code, [entry] = tillbus("audit", "show", "ledger", "--subject", "key 2001")

    assert code == 0
    assert (entry["number"], entry["subject"]) == (2001, "key 2001")
    assert tillbus("audit", "show", "ledger", "--after", "2001", "--subject", "key 2001") == (0, [])
    assert len(tillbus("audit", "show", "ledger", "--limit", "3")[1]) == 3


def test_what_is_parked_is_listed_with_what_it_waits_for(tillbus: Command) -> None:
    code, listed = tillbus("parked", "list")

    assert code == 0
    assert listed[0] == {
        "subscription": "sales",
        "key": ITEM,
        "missing": parked(1).missing,
        "facts": 2,
        "oldest": (MORNING + timedelta(minutes=1)).isoformat(),
        "deadline": (MORNING + timedelta(minutes=1, hours=24)).isoformat(),
    }
    assert tillbus("parked", "list", "--subscription", "orders") == (0, [])


def test_a_person_reads_parked_keys_as_they_are_spelled(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["parked", "list", "--data", str(data)]) == 0

    assert "item/gbrt/[x]" in capsys.readouterr().out


def test_releasing_a_key_lets_its_facts_go_on_and_is_in_the_audit_log(
    data: Path, tillbus: Command
) -> None:
    code, released = tillbus("parked", "release", ITEM, "item/gbrt/none", "--by", "ada")

    _, [entry] = tillbus("audit", "show", "operators")
    assert (code, released) == (0, {"released": {ITEM: 2, "item/gbrt/none": 0}})
    assert (entry["actor"], entry["action"], entry["subject"]) == ("ada", "released", ITEM)
    assert [each.released_at is not None for each in _parked(data)] == [True, True, False]
    assert tillbus("parked", "release", "item/gbrt/none")[0] == 1


def _parked(data: Path) -> list[Any]:
    async def read() -> list[Any]:
        url = f"sqlite+aiosqlite:///{data / STORE_FILE}"
        async with await Store.open(url, utc_now) as store:
            return await store.parking.facts()

    return asyncio.run(read())
