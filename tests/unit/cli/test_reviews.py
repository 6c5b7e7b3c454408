"""``tillbus review``: what an operator sees of conflicts, and what deciding leaves behind."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.local.cli import main
from shared.clock import utc_now
from shared.erasure import OPERATORS
from shared.reviews import CONFLICTS, OPEN, RESOLVED, Conflict, Saying, conflict_of
from shared.store import Act, Record, Store

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = "gbrt/C-1/000002-1-phone"


def conflict(**changes: Any) -> Conflict:
    said: Any = {"version": 1, "changed_at": AT}
    return Conflict(
        company="gbrt",
        customer="C-1",
        field="phone",
        strategy="manual",
        in_force=Saying(by="till", value="+44 1", **said),
        other=Saying(by="finance-operations", value="+44 9", version=1, changed_at=None),
        found_at=AT,
    ).model_copy(update=changes)


def record(key: str, state: str, **changes: Any) -> Record:
    return Record(CONFLICTS, key, 1, state, conflict(**changes).model_dump_json(), AT)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite+aiosqlite:///{tmp_path / 'store.sqlite'}"
    monkeypatch.setenv("STORE_URL", url)
    records = [
        record(KEY, OPEN),
        record("dert/C-2/000001-1-phone", OPEN),
        record("gbrt/C-3/000001-1-phone", RESOLVED, ending="by-rule"),
    ]

    async def fill() -> None:
        async with await Store.open(url, utc_now) as opened:
            await opened.records.write(records)

    asyncio.run(fill())
    return url


def kept(url: str) -> tuple[Record, list[Act]]:
    async def read() -> tuple[Record, list[Act]]:
        async with await Store.open(url, utc_now) as opened:
            stored = await opened.records.read(CONFLICTS, [KEY])
            entries = await opened.audit.read(OPERATORS)
            return stored[KEY], [entry.act for entry in entries]

    return asyncio.run(read())


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    assert main(["review", "list", "--json", *arguments]) == 0
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return found


def test_what_waits_is_listed_without_what_is_said(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = listed(capsys)
    assert [each["key"] for each in found] == ["dert/C-2/000001-1-phone", KEY]
    assert main(["review", "list"]) == 0
    shown = capsys.readouterr().out
    assert KEY in shown
    assert "+44" not in shown + str(found)


def test_one_company_or_everything_can_be_listed(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [each["key"] for each in listed(capsys, "--company", "gbrt")] == [KEY]
    states = {each["key"]: each["state"] for each in listed(capsys, "--all", "--company", "gbrt")}
    assert states == {KEY: "open", "gbrt/C-3/000001-1-phone": "by-rule"}


def test_both_versions_of_one_are_shown(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "show", KEY]) == 0
    shown = capsys.readouterr().out
    assert "holds  +44 1, says till, 2026-03-02 12:00 UTC" in shown
    assert "other  +44 9, says finance-operations, nobody knows when" in shown


@pytest.mark.parametrize(("command", "state"), [("accept", "accepted"), ("reject", "rejected")])
def test_a_decision_is_kept_with_who_took_it(store: str, command: str, state: str) -> None:
    assert main(["review", command, KEY, "--actor", "kim"]) == 0
    stored, [act] = kept(store)
    assert (stored.state, conflict_of(stored).decided_by) == (state, "kim")
    assert (act.actor, act.action, act.subject) == ("kim", f"conflict-{state}", KEY)
    assert "+44" not in act.detail


def test_what_is_decided_is_not_decided_again(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["review", "accept", KEY, "--actor", "kim"])
    assert main(["review", "reject", KEY, "--actor", "lee"]) == 1
    assert "is not open, but accepted" in capsys.readouterr().err
    stored, acts = kept(store)
    assert (stored.state, len(acts)) == ("accepted", 1)


def test_an_unknown_conflict_is_refused(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "accept", "gbrt/C-1/nothing"]) == 1
    assert "there is no conflict gbrt/C-1/nothing" in capsys.readouterr().err


def test_nothing_to_decide_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORE_URL", f"sqlite+aiosqlite:///{tmp_path / 'empty.sqlite'}")
    assert main(["review", "list"]) == 0
    assert "nothing waits for a decision" in capsys.readouterr().out
