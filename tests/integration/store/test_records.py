"""What is promised of records, in memory and on every database."""

from __future__ import annotations

import asyncio

import pytest

from shared.store import Store

from .conftest import NOW, NewDatabase
from .states import State, record

AWKWARD = ["a%b", "a_b", "a\\b", "A", "a", "aé", "a\ud7ff", "a\ue000", "a\U0010ffff", "ab", "b"]
"""Characters that mean something to LIKE, or that databases like to sort their own way."""


async def test_an_absent_record_is_not_in_the_answer(state: State) -> None:
    await state.records.write([record("a")])

    assert await state.records.read("thing", ["a", "b"]) == {"a": record("a")}
    assert await state.records.read("other", ["a"]) == {}
    assert await state.records.read("thing", []) == {}


async def test_of_two_writers_who_read_the_same_the_second_is_shown_what_stood_in_the_way(
    state: State,
) -> None:
    await state.records.write([record("a")])
    first, second = record("a", 2, text="first"), record("a", 2, text="second")

    assert await state.records.write([first]) == []
    assert await state.records.write([second]) == [first]
    assert await state.records.read("thing", ["a"]) == {"a": first}


async def test_one_record_in_the_way_keeps_the_whole_call_from_being_written(state: State) -> None:
    await state.records.write([record("a"), record("b")])

    in_the_way = await state.records.write(
        [record("new"), record("a", 2), record("b", 3), record("c", 2)]
    )

    assert in_the_way == [record("b"), None]
    assert await state.records.read("thing", ["new", "a", "b", "c"]) == {
        "a": record("a"),
        "b": record("b"),
    }


async def test_a_record_that_exists_is_not_created_again(state: State) -> None:
    await state.records.write([record("a"), record("a", kind="other")])

    assert await state.records.write([record("z"), record("a", text="again")]) == [record("a")]
    assert await state.records.find("thing") == [record("a")]


async def test_a_deleted_record_begins_again_at_version_one(state: State) -> None:
    await state.records.write([record("a")])
    await state.records.write([record("a", 2)])

    await state.records.delete("thing", ["a", "absent"])

    assert await state.records.write([record("a", 3)]) == [None]
    assert await state.records.write([record("a")]) == []


@pytest.mark.parametrize(
    "prefix", ["", "a", "a%", "a_", "a\\", "a\ud7ff", "a\U0010ffff", "\U0010ffff"]
)
async def test_every_character_of_a_prefix_stands_for_itself(state: State, prefix: str) -> None:
    await state.records.write([record(key) for key in AWKWARD])

    found = await state.records.find("thing", prefix=prefix)

    assert [each.key for each in found] == sorted(key for key in AWKWARD if key.startswith(prefix))


async def test_records_are_read_page_by_page_in_the_order_of_code_points(state: State) -> None:
    await state.records.write([record(key) for key in AWKWARD])
    pages, after = [], ""

    while page := await state.records.find("thing", after=after, limit=4):
        pages += page
        after = page[-1].key

    assert [each.key for each in pages] == sorted(AWKWARD)


async def test_records_are_found_by_their_state(state: State) -> None:
    await state.records.write(
        [record("a"), record("b", state="open"), record("c", kind="other", state="open")]
    )

    assert await state.records.find("thing", state="open") == [record("b", state="open")]
    assert await state.records.find("thing", state="open", prefix="a") == []
    assert await state.records.kinds() == ["other", "thing"]


async def test_more_records_than_one_statement_can_ask_for_are_written_and_read(
    state: State,
) -> None:
    many = [record(f"{number:05}") for number in range(1201)]
    assert await state.records.write(many) == []
    newer = [record(each.key, 2) for each in many]

    assert await state.records.write(newer) == []
    assert await state.records.read("thing", [each.key for each in many]) == {
        each.key: each for each in newer
    }


async def test_instances_that_count_one_record_up_lose_no_count(new_database: NewDatabase) -> None:
    url = new_database()
    stores = [await Store.open(url, lambda: NOW) for _ in range(4)]

    async def count_up(store: Store, times: int) -> None:
        while times:
            known = (await store.records.read("thing", ["counter"])).get("counter")
            version = known.version if known else 0
            if not await store.records.write([record("counter", version + 1)]):
                times -= 1

    try:
        await asyncio.gather(*(count_up(store, 25) for store in stores))
        [counter] = await stores[0].records.find("thing")
    finally:
        for store in stores:
            await store.aclose()

    assert counter.version == 100


async def test_overlapping_writes_in_any_order_leave_one_winner_and_nobody_waiting_for_ever(
    new_database: NewDatabase,
) -> None:
    url = new_database()
    stores = [await Store.open(url, lambda: NOW) for _ in range(3)]
    keys = [f"k{number}" for number in range(40)]
    orders = [keys, keys[::-1], keys[20:] + keys[:20]]
    try:
        for version in (1, 2, 3, 4, 5):
            answers = await asyncio.gather(
                *(
                    store.records.write(
                        [record(key, version, text=f"writer {writer}") for key in order]
                    )
                    for writer, (store, order) in enumerate(zip(stores, orders, strict=True))
                )
            )
            assert [answer == [] for answer in answers].count(True) == 1
            texts = {each.text for each in await stores[0].records.find("thing")}
            assert texts == {f"writer {answers.index([])}"}
    finally:
        for store in stores:
            await store.aclose()
