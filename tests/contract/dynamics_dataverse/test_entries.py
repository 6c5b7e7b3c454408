"""Points, gift cards and notes over real HTTP: rows added once, whatever gets lost."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics import Conflict, MissingParent
from shared.dynamics.dataverse import Dataverse
from shared.dynamics.ports.loyalty import CardMovement, PointsKind
from tests.contract.dynamics_dataverse.rows import (
    customer,
    error_of,
    gift,
    held,
    kinds,
    note,
    points,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

POINTS = "tillbus_pointsentries"


async def test_points_add_up_to_the_balance(product: Dataverse) -> None:
    entries = [
        points("1", "0.1"),
        points("2", "0.2"),
        points("3", "-0.05", kind=PointsKind.REDEEMED),
        points("4", "7", card="another"),
    ]
    assert kinds(await product.loyalty.record(entries)) == ["booked"] * 4
    assert await product.loyalty.balance("gbrt", "L'1", "points") == Decimal("0.25")
    assert await product.loyalty.balance("gbrt", "nobody's", "points") is None


async def test_a_gift_card_is_worth_what_its_entries_add_up_to(product: Dataverse) -> None:
    await product.gift_cards.record(
        [gift("1", "50"), gift("2", "-19.99", movement=CardMovement.REDEEMED)]
    )
    assert await product.gift_cards.balance("gbrt", "G1") == Decimal("30.01")
    assert await product.gift_cards.balance("usrt", "G1") is None


async def test_entries_there_already_are_found_and_the_new_one_among_them_added(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    await product.loyalty.record([points("1"), points("2")])
    postings = await product.loyalty.record([points("1"), points("2"), points("3")])
    assert kinds(postings) == ["found", "found", "booked"]
    assert len(await held(simulator, POINTS)) == 3


async def test_another_entry_under_the_key_is_a_conflict(product: Dataverse) -> None:
    await product.loyalty.record([points("1")])
    [posting] = await product.loyalty.record([points("1", "99")])
    assert isinstance(error_of(posting), Conflict)
    assert "points: 12.5 there, 99 here" in error_of(posting).message


async def test_the_same_entry_twice_in_one_call_is_added_once(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    assert kinds(await product.gift_cards.record([gift(), gift()])) == ["booked", "found"]
    assert len(await held(simulator, "tillbus_giftcardentries")) == 1


async def test_workers_at_the_same_entries_add_them_once(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    entries = [points(str(number)) for number in range(20)]
    answers = await asyncio.gather(*(product.loyalty.record(entries) for _ in range(4)))
    assert {kind for each in answers for kind in kinds(each)} == {"booked", "found"}
    assert len(await held(simulator, POINTS)) == 20


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(FaultKind.DROP_AFTER_COMMIT, "found"), (FaultKind.DROP_BEFORE_COMMIT, "booked")],
)
async def test_a_broken_connection_loses_and_doubles_nothing(
    product: Dataverse, simulator: DynamicsSimulator, kind: FaultKind, expected: str
) -> None:
    simulator.faults.add(Fault(kind=kind, path="CreateMultiple"))
    assert kinds(await product.loyalty.record([points("1"), points("2")])) == [expected] * 2
    assert len(await held(simulator, POINTS)) == 2


async def test_a_batch_broken_half_way_finds_one_half_and_adds_the_other(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.REFUSED_WRITE, path="CreateMultiple"))
    simulator.faults.add(Fault(kind=FaultKind.DROP_BEFORE_COMMIT, path="batch", changesets=1))
    postings = await product.loyalty.record([points("1"), points("2")])
    assert kinds(postings) == ["found", "booked"]
    assert len(await held(simulator, POINTS)) == 2


async def test_a_refusal_inside_a_batch_is_that_one_entry_s_own(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.REFUSED_WRITE, path="CreateMultiple"))
    simulator.faults.add(Fault(kind=FaultKind.REFUSED_WRITE, method="PATCH", skip=1))
    postings = await product.loyalty.record([points("1"), points("2"), points("3")])
    assert kinds(postings) == ["booked", "Refused", "booked"]
    assert error_of(postings[1]).code == "0x80040265"


async def test_a_note_is_added_once_to_its_customer(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    await product.customers.save([customer()])
    assert kinds(await product.notes.add([note()])) == ["booked"]
    assert kinds(await product.notes.add([note()])) == ["found"]
    [added] = await held(simulator, "annotations")
    assert added["notetext"] == note().text
    [contact] = [each for each in await held(simulator, "contacts") if each["tillbus_number"]]
    assert added["_objectid_value"] == contact["contactid"]


async def test_a_note_whose_customer_is_not_there_yet_waits_for_it(product: Dataverse) -> None:
    [posting] = await product.notes.add([note()])
    assert isinstance(error_of(posting), MissingParent)
    await product.customers.save([customer()])
    assert kinds(await product.notes.add([note()])) == ["booked"]
