"""Issued certificates on disk against their definition, and against who would change one."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from shared.store import DayFilter, Draft, MemoryCertificates, Store, StoreDay
from shared.store.certificates import Certificates, first_break

from .conftest import NOW, NewDatabase

COMPANIES = count()
DRAFTS = st.lists(
    st.tuples(st.sampled_from(["S1", "S2"]), st.integers(1, 4), st.integers(0, 2)), max_size=4
)


def _drafts(company: str, batch: list[tuple[str, int, int]]) -> list[Draft]:
    return [
        Draft(StoreDay(company, store, date(2026, 3, day)), "balanced", f'{{"content":{content}}}')
        for store, day, content in batch
    ]


def test_certificates_on_disk_are_those_of_the_definition(new_database: NewDatabase) -> None:
    """What is issued cannot be taken out again: each example has a company of its own."""
    with asyncio.Runner() as runner:
        store = runner.run(Store.open(new_database(), lambda: NOW))

        @settings(
            max_examples=40,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        )
        @given(batches=st.lists(DRAFTS, max_size=8))
        def agree(batches: list[list[tuple[str, int, int]]]) -> None:
            company = f"c{next(COMPANIES)}"
            runner.run(_same(store.certificates, MemoryCertificates(), company, batches))

        agree()
        runner.run(store.aclose())


async def _same(
    stored: Certificates,
    definition: Certificates,
    company: str,
    batches: list[list[tuple[str, int, int]]],
) -> None:
    for minute, batch in enumerate(batches):
        drafts, now = _drafts(company, batch), NOW + timedelta(minutes=minute)
        assert await stored.issue(drafts, now) == await definition.issue(drafts, now)
    wanted = DayFilter(company=company)
    days = await definition.days(wanted)
    assert await stored.days(wanted) == days
    assert await stored.latest([*days, StoreDay(company, "S9", date(2026, 3, 1))]) == (
        await definition.latest(days)
    )
    for shop in ("S1", "S2", "S9"):
        chain = await stored.chain(company, shop)
        assert chain == await definition.chain(company, shop)
        assert await stored.chain(company, shop, after=1, limit=2) == chain[1:3]
        assert first_break(chain) is None
    assert await stored.days(
        DayFilter(company=company, store="S1", first_day=date(2026, 3, 3))
    ) == [day for day in days if day.store == "S1" and day.business_day >= date(2026, 3, 3)]


async def test_two_writers_of_a_chain_follow_one_another(new_database: NewDatabase) -> None:
    url = new_database()
    async with (
        await Store.open(url, lambda: NOW) as one,
        await Store.open(url, lambda: NOW) as other,
    ):
        await asyncio.gather(
            *(
                store.certificates.issue(_drafts("usrt", [("S1", day, 0), ("S2", day, 0)]), NOW)
                for day in range(1, 9)
                for store in (one, other)
            )
        )

        for shop in ("S1", "S2"):
            chain = await one.certificates.chain("usrt", shop)
            assert [link.number for link in chain] == list(range(1, 9))
            assert first_break(chain) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE certificates SET content = '{}'",
        "DELETE FROM certificates",
        "UPDATE certificates SET hash = hash",
    ],
)
async def test_the_database_refuses_to_change_what_was_issued(store: Store, statement: str) -> None:
    await store.certificates.issue(_drafts("usrt", [("S1", 1, 0)]), NOW)

    with pytest.raises(Exception, match="only ever added"):
        async with store._database.writing() as connection:
            await connection.execute(text(statement))

    assert len(await store.certificates.chain("usrt", "S1")) == 1
