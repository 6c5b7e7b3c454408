"""What is promised of shared notes, on every database."""

from __future__ import annotations

import asyncio

import pytest

from shared.store import Store
from tests.integration.store.conftest import NOW, NewDatabase


def count_up(text: str | None) -> tuple[str, int]:
    number = int(text or 0) + 1
    return str(number), number


async def test_many_instances_change_a_note_one_after_the_other(new_database: NewDatabase) -> None:
    url = new_database()
    stores = [await Store.open(url, lambda: NOW) for _ in range(3)]
    try:
        answers = await asyncio.gather(
            *(store.notes.change("budget", count_up) for store in stores for _ in range(20))
        )
        other = await stores[0].notes.change("another", count_up)
    finally:
        for store in stores:
            await store.aclose()

    assert sorted(answers) == list(range(1, 61))
    assert other == 1


async def test_a_change_that_fails_leaves_the_note_as_it_was(store: Store) -> None:
    def fail(_text: str | None) -> tuple[str, None]:
        raise ArithmeticError("no")

    await store.notes.change("budget", count_up)
    with pytest.raises(ArithmeticError):
        await store.notes.change("budget", fail)

    assert await store.notes.change("budget", count_up) == 2
