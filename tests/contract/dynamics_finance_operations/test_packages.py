"""Many rows in a data package: each answered, never two imports at once, none begun twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics import Booked, Failed, Posting, Refused, SetUpWrong
from shared.dynamics.finance_operations import FinanceOperations, finance_operations
from tests.contract.dynamics_finance_operations import samples
from tests.contract.dynamics_finance_operations.conftest import all_settings, rows

pytestmark = pytest.mark.asyncio(loop_scope="session")

CUSTOMERS = [samples.customer(number) for number in range(5)]


async def import_all(
    simulator: DynamicsSimulator, finance: FinanceOperations, count: int = 1
) -> list[list[Posting]]:
    """Save the customers so many times at once, the clock going on meanwhile."""
    saves = [asyncio.ensure_future(save(finance)) for _ in range(count)]
    while not all(each.done() for each in saves):
        simulator.clock.advance(timedelta(seconds=2))  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)
    return [each.result() for each in saves]


async def save(finance: FinanceOperations) -> list[Posting]:
    return list(await finance.customers.save(CUSTOMERS))


@pytest_asyncio.fixture(loop_scope="session")
async def bulk(simulator: DynamicsSimulator):  # type: ignore[no-untyped-def]
    settings = all_settings(simulator, package_rows=5)
    async with finance_operations(settings, simulator.clock) as opened:

        async def soon(_: float) -> None:
            await asyncio.sleep(0.001)

        opened.packages._sleep = soon
        yield opened


async def test_a_backlog_goes_as_one_package(
    simulator: DynamicsSimulator, bulk: FinanceOperations
) -> None:
    [postings] = await import_all(simulator, bulk)
    assert all(isinstance(each, Booked) and not each.already_there for each in postings)
    saved = [row for row in await rows(simulator, "CustomersV3") if row["dataAreaId"] == "dert"]
    assert {row["CustomerAccount"] for row in saved} >= {each.number for each in CUSTOMERS}
    assert simulator.counts.listing().get("single") is None
    assert simulator.counts.listing()["blobs"] == 1


async def test_the_same_rows_are_not_imported_again(
    simulator: DynamicsSimulator, bulk: FinanceOperations
) -> None:
    await import_all(simulator, bulk)
    [again] = await import_all(simulator, bulk)
    assert all(isinstance(each, Booked) and each.already_there for each in again)
    assert simulator.counts.listing()["blobs"] == 1


async def test_a_row_that_is_refused_fails_alone(
    simulator: DynamicsSimulator, bulk: FinanceOperations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "CUSTOMERS", [*CUSTOMERS, replace(CUSTOMERS[0], currency="XXQ")])
    [postings] = await import_all(simulator, bulk)
    assert [type(each) for each in postings] == [Booked] * 5 + [Failed]
    last = postings[-1]
    assert isinstance(last, Failed)
    assert "SalesCurrencyCode" in last.error.message


async def test_an_import_whose_answer_is_lost_is_found_by_its_id(
    simulator: DynamicsSimulator, bulk: FinanceOperations
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, path="ImportFromPackage"))
    [postings] = await import_all(simulator, bulk)
    assert all(isinstance(each, Booked) for each in postings)


async def test_imports_wait_for_each_other(
    simulator: DynamicsSimulator, bulk: FinanceOperations
) -> None:
    both = await import_all(simulator, bulk, count=2)
    assert all(isinstance(each, Booked) for postings in both for each in postings)


async def test_without_a_data_project_there_are_no_packages(simulator: DynamicsSimulator) -> None:
    settings = all_settings(simulator, package_group="", package_rows=1)
    async with finance_operations(settings, simulator.clock) as finance:
        assert not finance.packages.takes(10_000)
        row = {"dataAreaId": "dert", "CustomerAccount": "1"}
        [posting] = await finance.packages.save("Customers V3", ("CustomerAccount",), [row])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, SetUpWrong | Refused)
