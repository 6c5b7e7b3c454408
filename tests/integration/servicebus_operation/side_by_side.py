"""Tests that mostly wait for their SDK run at the same time, each on a bus of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from infra.local.servicebus import LocalServiceBus, ManualClock
from tests.integration.servicebus_operation.conftest import CONFIG

Scenario = Callable[[LocalServiceBus, ManualClock], Coroutine[Any, Any, None]]
Started = dict[str, asyncio.Task[None]]

_scenarios: dict[str, Scenario] = {}


def side_by_side(scenario: Scenario) -> Callable[[Started], Awaitable[None]]:
    """Make a test of a scenario: it fails by itself, but has begun with all others of the run. The
    module imports the fixture `started` too."""
    name = scenario.__name__
    _scenarios[name] = scenario

    @pytest.mark.asyncio(loop_scope="module")
    async def test(started: Started) -> None:
        await started[name]

    test.__name__, test.__doc__ = name, scenario.__doc__
    return test


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(request: pytest.FixtureRequest) -> AsyncIterator[Started]:
    wanted = {item.name for item in request.session.items}
    tasks = {
        name: asyncio.create_task(_alone(scenario))
        for name, scenario in _scenarios.items()
        if name in wanted
    }
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _alone(scenario: Scenario) -> None:
    clock = ManualClock()
    async with LocalServiceBus(CONFIG, clock=clock) as bus:
        await scenario(bus, clock)
