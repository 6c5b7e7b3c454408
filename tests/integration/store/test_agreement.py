"""The stores on disk against their definition in memory, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.store import (
    ClosedDay,
    DayFilter,
    Entries,
    Evaluation,
    Inbox,
    Ledger,
    MemoryInbox,
    MemoryLedger,
    OpenedDay,
    Store,
    StoreDay,
    TenderAmount,
)

from .conftest import NOW, NewDatabase
from .samples import id_at, key, numbered_id, posted, rejected, result, seen, taken_back

AMOUNTS = st.decimals(-10_000, 10_000, places=3).map(str)
KEYS = st.builds(
    key,
    st.integers(1, 4),
    store=st.sampled_from(["S1", "S2", "S-2.x"]),
    day=st.integers(1, 3),
    terminal=st.sampled_from(["T1", "T2"]),
)
DAYS = KEYS.map(StoreDay.of)

Step = Callable[[Any], Awaitable[object]]


def _record_results(numbers: list[tuple[int, str]]) -> Step:
    batch = [result(number, amount=amount) for number, amount in numbers]
    return lambda inbox: inbox.record(batch)


def _look_up(numbers: list[int]) -> Step:
    return lambda inbox: inbox.results([numbered_id(number) for number in numbers])


INBOX_STEPS = st.one_of(
    st.lists(st.tuples(st.integers(1, 8), AMOUNTS), max_size=6).map(_record_results),
    st.lists(st.integers(1, 8), max_size=6).map(_look_up),
)


def _at_most(size: int, strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=size)


EFFECTS = st.sampled_from(["ledger", "stock"])
TENDERS = st.none() | st.lists(
    st.builds(TenderAmount, st.just("cash"), st.just("USD"), AMOUNTS.map(Decimal)), max_size=2
).map(tuple)


def _word(kind: type[ClosedDay] | type[OpenedDay]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda day, revision: kind(day, revision, f'{{"n":{revision}}}'), DAYS, st.integers(0, 2)
    )


ENTRIES = st.builds(
    Entries,
    facts=_at_most(4, st.builds(seen, KEYS, amount=AMOUNTS, tenders=TENDERS)),
    documents=_at_most(
        4, st.builds(posted, KEYS, amount=AMOUNTS, effect=EFFECTS, of_no_till=st.booleans())
    ),
    # At one moment two rejections of a message are one and the same.
    rejections=_at_most(3, st.builds(rejected, KEYS, minute=st.integers(0, 3), effect=EFFECTS))
    | _at_most(1, st.builds(rejected, st.none(), minute=st.integers(0, 3))),
    reversals=_at_most(2, st.builds(taken_back, KEYS, effect=EFFECTS)),
    closed=_at_most(2, _word(ClosedDay)),
    opened=_at_most(2, _word(OpenedDay)),
)
FILTERS = st.builds(
    DayFilter,
    company=st.sampled_from([None, "usrt", "gbrt"]),
    store=st.sampled_from([None, "S1", "S9"]),
    first_day=st.none() | DAYS.map(lambda day: day.business_day),
    last_day=st.none() | DAYS.map(lambda day: day.business_day),
)


def _evaluate(verdict: str, behind: int) -> Step:
    async def step(ledger: Ledger) -> object:
        days = await ledger.entries(await ledger.unevaluated(3))
        await ledger.evaluated(
            [Evaluation(each.day, each.version - behind, verdict, behind) for each in days]
        )
        return days

    return step


LEDGER_STEPS = st.one_of(
    ENTRIES.map(lambda entries: lambda ledger: ledger.record(entries)),
    FILTERS.map(lambda wanted: lambda ledger: ledger.days(wanted)),
    st.lists(DAYS, max_size=4).map(lambda days: lambda ledger: ledger.entries(days)),
    st.integers(1, 3).map(lambda limit: lambda ledger: ledger.rejections_without_key(limit)),
    st.lists(DAYS, max_size=4).map(lambda days: lambda ledger: ledger.gapless(days)),
    st.lists(KEYS, max_size=4).map(lambda keys: lambda ledger: ledger.effects(map(id_at, keys))),
    FILTERS.map(lambda wanted: lambda ledger: ledger.half_booked(wanted, 3)),
    st.builds(_evaluate, st.sampled_from(["balanced", "open"]), st.integers(0, 1)),
    st.just(lambda ledger: ledger.evaluations(other_than="balanced")),
    st.just(lambda ledger: ledger.unevaluated(100)),
)

# A new database is costly on PostgreSQL, so one serves all examples and is emptied between them.
_EXAMPLES = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_inbox_on_disk_answers_as_the_definition_does(new_database: NewDatabase) -> None:
    with asyncio.Runner() as runner:
        store = runner.run(Store.open(new_database(), lambda: NOW))

        @_EXAMPLES
        @given(steps=st.lists(INBOX_STEPS, max_size=12))
        def agree(steps: list[Step]) -> None:
            runner.run(_empty(store))
            runner.run(_same_answers(steps, store.inbox("ledger"), MemoryInbox()))

        agree()
        runner.run(store.aclose())


def test_ledger_on_disk_answers_as_the_definition_does(new_database: NewDatabase) -> None:
    with asyncio.Runner() as runner:
        store = runner.run(Store.open(new_database(), lambda: NOW))

        @_EXAMPLES
        @given(steps=st.lists(LEDGER_STEPS, max_size=12))
        def agree(steps: list[Step]) -> None:
            runner.run(_empty(store))
            runner.run(_same_answers(steps, store.ledger, MemoryLedger()))

        agree()
        runner.run(store.aclose())


async def _same_answers(
    steps: list[Step], stored: Inbox | Ledger, definition: Inbox | Ledger
) -> None:
    for step in steps:
        assert await step(stored) == await step(definition)


_ONLY_ADDED_TO = {"audit", "certificates"}


async def _empty(store: Store) -> None:
    """Empty every table but those whose entries the database refuses to give up."""
    from shared.store.schema import metadata

    async with store._database.writing() as connection:
        for table in metadata.sorted_tables:
            if table.name not in _ONLY_ADDED_TO:
                await connection.execute(table.delete())
