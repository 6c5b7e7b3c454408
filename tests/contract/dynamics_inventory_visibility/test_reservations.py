"""Soft reservations: nothing promised twice, nothing reserved for ever."""

from __future__ import annotations

from decimal import Decimal

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics import Booked, Failed, Refused
from shared.dynamics.inventory_visibility import InventoryVisibility, inventory_visibility
from shared.dynamics.ports.stock import Reservation
from tests.contract.dynamics_inventory_visibility.conftest import settings_for

pytestmark = pytest.mark.asyncio(loop_scope="session")


def wanted(number: int, quantity: int) -> Reservation:
    return Reservation(f"order-{number}", "usrt", "20223", Decimal(quantity), "S1", "W2")


async def available(port: InventoryVisibility) -> Decimal:
    [found] = await port.stock.on_hand("usrt", ["20223"], ["W2"], ["S1"])
    assert found.on_hand == 20, "reserving moves nothing"
    return found.available


async def test_what_is_reserved_is_no_longer_available(simulator: DynamicsSimulator) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        first, second = await port.reservations.reserve([wanted(1, 8), wanted(2, 4)])
        assert isinstance(first, Booked)
        assert isinstance(second, Booked)
        assert first.key != second.key
        assert await available(port) == 8


async def test_more_than_there_is_is_refused_and_the_others_stand(
    simulator: DynamicsSimulator,
) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        good, bad = await port.reservations.reserve([wanted(1, 18), wanted(2, 3)])
        assert isinstance(good, Booked)
        assert isinstance(bad, Failed)
        assert isinstance(bad.error, Refused)
        assert await available(port) == 2


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE_COMMIT, FaultKind.DROP_AFTER_COMMIT])
async def test_a_lost_answer_neither_reserves_twice_nor_loses_the_key(
    simulator: DynamicsSimulator, kind: FaultKind
) -> None:
    simulator.faults.add(Fault(kind=kind, path="onhand/reserve$"))
    async with inventory_visibility(settings_for(simulator)) as port:
        [posting] = await port.reservations.reserve([wanted(1, 8)])
        assert isinstance(posting, Booked)
        assert await available(port) == 12
        assert await port.reservations.release(wanted(1, 8), posting.key, Decimal(8)) == posting
        assert await available(port) == 20


async def test_a_reservation_is_released_in_parts_each_of_them_once(
    simulator: DynamicsSimulator,
) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        [posting] = await port.reservations.reserve([wanted(1, 8)])
        assert isinstance(posting, Booked)
        for event_id in ("part-1", "part-1", "part-2"):
            await port.reservations.release(wanted(1, 8), posting.key, Decimal(3), event_id)
        assert await available(port) == 18
        await port.reservations.release(wanted(1, 8), posting.key, Decimal(5), "rest")
        assert await available(port) == 20
        again = await port.reservations.release(wanted(1, 8), posting.key, Decimal(5), "more")
        assert again == Booked(posting.key, already_there=True)


async def test_a_reservation_nobody_made_cannot_be_released(simulator: DynamicsSimulator) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        posting = await port.reservations.release(wanted(1, 8), "unknown", Decimal(1))
        assert isinstance(posting, Failed)
        assert isinstance(posting.error, Refused)
