"""Customers over real HTTP: upserts by alternate key, repair item by item, look-ups."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics import Booked, MissingParent, Refused, SetUpWrong, TryLater
from shared.dynamics.dataverse import Dataverse, dataverse
from shared.dynamics.ports.master_data import Credit
from tests.contract.dynamics_dataverse.conftest import settings_for
from tests.contract.dynamics_dataverse.rows import customer, error_of, held, kinds

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_saved_customer_is_found_as_it_was(product: Dataverse) -> None:
    company = customer("O 1", "Mill & Sons", is_person=False)
    assert kinds(await product.customers.save([customer(), company])) == ["booked", "booked"]
    assert await product.customers.find("gbrt", "C/1") == customer()
    assert await product.customers.find("gbrt", "O 1") == company
    assert await product.customers.find("gbrt", "nobody") is None


async def test_saving_again_changes_what_is_given_and_keeps_the_rest(product: Dataverse) -> None:
    await product.customers.save([customer()])
    await product.customers.save([customer(email="new@example.com", city="")])
    assert await product.customers.find("gbrt", "C/1") == customer(email="new@example.com")


async def test_a_hundred_customers_take_one_call(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    await product.customers.find("gbrt", "signed in")
    before = simulator.counts.listing()
    people = [customer(str(number), currency="") for number in range(100)]
    assert kinds(await product.customers.save(people)) == ["booked"] * 100
    after = simulator.counts.listing()
    assert after["single"] - before.get("single", 0) == 1
    assert after["batch"] == before["batch"]


async def test_one_that_is_refused_leaves_the_others_saved(product: Dataverse) -> None:
    postings = await product.customers.save(
        [
            customer("1"),
            customer("2", email="x" * 101),
            customer("3"),
            customer("4", currency="XXX"),
        ]
    )
    assert kinds(postings) == ["booked", "Refused", "booked", "MissingParent"]
    refused = error_of(postings[1])
    assert isinstance(refused, Refused)
    assert refused.code == "0x80044331"
    assert isinstance(error_of(postings[3]), MissingParent)


async def test_the_last_of_two_savings_in_one_call_wins(product: Dataverse) -> None:
    first, second = customer(city="York"), customer(city="Leeds")
    await product.customers.save([first, second])
    assert await product.customers.find("gbrt", "C/1") == second


async def test_credit_is_what_dataverse_says(product: Dataverse, api: httpx.AsyncClient) -> None:
    [posting] = await product.customers.save([customer("O1", "Mill", is_person=False)])
    assert await product.customers.credit("gbrt", "O1") == Credit(None, None, False, "GBP")
    assert isinstance(posting, Booked)
    await api.patch(posting.key, json={"creditlimit": 250.5, "creditonhold": True})
    assert await product.customers.credit("gbrt", "O1") == Credit(
        Decimal("250.5"), None, on_hold=True, currency="GBP"
    )
    assert await product.customers.credit("gbrt", "O2") is None


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_COMMIT, FaultKind.SERVER_ERROR])
async def test_a_lost_answer_is_looked_up_before_anything_is_written_again(
    product: Dataverse, simulator: DynamicsSimulator, kind: FaultKind
) -> None:
    simulator.faults.add(Fault(kind=kind, path="UpsertMultiple"))
    postings = await product.customers.save([customer("1"), customer("2")])
    expected = "found" if kind is FaultKind.DROP_AFTER_COMMIT else "booked"
    assert kinds(postings) == [expected] * 2
    assert len(await held(simulator, "contacts")) == 3 + 2


async def test_a_deadlock_of_the_whole_is_repeated_row_by_row(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.DEADLOCK, count=2))
    assert kinds(await product.customers.save([customer("1"), customer("2")])) == ["booked"] * 2


async def test_a_throttling_is_handed_on_with_its_time(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, retry_after=120, path="UpsertMultiple"))
    first, second = await product.customers.save([customer("1"), customer("2")])
    assert error_of(first) is error_of(second)
    error = error_of(first)
    assert isinstance(error, TryLater)
    assert error.retry_after is not None
    assert error.retry_after.total_seconds() == 120
    assert error.code == "0x80072322"


async def test_a_prefix_nobody_installed_is_a_matter_of_set_up(
    simulator: DynamicsSimulator,
) -> None:
    async with dataverse(settings_for(simulator, prefix="other")) as product:
        for posting in await product.customers.save([customer("1"), customer("2")]):
            assert isinstance(error_of(posting), SetUpWrong)
            assert "DATAVERSE_PREFIX" in error_of(posting).hint
