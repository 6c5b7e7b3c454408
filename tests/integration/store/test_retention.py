"""What is old is forgotten, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from shared.clock import utc_now
from shared.store import Forgotten, RetentionSettings, Store, first_break
from shared.store.__main__ import main

from .conftest import NewDatabase
from .samples import numbered_id, result
from .states import MORNING, archived

PERSON = "gbrt/C-17"


class _Clock:
    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now


async def test_facts_and_results_older_than_asked_for_are_forgotten(
    new_database: NewDatabase,
) -> None:
    clock = _Clock()
    async with await Store.open(new_database(), clock) as store:
        await store.inbox("ledger").record([result(n) for n in range(1, 1202)])
        await store.archive.keep([archived(n, PERSON) for n in range(1, 1202)])
        clock.now = limit = MORNING + timedelta(minutes=1)
        await store.inbox("ledger").record([result(2000)])
        await store.archive.keep([archived(2000, PERSON, minute=1)])

        forgotten = await store.forget_before(archived=limit, recorded=limit)

        assert forgotten == Forgotten(archived=1201, results=1201)
        assert await store.archive.about(PERSON) == [archived(2000, PERSON, minute=1)]
        ids = [numbered_id(n) for n in (1, 1201, 2000)]
        assert set(await store.inbox("ledger").results(ids)) == {numbered_id(2000)}
        assert set(await store.archive.read(ids)) == {numbered_id(2000)}
        assert await store.forget_before(archived=limit, recorded=limit) == Forgotten(0, 0)


async def test_results_of_every_effect_are_forgotten_and_the_audit_log_never_is(
    store: Store,
) -> None:
    await store.inbox("ledger").record([result(1)])
    later = MORNING + timedelta(days=1)

    assert (await store.forget_before(archived=later, recorded=later)).results == 1

    entries = await store.audit.read("ledger")
    assert [entry.act.subject for entry in entries] == [result(1).key]
    assert first_break(entries) is None


def test_retention_is_configured_in_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVE_RETENTION_DAYS", "90")

    settings = RetentionSettings()

    assert settings.archived_before(MORNING) == MORNING - timedelta(days=90)
    assert settings.recorded_before(MORNING) == MORNING - timedelta(days=400)


def test_nothing_under_way_can_be_configured_to_be_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INBOX_RETENTION_DAYS", "7")

    with pytest.raises(ValidationError, match="inbox_retention_days"):
        RetentionSettings()


def test_one_command_forgets_by_the_settings(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = new_database()

    async def fill() -> None:
        async with await Store.open(url, utc_now) as store:
            await store.archive.keep(
                [
                    replace(archived(age), archived_at=utc_now() - timedelta(days=age))
                    for age in (30, 32)
                ]
            )

    asyncio.run(fill())
    monkeypatch.setenv("ARCHIVE_RETENTION_DAYS", "31")

    assert main(["forget", url]) == 0
    assert capsys.readouterr().out == "forgotten: 1 archived facts, 0 results\n"


def test_the_command_refuses_a_setting_too_short_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARCHIVE_RETENTION_DAYS", "1")

    assert main(["forget", "sqlite+aiosqlite:///never-opened.db"]) == 1
    assert capsys.readouterr().err == (
        "store: ARCHIVE_RETENTION_DAYS: Input should be greater than or equal to 31\n"
    )
