"""The token in two steps: exchanged once, renewed ahead of time, replaced once on a 401."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind, ManualClock
from shared.dynamics import Booked, Failed, Posting, SetUpWrong, TryLater
from shared.dynamics.inventory_visibility import inventory_visibility
from tests.contract.dynamics_inventory_visibility.conftest import settings_for, sold

pytestmark = pytest.mark.asyncio(loop_scope="session")


def exchanges(simulator: DynamicsSimulator) -> int:
    return simulator.counts.listing().get("security-token", 0)


async def test_many_calls_share_one_token(simulator: DynamicsSimulator) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        await asyncio.gather(*(port.stock.change([sold(n)]) for n in range(8)))
    assert exchanges(simulator) == 1


async def test_a_token_is_renewed_before_it_ends(simulator: DynamicsSimulator) -> None:
    ahead = timedelta()

    def clock() -> datetime:
        return simulator.clock() + ahead

    async with inventory_visibility(settings_for(simulator), clock) as port:
        await port.stock.change([sold(1)])
        ahead = timedelta(minutes=54)
        await port.stock.change([sold(2)])
        assert exchanges(simulator) == 1
        ahead = timedelta(minutes=56)
        await port.stock.change([sold(3)])
    assert exchanges(simulator) == 2


async def test_a_token_that_is_no_longer_taken_is_replaced_once(
    simulator: DynamicsSimulator,
) -> None:
    async with inventory_visibility(settings_for(simulator)) as port:
        await port.stock.change([sold(1)])
        assert isinstance(simulator.clock, ManualClock)
        simulator.clock.advance(timedelta(hours=2))  # for the service only
        postings = await asyncio.gather(*(port.stock.change([sold(n)]) for n in range(2, 6)))
    assert all(isinstance(posting, Booked) for [posting] in postings)
    assert exchanges(simulator) == 3, "the Entra token had ended too and was refused once"


async def test_another_environment_is_a_matter_of_set_up(simulator: DynamicsSimulator) -> None:
    settings = settings_for(simulator, environment_id="55555555-5555-5555-5555-555555555555")
    async with inventory_visibility(settings) as port:
        [posting] = await port.stock.change([sold(1)])
    assert isinstance(_error(posting), SetUpWrong)
    assert "'context' must be" in str(_error(posting))


async def test_a_security_service_that_is_down_is_for_later(simulator: DynamicsSimulator) -> None:
    simulator.faults.add(Fault(kind=FaultKind.OUTAGE, path="^/securityservice", count=None))
    async with inventory_visibility(settings_for(simulator)) as port:
        [posting] = await port.stock.change([sold(1)])
    assert isinstance(_error(posting), TryLater)


def _error(posting: Posting) -> Exception:
    assert isinstance(posting, Failed)
    return posting.error
