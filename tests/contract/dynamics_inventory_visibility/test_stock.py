"""Stock told to Inventory Visibility: every change counted once, whatever gets lost on the way."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics import Booked, Failed, Posting, Refused, SetUpWrong, TryLater
from shared.dynamics.inventory_visibility import InventoryVisibility, inventory_visibility
from shared.dynamics.ports.stock import Movement, OnHand, StockCount, StockTransfer
from tests.contract.dynamics_inventory_visibility.conftest import AT, settings_for, sold

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def cakestands(port: InventoryVisibility, *locations: str) -> dict[str, Decimal]:
    found = await port.stock.on_hand("usrt", ["20223"], locations or ("W2",), ("S1",))
    return {each.location: each.on_hand for each in found}


def failure(posting: Posting) -> Exception:
    assert isinstance(posting, Failed), posting
    return posting.error


async def test_what_was_sold_and_returned_is_gone_and_back(simulator: DynamicsSimulator) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        postings = await port.stock.change(
            [sold(1, 3), sold(2, -1, movement=Movement.RETURNED), sold(3, "0.5")]
        )
        assert postings == [Booked(f"event-{n}", already_there=False) for n in (1, 2, 3)]
        assert await cakestands(port) == {"W2": Decimal("17.5")}


async def test_one_change_goes_alone_and_many_in_bulks_of_512(
    simulator: DynamicsSimulator,
) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        await port.stock.change([sold("alone")])
        assert "operations" not in simulator.counts.listing(), "no bulk"
        await port.stock.change([sold(n) for n in range(1100)])
    counted = simulator.counts.listing()
    assert (counted["operations"], counted["single"]) == (1100, 1 + 3)


async def test_a_change_delivered_again_is_not_counted_again(simulator: DynamicsSimulator) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        for _ in range(2):
            await port.stock.change([sold(1, 3), sold(1, 3)])
        assert await cakestands(port) == {"W2": Decimal(17)}


async def test_two_different_changes_under_one_id_are_a_mistake_that_is_told(
    simulator: DynamicsSimulator,
) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        first, second = await port.stock.change([sold(1, 3), sold(1, 4)])
        assert isinstance(first, Booked)
        assert isinstance(failure(second), Refused)


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE_COMMIT, FaultKind.DROP_AFTER_COMMIT])
async def test_a_lost_answer_is_made_good_by_sending_the_same_ids_again(
    simulator: DynamicsSimulator, kind: FaultKind
) -> None:
    simulator.faults.add(Fault(kind=kind, path="onhand/bulk$"))
    async with inventory_visibility(settings_for(simulator)) as port:
        postings = await port.stock.change([sold(1), sold(2)])
        assert all(isinstance(each, Booked) for each in postings)
        assert await cakestands(port) == {"W2": Decimal(18)}


@pytest.mark.parametrize("kind", [FaultKind.DEADLOCK, FaultKind.UPDATE_CONFLICT])
async def test_an_entry_that_lost_a_race_is_sent_again(
    simulator: DynamicsSimulator, kind: FaultKind
) -> None:
    simulator.faults.add(Fault(kind=kind, skip=1))
    async with inventory_visibility(settings_for(simulator)) as port:
        assert all(
            isinstance(each, Booked)
            for each in await port.stock.change([sold(1), sold(2), sold(3)])
        )
        assert await cakestands(port) == {"W2": Decimal(17)}


async def test_a_bad_entry_fails_alone(simulator: DynamicsSimulator) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        tiny = sold(4, "1.00000000000000001")
        first, bad, last, odd = await port.stock.change([sold(1), sold(2, site=""), sold(3), tiny])
        assert isinstance(first, Booked)
        assert isinstance(last, Booked)
        error = failure(bad)
        assert isinstance(error, Refused)
        assert "'siteid' is required" in error.message
        assert isinstance(failure(odd), Refused), "no JSON number carries it"
        assert await cakestands(port) == {"W2": Decimal(18)}


async def test_a_closed_company_takes_nothing_and_the_others_do(
    simulator: DynamicsSimulator,
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.FREEZE, company="dert", count=None))
    async with inventory_visibility(settings_for(simulator)) as port:
        open_one, closed = await port.stock.change([sold(1), sold(2, company="dert")])
        assert isinstance(open_one, Booked)
        assert isinstance(failure(closed), Refused)


async def test_a_measure_nobody_configured_is_a_matter_of_set_up(
    simulator: DynamicsSimulator,
) -> None:
    settings = settings_for(simulator, measures={"sold": "-gone"})
    async with inventory_visibility(settings) as port:
        [posting] = await port.stock.change([sold(1)])
        assert isinstance(failure(posting), SetUpWrong)
        assert "'gone'" in str(failure(posting))


async def test_throttling_is_for_later_with_the_time_it_asks_for(
    simulator: DynamicsSimulator,
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, retry_after=30, path="onhand"))
    async with inventory_visibility(settings_for(simulator)) as port:
        [posting] = await port.stock.change([sold(1)])
        error = failure(posting)
        assert isinstance(error, TryLater)
        assert error.retry_after is not None
        assert error.retry_after.total_seconds() == 30


async def test_a_count_is_absolute(simulator: DynamicsSimulator) -> None:
    count = StockCount("count-1", "usrt", "20223", Decimal(7), "S1", "W2", AT)
    settings = settings_for(simulator, on_hand=("pos.inbound", "-pos.outbound"))
    async with inventory_visibility(settings) as port:
        await port.stock.change([sold(1, 3)])
        [posting] = await port.stock.count([count])
        assert posting == Booked("count-1", already_there=False)
        assert await cakestands(port) == {"W2": Decimal(7)}
        await port.stock.change([sold(2, 2)])
        await port.stock.count([count])
        assert await cakestands(port) == {"W2": Decimal(5)}, "the same count counts once"


async def test_a_transfer_takes_here_what_it_brings_there(simulator: DynamicsSimulator) -> None:
    transfer = StockTransfer("transfer-1", "usrt", "20223", Decimal(4), "S1", "W1", "S1", "W2", AT)
    broken = replace(transfer, event_id="transfer-2", to_site="")
    async with inventory_visibility(settings_for(simulator)) as port:
        for _ in range(2):
            good, bad = await port.stock.transfer([transfer, broken])
        assert good == Booked("transfer-1", already_there=False)
        assert isinstance(failure(bad), Refused)
        there = await cakestands(port, "W1", "W2")
    assert there["W2"] == Decimal(24)


async def test_variants_are_told_apart(simulator: DynamicsSimulator) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        await port.stock.change([sold(1, 2, item="TSHIRT", variant="RED-M")])
        found = await port.stock.on_hand("usrt", ["TSHIRT"], ["W1", "W2"], ["S1"])
    assert OnHand("usrt", "TSHIRT", "S1", "W2", Decimal(-2), Decimal(-2), "RED-M") in found
    assert OnHand("usrt", "TSHIRT", "S1", "W1", Decimal(100), Decimal(100)) in found


async def test_many_places_are_asked_for_in_parts(simulator: DynamicsSimulator) -> None:
    sites = [f"S{number}" for number in range(1, 7)]
    locations = [*(f"L{number}" for number in range(120)), "W1", "W2"]
    async with inventory_visibility(settings_for(simulator)) as port:
        found = await port.stock.on_hand("usrt", ["20117", "20223"], locations, sites)
        every = await port.stock.on_hand("usrt", [], ["W1"], ["S1"])
    assert sorted((each.item, each.location) for each in found) == [
        ("20117", "W1"), ("20117", "W2"), ("20223", "W1"), ("20223", "W2"),
    ]  # fmt: skip
    assert len(every) == 4


async def test_stock_is_not_asked_for_without_places(simulator: DynamicsSimulator) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        with pytest.raises(Refused, match="sites and locations"):
            await port.stock.on_hand("usrt", ["20117"], ["W1"])
