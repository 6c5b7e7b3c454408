"""The state of services on disk against its definition in memory, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.store import Record, Records, Store
from tests.integration.store.test_agreement import _empty

from .conftest import NOW, NewDatabase
from .states import MORNING, MemoryState, State, act, archived, parked, record

Step = Callable[[State], Awaitable[object]]

TEXTS = st.text(st.sampled_from("ab/%_\\éZ\ud7ff\ue000\U0010ffff"), max_size=3)
KINDS = st.sampled_from(["a", "A", "b"])
STATES = st.sampled_from(["", "open", "done"])
MOMENTS = st.integers(0, 180).map(lambda minutes: MORNING + timedelta(minutes=minutes))

WANTED = st.builds(
    record,
    TEXTS,
    st.integers(1, 3),
    kind=KINDS,
    state=STATES,
    text=st.sampled_from(["{}", "é\n"]),
)
RECORD_STEPS = st.one_of(
    st.lists(WANTED, max_size=4, unique_by=lambda each: (each.kind, each.key)).map(
        lambda wanted: lambda state: state.records.write(wanted)
    ),
    # One that fits what is stored, so that versions rise in every example.
    WANTED.map(lambda wanted: lambda state: _write_next(state.records, wanted)),
    st.tuples(KINDS, st.lists(TEXTS, max_size=3)).map(
        lambda asked: lambda state: state.records.read(*asked)
    ),
    st.tuples(KINDS, st.lists(TEXTS, max_size=3)).map(
        lambda asked: lambda state: state.records.delete(*asked)
    ),
    st.tuples(
        KINDS,
        st.fixed_dictionaries(
            {
                "prefix": TEXTS,
                "state": st.none() | STATES,
                "after": TEXTS,
                "limit": st.integers(1, 4),
            }
        ),
    ).map(lambda asked: lambda state: state.records.find(asked[0], **asked[1])),
    st.just(lambda state: state.records.kinds()),
)


async def _write_next(records: Records, wanted: Record) -> object:
    stored = (await records.read(wanted.kind, [wanted.key])).get(wanted.key)
    version = stored.version + 1 if stored else 1
    return await records.write([replace(wanted, version=version)])


WAITS_FOR = st.sampled_from(["item/gbrt/1", "item/gbrt/2"])
SUBSCRIPTIONS = st.sampled_from(["sales", "inventory"])
SOME = st.none() | st.lists(SUBSCRIPTIONS, max_size=2)
PARKED = st.builds(
    parked,
    st.integers(1, 5),
    WAITS_FOR,
    subscription=SUBSCRIPTIONS,
    minute=st.integers(0, 3),
    hours=st.integers(0, 2),
    times=st.integers(1, 2),
    releases=st.integers(0, 2),
)
STAYS = st.lists(PARKED, max_size=2).map(lambda facts: [each.stay for each in facts])


async def _try_and_park_again(state: State, moment: datetime) -> None:
    due = await state.parking.due(moment, 2)
    await state.parking.sent([each.stay for each in due], moment)
    await state.parking.park([replace(each, times=each.times + 1) for each in due])


async def _redact_first(state: State) -> None:
    await state.parking.redact(
        {each.identity: b"erased" for each in await state.parking.facts(limit=2)}
    )


async def _in_pages(state: State) -> object:
    pages, after = [], None
    while page := await state.parking.facts(after=after, limit=2):
        pages.append(page)
        after = page[-1]
    return pages


PARKING_STEPS = st.one_of(
    st.lists(PARKED, max_size=4).map(lambda facts: lambda state: state.parking.park(facts)),
    STAYS.map(lambda stays: lambda state: state.parking.forget(stays)),
    st.tuples(STAYS, MOMENTS).map(lambda asked: lambda state: state.parking.sent(*asked)),
    MOMENTS.map(lambda moment: lambda state: _try_and_park_again(state, moment)),
    st.tuples(st.lists(WAITS_FOR, max_size=2), MOMENTS, st.none() | st.integers(0, 2), SOME).map(
        lambda asked: (
            lambda state: state.parking.release(
                asked[0], asked[1], most=asked[2], subscriptions=asked[3]
            )
        )
    ),
    st.tuples(MOMENTS, st.integers(1, 4), SOME, st.none() | MOMENTS).map(
        lambda asked: lambda state: state.parking.due(*asked[:3], lost=asked[3])
    ),
    SOME.map(lambda names: lambda state: state.parking.waiting(names)),
    (st.none() | WAITS_FOR).map(lambda key: lambda state: state.parking.facts(key=key, limit=3)),
    st.just(_redact_first),
    st.just(_in_pages),
)

PERSONS = st.sampled_from(["gbrt/C-1", "gbrt/C-2", "gbrt/card:1"])
NUMBERS = st.lists(st.integers(1, 5), max_size=3)
ARCHIVED = st.builds(
    lambda number, persons, **others: archived(number, *persons, **others),
    st.integers(1, 5),
    st.lists(PERSONS, max_size=3),
    store=st.sampled_from(["LONDON", "LEEDS"]),
    day=st.none() | st.integers(1, 2),
    minute=st.integers(0, 2),
)
ARCHIVE_STEPS = st.one_of(
    st.lists(ARCHIVED, max_size=4).map(lambda facts: lambda state: state.archive.keep(facts)),
    NUMBERS.map(
        lambda numbers: lambda state: state.archive.read([archived(n).fact_id for n in numbers])
    ),
    st.sampled_from(["LONDON", "LEEDS"]).map(
        lambda store: lambda state: state.archive.of_day("gbrt", store, date(2026, 3, 1))
    ),
    PERSONS.map(lambda person: lambda state: state.archive.about(person)),
    st.tuples(PERSONS, NUMBERS).map(
        lambda asked: (
            lambda state: state.archive.erase(
                asked[0], {archived(n).fact_id: b"erased" for n in asked[1]}
            )
        )
    ),
)

CHAINS = st.sampled_from(["a", "B"])
AUDIT_STEPS = st.one_of(
    st.tuples(CHAINS, st.lists(st.integers(0, 9).map(act), max_size=3)),
    st.tuples(CHAINS, st.integers(0, 4), st.integers(1, 4)),
)

# A new database is costly on PostgreSQL, so one serves all examples and is emptied between them.
_EXAMPLES = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _agree(new_database: NewDatabase, steps: st.SearchStrategy[Step]) -> None:
    with asyncio.Runner() as runner:
        store = runner.run(Store.open(new_database(), lambda: NOW))

        @_EXAMPLES
        @given(taken=st.lists(steps, max_size=14))
        def agree(taken: list[Step]) -> None:
            runner.run(_empty(store))
            runner.run(_same_answers(taken, store))

        agree()
        runner.run(store.aclose())


async def _same_answers(steps: list[Step], store: Store) -> None:
    definition = MemoryState()
    for step in steps:
        assert await step(store) == await step(definition)


def test_records_on_disk_answer_as_the_definition_does(new_database: NewDatabase) -> None:
    _agree(new_database, RECORD_STEPS)


def test_parked_facts_on_disk_answer_as_the_definition_does(new_database: NewDatabase) -> None:
    _agree(new_database, PARKING_STEPS)


def test_the_archive_on_disk_answers_as_the_definition_does(new_database: NewDatabase) -> None:
    _agree(new_database, ARCHIVE_STEPS)


def test_the_audit_log_on_disk_answers_as_the_definition_does(new_database: NewDatabase) -> None:
    examples = count()

    def of_this_example(taken: tuple[Any, ...], example: int) -> Step:
        """Chains are never emptied: each example has its own."""
        chain, *rest = taken
        name = f"{example:06}-{chain}"
        if isinstance(rest[0], list):
            return lambda state: state.audit.append(name, rest[0])
        return lambda state: state.audit.read(name, after=rest[0], limit=rest[1])

    async def chains(state: State, example: int) -> list[str]:
        return [each for each in await state.audit.chains() if each.startswith(f"{example:06}-")]

    with asyncio.Runner() as runner:
        store = runner.run(Store.open(new_database(), lambda: NOW))

        @_EXAMPLES
        @given(steps=st.lists(AUDIT_STEPS, max_size=14))
        def agree(steps: list[tuple[Any, ...]]) -> None:
            example = next(examples)
            taken = [of_this_example(step, example) for step in steps]
            runner.run(_same_answers([*taken, lambda state: chains(state, example)], store))

        agree()
        runner.run(store.aclose())
