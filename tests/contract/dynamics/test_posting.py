"""Posting over real HTTP: every fault Dynamics and the network know, and one document per sale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics import (
    Booked,
    Conflict,
    DynamicsError,
    Failed,
    Posting,
    Refused,
    SetUpWrong,
    TryLater,
    finance_operations,
)
from tests.contract.dynamics.conftest import inspect, settings_for
from tests.contract.dynamics.sales import sale


def error_of(posting: Posting) -> DynamicsError:
    assert isinstance(posting, Failed)
    return posting.error


def assert_new(*postings: Posting) -> None:
    assert [type(posting) for posting in postings] == [Booked] * len(postings)
    assert not any(posting.already_there for posting in postings if isinstance(posting, Booked))


def assert_found(*postings: Posting) -> None:
    assert [type(posting) for posting in postings] == [Booked] * len(postings)
    assert all(posting.already_there for posting in postings if isinstance(posting, Booked))


async def test_a_thousand_sales_need_few_calls_and_every_line_arrives(
    simulator: DynamicsSimulator,
) -> None:
    async with finance_operations(settings_for(simulator)) as dynamics:
        assert_new(*await dynamics.transactions.post([sale(n) for n in range(1000)]))
    booked = await inspect(simulator, "transactions")
    assert booked["count"] == booked["distinct_channel_references"] == 1000
    assert booked["rows"] == {
        "RetailTransactions": 1000,
        "RetailTransactionSalesLinesV2": 1000,
        "RetailTransactionPaymentLinesV2": 2000,
        "RetailTransactionTaxLines": 1000,
        "RetailTransactionDiscountLines": 1000,
        "RetailTransactionIncomeExpenseLines": 0,
        "RetailTransactionLoyaltyRewardPointsLines": 0,
    }
    counted = simulator.counts.listing()
    assert (counted["batch"], counted["operations"], counted["token"]) == (2, 6000, 1)


async def test_a_sale_booked_before_is_found_and_compared(simulator: DynamicsSimulator) -> None:
    async with finance_operations(settings_for(simulator)) as dynamics:
        assert_new(*await dynamics.transactions.post([sale(1)]))
        same, other = await dynamics.transactions.post([sale(1), sale(1, amount="99.00")])
    assert_found(same)
    assert isinstance(error_of(other), Conflict)
    assert "GrossAmount: -12.1" in error_of(other).message


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_COMMIT])
async def test_a_lost_answer_is_looked_up(simulator: DynamicsSimulator, kind: FaultKind) -> None:
    simulator.faults.add(Fault(kind=kind))
    async with finance_operations(settings_for(simulator)) as dynamics:
        assert_found(*await dynamics.transactions.post([sale(1), sale(2)]))
    assert (await inspect(simulator, "transactions"))["count"] == 2


async def test_a_connection_dropped_half_way_finds_one_half_and_posts_the_other(
    simulator: DynamicsSimulator,
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.DROP_BEFORE_COMMIT, changesets=1))
    async with finance_operations(settings_for(simulator)) as dynamics:
        first, second = await dynamics.transactions.post([sale(1), sale(2)])
    assert_found(first)
    assert_new(second)
    assert (await inspect(simulator, "transactions"))["count"] == 2


async def test_a_server_error_of_the_whole_call_is_looked_up(simulator: DynamicsSimulator) -> None:
    simulator.faults.add(Fault(kind=FaultKind.SERVER_ERROR))
    async with finance_operations(settings_for(simulator)) as dynamics:
        assert_new(*await dynamics.transactions.post([sale(1)]))


async def test_a_request_that_outlives_our_patience_books_nothing_twice(
    simulator: DynamicsSimulator,
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.SLOW, delay=3.5))
    settings = settings_for(simulator, timeout=timedelta(seconds=3))
    async with finance_operations(settings) as dynamics:
        [posting] = await dynamics.transactions.post([sale(1)])
    assert isinstance(posting, Booked)
    async with finance_operations(settings_for(simulator)) as dynamics:
        assert_found(*await dynamics.transactions.post([sale(1)]))
    assert (await inspect(simulator, "transactions"))["count"] == 1


async def test_a_long_throttling_is_handed_on_with_its_time(simulator: DynamicsSimulator) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, retry_after=120))
    async with finance_operations(settings_for(simulator)) as dynamics:
        [posting] = await dynamics.transactions.post([sale(1)])
    error = error_of(posting)
    assert isinstance(error, TryLater)
    assert error.retry_after == timedelta(minutes=2)


async def test_a_short_throttling_is_waited_out(simulator: DynamicsSimulator) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, retry_after=0))
    async with finance_operations(settings_for(simulator)) as dynamics:
        assert_new(*await dynamics.transactions.post([sale(1)]))


async def test_an_outage_is_not_a_refusal(simulator: DynamicsSimulator) -> None:
    simulator.faults.add(Fault(kind=FaultKind.OUTAGE, retry_after=30))
    async with finance_operations(settings_for(simulator)) as dynamics:
        assert isinstance(error_of((await dynamics.transactions.post([sale(1)]))[0]), TryLater)


@pytest.mark.parametrize("kind", [FaultKind.DEADLOCK, FaultKind.UPDATE_CONFLICT])
async def test_one_changeset_that_lost_a_lock_is_repeated_and_the_others_are_not(
    simulator: DynamicsSimulator, kind: FaultKind
) -> None:
    simulator.faults.add(Fault(kind=kind, skip=1))
    async with finance_operations(settings_for(simulator)) as dynamics:
        assert_new(*await dynamics.transactions.post([sale(n) for n in range(5)]))
    booked = await inspect(simulator, "transactions")
    assert booked["count"] == 5
    assert booked["rows"]["RetailTransactionSalesLinesV2"] == 5


async def test_a_partial_failure_refuses_one_sale_whole_and_books_its_neighbours(
    simulator: DynamicsSimulator,
) -> None:
    async with finance_operations(settings_for(simulator)) as dynamics:
        good, bad, unknown, last = await dynamics.transactions.post(
            [
                sale(1),
                sale(2, TransactionType="Barter"),
                sale(3, company="zzrt"),
                sale(4),
            ]
        )
    assert_new(good, last)
    assert isinstance(error_of(bad), Refused)
    assert "Barter" in error_of(bad).message
    assert isinstance(error_of(unknown), Refused)
    booked = await inspect(simulator, "transactions")
    assert booked["count"] == booked["rows"]["RetailTransactionTaxLines"] == 2


async def test_a_field_dynamics_does_not_have_is_a_matter_of_set_up(
    simulator: DynamicsSimulator,
) -> None:
    async with finance_operations(settings_for(simulator)) as dynamics:
        error = error_of((await dynamics.transactions.post([sale(1, LoyaltyTier="gold")]))[0])
    assert isinstance(error, SetUpWrong)
    assert "LoyaltyTier" in error.message


async def test_five_hundred_sales_survive_connections_that_break_at_random() -> None:
    faults = [
        Fault(kind=kind, percent=5, count=None, seed=seed)
        for seed, kind in enumerate(
            [
                FaultKind.DROP_BEFORE_COMMIT,
                FaultKind.DROP_AFTER_COMMIT,
                FaultKind.DEADLOCK,
                FaultKind.UPDATE_CONFLICT,
                FaultKind.SERVER_ERROR,
            ]
        )
    ]
    async with DynamicsSimulator(faults=faults) as simulator:
        # Small batches, so that there are many connections to break.
        settings = settings_for(simulator, batch_operations=30)
        async with finance_operations(settings) as dynamics:
            open_sales = [sale(n) for n in range(500)]
            deliveries = 0
            while open_sales:
                deliveries += 1
                assert deliveries < 20, "every delivery must bring some of them on"
                postings = await dynamics.transactions.post(open_sales)
                for posting in postings:
                    assert isinstance(posting, Booked) or isinstance(posting.error, TryLater)
                open_sales = [
                    each
                    for each, posting in zip(open_sales, postings, strict=True)
                    if isinstance(posting, Failed)
                ]
        booked = await inspect(simulator, "transactions")
        hits = {str(each["kind"]): each["taken"] for each in simulator.faults.listing()}
    assert all(hits.values()), f"every kind of fault must have struck: {hits}"
    assert booked["count"] == booked["distinct_channel_references"] == 500
    assert booked["rows"]["RetailTransactionPaymentLinesV2"] == 1000


async def test_two_workers_with_the_same_sales_book_each_once(simulator: DynamicsSimulator) -> None:
    import asyncio

    sales = [sale(n) for n in range(60)]
    settings = settings_for(simulator, batch_operations=60)
    async with finance_operations(settings) as one, finance_operations(settings) as two:
        first, second = await asyncio.gather(
            one.transactions.post(sales), two.transactions.post(sales[::-1])
        )
    for ours, theirs in zip(first, reversed(second), strict=True):
        assert isinstance(ours, Booked)
        assert isinstance(theirs, Booked)
        assert ours.already_there != theirs.already_there
    assert (await inspect(simulator, "transactions"))["count"] == 60


async def test_an_unreachable_dynamics_is_worth_another_try(simulator: DynamicsSimulator) -> None:
    nobody = "http://127.0.0.1:1"
    async with finance_operations(settings_for(simulator, url=nobody)) as dynamics:
        error = error_of((await dynamics.transactions.post([sale(2)]))[0])
    assert isinstance(error, TryLater)
    assert "cannot be reached" in error.message


async def test_a_retry_after_date_is_counted_from_the_injected_clock(
    simulator: DynamicsSimulator,
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, retry_after=60))
    async with finance_operations(
        settings_for(simulator), clock=lambda: datetime(2026, 3, 1, tzinfo=UTC)
    ) as dynamics:
        error = error_of((await dynamics.transactions.post([sale(1)]))[0])
    assert isinstance(error, TryLater)
    assert error.retry_after == timedelta(seconds=60)
