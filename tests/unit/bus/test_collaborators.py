import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.bus import BusSettings, bus_collaborators, once
from shared.bus.collaborators import WIRING_DELAYS, patiently
from shared.store.archive import MemoryArchive
from shared.store.parking import MemoryParking
from tests.unit.bus.samples import clock

CONNECTION = (
    "Endpoint=sb://127.0.0.1;SharedAccessKeyName=RootManageSharedAccessKey;"
    "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (
        "ServiceBusConnection",
        "ServiceBusConnection__fullyQualifiedNamespace",
        "RETRY_DELAYS",
        "RETRY_PATIENCE",
        "PARKING_PATIENCE",
    ):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_process_without_a_bus_says_which_settings_name_one(
    environment: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValidationError, match="ServiceBusConnection__fullyQualifiedNamespace"):
        BusSettings()


async def test_a_connection_string_is_enough(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ServiceBusConnection", CONNECTION)
    environment.setenv("RETRY_DELAYS", "PT1S")
    environment.setenv("PARKING_PATIENCE", "PT12H")

    collaborators = bus_collaborators(MemoryParking(), MemoryArchive(), clock=clock)

    assert collaborators.publisher.client.fully_qualified_namespace == "127.0.0.1"
    assert len(collaborators.retry_policy.delays) == 1
    assert collaborators.parking_patience == timedelta(hours=12)
    await collaborators.aclose()


async def test_a_namespace_is_reached_with_the_apps_identity(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("ServiceBusConnection__fullyQualifiedNamespace", "ns.example.net")

    collaborators = bus_collaborators(MemoryParking(), MemoryArchive(), clock=clock)

    assert collaborators.publisher.client.fully_qualified_namespace == "ns.example.net"
    await collaborators.aclose()


@pytest.mark.parametrize("setting", ["RETRY_DELAYS", "RETRY_PATIENCE", "PARKING_PATIENCE"])
@pytest.mark.parametrize("text", ["soon", "3", "PT0S", "-P1D"])
def test_a_wait_that_is_no_duration_is_refused_at_start(
    environment: pytest.MonkeyPatch, setting: str, text: str
) -> None:
    environment.setenv("ServiceBusConnection", CONNECTION)
    environment.setenv(setting, text)

    with pytest.raises(ValidationError, match=setting):
        BusSettings()


def test_facts_wait_three_days_for_what_they_miss_unless_the_setting_says_otherwise(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("ServiceBusConnection", CONNECTION)
    environment.setenv("PARKING_PATIENCE", "")

    assert BusSettings().parked_for == timedelta(days=3)


async def test_what_is_built_once_is_built_once_also_for_callers_at_the_same_time() -> None:
    builds = []

    async def build() -> object:
        builds.append(1)
        await asyncio.sleep(0)
        return object()

    wiring = once(build)
    first, second = await asyncio.gather(wiring(), wiring())

    assert first is second is await wiring()
    assert len(builds) == 1


async def test_a_failed_build_is_tried_again() -> None:
    answers = iter([RuntimeError("no database yet"), "built"])

    async def build() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    wiring = once(build)
    with pytest.raises(RuntimeError, match="no database yet"):
        await wiring()

    assert await wiring() == "built"


def wiring_that_fails(times: int) -> Callable[[], str]:
    answers: Iterator[OSError | str] = iter([OSError("no database yet")] * times + ["built"])

    def wiring() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    return wiring


async def test_an_outage_while_wiring_is_waited_out_instead_of_burning_deliveries() -> None:
    assert await patiently(wiring_that_fails(2), [timedelta(0)] * 2) == "built"


async def test_wiring_that_stays_impossible_is_reported_before_the_lock_is_lost() -> None:
    with pytest.raises(OSError, match="no database yet"):
        await patiently(wiring_that_fails(3), [timedelta(0)] * 2)

    assert sum(WIRING_DELAYS, timedelta()) < timedelta(minutes=1)
