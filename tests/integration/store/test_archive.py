"""What is promised of the archive, in memory and on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from .states import State, archived

PERSON, CARD, OTHER = "gbrt/C-17", "gbrt/card:88", "gbrt/C-18"


async def test_the_first_fact_under_an_id_is_kept(state: State) -> None:
    await state.archive.keep([archived(1, PERSON), archived(1, OTHER, body=b"later")])
    await state.archive.keep([archived(1, body=b"again"), archived(2)])

    assert await state.archive.read([archived(n).fact_id for n in (1, 2, 3)]) == {
        archived(1).fact_id: archived(1, PERSON),
        archived(2).fact_id: archived(2),
    }
    assert await state.archive.about(OTHER) == []


async def test_the_facts_of_a_store_day_are_found_in_the_order_of_their_subjects(
    state: State,
) -> None:
    of_day = [archived(10), archived(9), archived(2)]
    await state.archive.keep(
        [*of_day, archived(3, day=2), archived(4, store="B"), archived(5, day=None)]
    )

    found = await state.archive.of_day("gbrt", "LONDON", date(2026, 3, 1))

    assert found == sorted(of_day, key=lambda each: each.subject)


async def test_the_facts_about_a_person_are_found_oldest_first(state: State) -> None:
    late, early = archived(1, PERSON, CARD, minute=9), archived(2, CARD, PERSON, minute=1)
    await state.archive.keep([late, early, archived(3, OTHER), archived(4)])

    assert await state.archive.about(PERSON) == [early, late]
    assert await state.archive.about(CARD) == [early, late]
    assert await state.archive.about("gbrt/C-1") == []


async def test_an_erased_fact_is_about_nobody_any_more(state: State) -> None:
    mine, shared, theirs = archived(1, PERSON), archived(2, PERSON, CARD), archived(3, OTHER)
    await state.archive.keep([mine, shared, theirs])

    await state.archive.erase(
        PERSON, {mine.fact_id: b"-", shared.fact_id: b"--", theirs.fact_id: b"wrong"}
    )

    assert await state.archive.read(each.fact_id for each in (mine, shared, theirs)) == {
        mine.fact_id: replace(mine, body=b"-", persons=()),
        shared.fact_id: replace(shared, body=b"--", persons=()),
        theirs.fact_id: theirs,
    }
    assert await state.archive.about(CARD) == []


async def test_a_fact_that_came_since_they_were_read_is_still_found(state: State) -> None:
    await state.archive.keep([archived(1, PERSON), archived(2, PERSON)])

    await state.archive.erase(PERSON, {archived(1).fact_id: b"-"})

    assert await state.archive.about(PERSON) == [archived(2, PERSON)]


async def test_what_was_erased_does_not_come_back_by_being_archived_again(state: State) -> None:
    await state.archive.keep([archived(1, PERSON)])
    await state.archive.erase(PERSON, {archived(1).fact_id: b"-"})

    await state.archive.keep([archived(1, PERSON)])

    assert await state.archive.about(PERSON) == []


async def test_more_facts_than_one_statement_can_ask_for_are_kept_and_read(state: State) -> None:
    many = [archived(number, f"gbrt/C-{number}", PERSON) for number in range(1201)]

    await state.archive.keep(many)

    found = await state.archive.read([each.fact_id for each in many])
    assert found == {each.fact_id: each for each in many}
    assert len(await state.archive.about(PERSON)) == 1201
