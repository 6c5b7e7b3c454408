from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from shared.store import InboxResult, Store

from .conftest import NOW, NewDatabase
from .samples import numbered_id, result
from .states import State


async def test_a_fact_nobody_recorded_is_absent_from_the_answer(store: Store) -> None:
    await store.inbox("ledger").record([result(1)])

    assert await store.inbox("ledger").results([numbered_id(1), numbered_id(2)]) == {
        numbered_id(1): result(1)
    }
    assert await store.inbox("ledger").results([]) == {}
    assert await store.inbox("ledger").record([]) == {}


@pytest.mark.parametrize(
    "amount", ["0.10", "-1234567890123.450", "0.000", "999999999999999.999999"]
)
async def test_amounts_come_back_digit_for_digit(store: Store, amount: str) -> None:
    await store.inbox("ledger").record([result(1, amount=amount)])

    stored = (await store.inbox("ledger").results([numbered_id(1)]))[numbered_id(1)]
    assert str(stored.amount) == amount
    assert stored.posted_at == result(1).posted_at
    assert stored.posted_at.tzinfo is not None


async def test_the_first_writer_wins_and_the_second_is_told(store: Store) -> None:
    first, second = result(1, amount="1.00"), result(1, amount="2.00", already_there=True)

    assert await store.inbox("ledger").record([first]) == {first.fact_id: first}
    assert await store.inbox("ledger").record([second, result(2)]) == {
        first.fact_id: first,
        numbered_id(2): result(2),
    }


async def test_of_equal_facts_in_one_call_the_first_is_kept(store: Store) -> None:
    kept = await store.inbox("ledger").record([result(1, amount="1.00"), result(1, amount="2.00")])

    assert kept[numbered_id(1)].amount == Decimal("1.00")


async def test_two_stores_recording_overlapping_batches_agree(new_database: NewDatabase) -> None:
    url = new_database()
    batches = [[result(n, amount=f"{writer}.00") for n in range(1, 201)] for writer in (1, 2, 3, 4)]
    batches[1].reverse()
    stores = await asyncio.gather(*(Store.open(url, lambda: NOW) for _ in batches))
    try:
        told = await asyncio.gather(
            *(
                store.inbox("ledger").record(batch)
                for store, batch in zip(stores, batches, strict=True)
            )
        )
        final = await stores[0].inbox("ledger").results([numbered_id(n) for n in range(1, 201)])
    finally:
        for store in stores:
            await store.aclose()

    assert len(final) == 200
    assert all(answer == final for answer in told)


async def test_a_batch_larger_than_one_statement_can_ask_for_is_answered_whole(
    store: Store,
) -> None:
    many = [result(n) for n in range(1, 1201)]

    assert await store.inbox("ledger").record(many) == {each.fact_id: each for each in many}


async def test_a_batch_with_a_value_that_cannot_be_stored_is_not_stored_in_part(
    store: Store,
) -> None:
    broken = InboxResult(**(vars(result(2)) | {"amount": Decimal("NaN")}))

    with pytest.raises(Exception, match="finite Decimal"):
        await store.inbox("ledger").record([result(1), broken])

    assert await store.inbox("ledger").results([numbered_id(1)]) == {}


async def test_each_effect_of_a_fact_is_remembered_on_its_own(state: State) -> None:
    ledger, stock = result(1), replace(result(1), effect="stock", amount=Decimal(0), currency="")

    assert await state.inbox("ledger").record([ledger]) == {ledger.fact_id: ledger}
    assert await state.inbox("stock").results([ledger.fact_id]) == {}
    assert await state.inbox("stock").record([stock]) == {ledger.fact_id: stock}
    assert await state.inbox("ledger").results([ledger.fact_id]) == {ledger.fact_id: ledger}


async def test_a_result_of_another_effect_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="not for the stock inbox"):
        await store.inbox("stock").record([result(1)])


async def test_erased_content_leaves_the_result_without_a_digest(state: State) -> None:
    inbox = state.inbox("ledger")
    told, other = (replace(result(n), digest="d" * 64) for n in (1, 2))
    await inbox.record([told, other])

    await inbox.forget_content([told.fact_id, numbered_id(3)])

    assert await inbox.results([told.fact_id, other.fact_id]) == {
        told.fact_id: replace(told, digest=""),
        other.fact_id: other,
    }
