"""Every scenario through every SDK, against the local bus and whatever other Service Bus is there.

A class is one SDK against one target: its scenarios run at the same time, since an SDK spends most
of its time waiting, each with entities (on the local bus: a bus) of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar

import pytest
import pytest_asyncio

from tests.contract.servicebus.client import Client
from tests.contract.servicebus.drivers import DRIVERS, Driver
from tests.contract.servicebus.process import DriverProcess
from tests.contract.servicebus.scenario import Scenario, all_scenarios
from tests.contract.servicebus.targets import TARGETS, Target

Runs = dict[str, asyncio.Task[None]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What cannot run at all is one test that says why."""
    against: type[Against] = metafunc.cls
    missing = against.driver.missing() or against.target.missing(against.driver)
    if missing is not None:
        nothing = pytest.param(None, marks=pytest.mark.skip(reason=missing))
        metafunc.parametrize("scenario", [nothing], ids=["unavailable"])
        return
    scenarios = all_scenarios()
    # At a target that takes few at a time the last one waits for most of the others.
    longest = against.target.seconds_each * (1 + len(scenarios) // against.target.at_once)
    marks = pytest.mark.timeout(longest)
    metafunc.parametrize(
        "scenario", [pytest.param(each, marks=marks) for each in scenarios.values()], ids=scenarios
    )


class Against:
    driver: ClassVar[Driver]
    target: ClassVar[Target]

    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @classmethod
    async def runs(cls, request: pytest.FixtureRequest) -> AsyncIterator[Runs]:
        """The selected scenarios of this class, all begun."""
        chosen: list[Scenario] = [
            item.callspec.params["scenario"]  # type: ignore[misc]
            for item in request.session.items
            if isinstance(item, pytest.Function) and item.cls is cls
        ]
        lacks = cls.driver.lacks | cls.target.lacks
        able = [each for each in chosen if not each.needs & lacks.keys()]
        async with cls.target.running() as environment:
            driver = await DriverProcess.start(cls.driver.command, environment)
            free = asyncio.Semaphore(cls.target.at_once)
            runs = {each.name: asyncio.create_task(cls.run(each, driver, free)) for each in able}
            yield runs
            await asyncio.gather(*runs.values(), return_exceptions=True)
            await driver.stop()

    @classmethod
    async def run(cls, scenario: Scenario, process: DriverProcess, free: asyncio.Semaphore) -> None:
        async with free, asyncio.timeout(cls.target.seconds_each), cls.target.broker() as broker:
            client = Client(
                process, broker,
                web_socket=cls.driver.web_socket, rules_by_link=cls.driver.rules_by_link,
            )  # fmt: skip
            try:
                await scenario.run(client, broker)
            finally:
                await client.close()

    @pytest.mark.asyncio(loop_scope="class")
    async def test_scenario(self, scenario: Scenario, runs: Runs) -> None:
        lacks = self.driver.lacks | self.target.lacks
        for need in sorted(scenario.needs & lacks.keys()):
            pytest.skip(lacks[need])
        await runs[scenario.name]


def _class(driver: Driver, target: Target) -> type[Against]:
    name = f"Test_{driver.name}_on_{target.name}".replace("-", "_").replace(".", "_")
    return type(name, (Against,), {"driver": driver, "target": target})


for _target in TARGETS:
    for _driver in DRIVERS:
        _made = _class(_driver, _target)
        globals()[_made.__name__] = _made
