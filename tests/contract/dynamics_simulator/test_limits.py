"""Service protection as a client meets it over HTTP: off unless asked for, each product's words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind, Limits, ManualClock
from infra.local.dynamics.limits import QueueLimit, ResourceLimit, WindowLimit
from tests.contract.dynamics_simulator.talking import access_token, api_client, waited

pytestmark = pytest.mark.asyncio(loop_scope="session")

_LIMITS = Limits(
    finance_operations=ResourceLimit(capacity=40, per_second=1),
    business_central=QueueLimit(requests=20, running=1, queued=1),
    dataverse=WindowLimit(requests=3),
)
_DATAVERSE = "/api/data/v9.2/accounts"
_BUSINESS_CENTRAL = "/v2.0/production/api/v2.0/companies"


@pytest_asyncio.fixture(loop_scope="session")
async def limited(clock: ManualClock) -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator(clock=clock, limits=_LIMITS) as simulator:
        yield simulator


@pytest_asyncio.fixture(loop_scope="session")
async def client(limited: DynamicsSimulator) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {await access_token(limited)}"}
    async with api_client(limited, headers) as client:
        yield client


async def test_dataverse_tells_what_is_left_and_then_refuses_until_the_window_has_moved(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    answers = [await client.get(_DATAVERSE) for _ in range(4)]
    clock.advance(timedelta(minutes=5))
    after = await client.get(_DATAVERSE)

    left = [answer.headers.get("x-ms-ratelimit-burst-remaining-xrm-requests") for answer in answers]
    assert left == ["2", "1", "0", None]
    refused = answers[3]
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "300")
    assert refused.json()["error"]["code"] == "0x80072322"
    assert after.status_code == 200


async def test_business_central_lets_one_wait_and_refuses_the_next(
    client: httpx.AsyncClient, limited: DynamicsSimulator, clock: ManualClock
) -> None:
    limited.faults.add(Fault(kind=FaultKind.SLOW, delay=10))
    running = asyncio.create_task(client.get(_BUSINESS_CENTRAL))
    await waited(lambda: limited.faults.listing()[0]["taken"])
    others = [asyncio.create_task(client.get(_BUSINESS_CENTRAL)) for _ in range(2)]
    [refused], [waiting] = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
    clock.advance(timedelta(seconds=10))

    assert refused.result().status_code == 429
    assert "retry-after" not in refused.result().headers
    assert ((await running).status_code, (await waiting).status_code) == (200, 200)


async def test_finance_operations_says_when_its_resources_are_back(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    answers = [await client.get("/data/LegalEntities") for _ in range(31)]
    clock.advance(timedelta(seconds=int(answers[-1].headers["retry-after"])))
    after = await client.get("/data/LegalEntities")

    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert after.status_code == 200


async def test_our_own_pages_have_no_limits_and_count_what_was_refused(
    client: httpx.AsyncClient,
) -> None:
    for _ in range(5):
        await client.get(_DATAVERSE)

    counts = [(await client.get("/_simulator/requests")).json() for _ in range(50)]

    assert counts[-1]["limited"] == 2


async def test_limits_are_off_unless_asked_for(api: httpx.AsyncClient) -> None:
    answers = [await api.get(_DATAVERSE) for _ in range(60)]

    assert {answer.status_code for answer in answers} == {200}
    assert "x-ms-ratelimit-burst-remaining-xrm-requests" not in answers[0].headers
