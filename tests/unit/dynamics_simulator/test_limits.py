"""Service protection under a clock that is advanced by hand: what is let in, refused, and when."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta

import jwt
import pytest
import pytest_asyncio

from infra.local.dynamics.clock import ManualClock
from infra.local.dynamics.gates import Gate, QueueGate, ResourceGate, WindowGate, gates
from infra.local.dynamics.limits import (
    Limits,
    QueueLimit,
    Refusal,
    ResourceLimit,
    WindowLimit,
    principal_of,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def held() -> AsyncIterator[AsyncExitStack]:
    """Requests that are being carried out until the end of the test."""
    async with AsyncExitStack() as stack:
        yield stack


async def _request(gate: Gate, principal: str = "us", size: int = 0) -> Mapping[str, str]:
    """One request that takes no time; the headers of its answer."""
    async with gate.admitted(principal, size) as headers:
        return headers()


async def _refused(gate: Gate, principal: str = "us") -> Refusal:
    with pytest.raises(Refusal) as refused:
        await _request(gate, principal)
    return refused.value


async def _until_refused(gate: Gate, principal: str) -> int:
    """How many requests are let in."""
    for taken in range(1_000):
        try:
            await _request(gate, principal)
        except Refusal:
            return taken
    raise AssertionError("nothing was refused")


async def _let_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_business_central_takes_six_thousand_requests_of_a_user_in_five_minutes(
    clock: ManualClock,
) -> None:
    gate = gates(Limits(), clock)["business-central"]
    for _ in range(3_000):
        await _request(gate)
    clock.advance(timedelta(seconds=100))
    for _ in range(3_000):
        await _request(gate)

    refused = await _refused(gate)
    await _request(gate, "others")
    clock.advance(timedelta(seconds=200))
    for _ in range(3_000):
        await _request(gate)

    assert (refused.status, refused.retry_after) == (429, None)
    assert (await _refused(gate)).status == 429


async def test_business_central_runs_five_and_queues_ninety_five_in_their_order(
    clock: ManualClock,
) -> None:
    gate = gates(Limits(), clock)["business-central"]
    running, leave = list[int](), [asyncio.Event() for _ in range(101)]

    async def carry_out(number: int) -> None:
        async with gate.admitted("us", 0):
            running.append(number)
            await leave[number].wait()

    requests = [asyncio.create_task(carry_out(number)) for number in range(100)]
    await _let_run()
    assert running == [0, 1, 2, 3, 4]
    assert (await _refused(gate)).status == 429

    leave[3].set()
    await _let_run()
    assert running[5:] == [5]
    for event in leave:
        event.set()
    await asyncio.gather(*requests)
    assert running == list(range(100))
    await _request(gate)


async def test_business_central_gives_a_request_up_that_waits_longer_than_eight_minutes(
    clock: ManualClock, held: AsyncExitStack
) -> None:
    gate = QueueGate(QueueLimit(running=1), clock)
    await held.enter_async_context(gate.admitted("us", 0))
    waiting = asyncio.create_task(_refused(gate))
    await _let_run()

    clock.advance(timedelta(seconds=479))
    await _let_run()
    assert not waiting.done()
    clock.advance(timedelta(seconds=1))
    assert (await waiting).status == 503

    await held.aclose()
    await _request(gate)


async def test_a_request_that_leaves_the_queue_keeps_no_place(
    clock: ManualClock, held: AsyncExitStack
) -> None:
    gate = QueueGate(QueueLimit(running=1), clock)
    await held.enter_async_context(gate.admitted("us", 0))
    gone = asyncio.create_task(_request(gate))
    await _let_run()
    gone.cancel()
    await _let_run()

    await held.aclose()

    await _request(gate)
    await _request(gate)


async def test_dataverse_counts_requests_and_says_when_to_return(clock: ManualClock) -> None:
    gate = gates(Limits(), clock)["dataverse"]
    first = await _request(gate)
    clock.advance(timedelta(seconds=60))
    for _ in range(5_999):
        last = await _request(gate)

    refused = await _refused(gate)
    clock.advance(timedelta(seconds=240))

    assert first["x-ms-ratelimit-burst-remaining-xrm-requests"] == "5999"
    assert last["x-ms-ratelimit-burst-remaining-xrm-requests"] == "0"
    assert (refused.status, refused.retry_after, refused.code) == (429, 240, "0x80072322")
    await _request(gate)
    assert (await _refused(gate)).retry_after == 60


async def test_dataverse_sums_the_execution_time_of_a_user(clock: ManualClock) -> None:
    gate = WindowGate(WindowLimit(), clock)
    async with AsyncExitStack() as stack:
        for _ in range(40):
            await stack.enter_async_context(gate.admitted("us", 0))
        clock.advance(timedelta(seconds=30))
    assert (await _refused(gate)).code == "0x80072321"
    await _request(gate, "others")

    clock.advance(timedelta(seconds=299))
    refused = await _refused(gate)
    clock.advance(timedelta(seconds=1))

    assert refused.retry_after == 1
    left = await _request(gate)
    assert left["x-ms-ratelimit-time-remaining-xrm-requests"] == "1,200.00"


async def test_dataverse_carries_out_fifty_two_at_once(
    clock: ManualClock, held: AsyncExitStack
) -> None:
    gate = gates(Limits(), clock)["dataverse"]
    for _ in range(52):
        await held.enter_async_context(gate.admitted("us", 0))

    refused = await _refused(gate)
    await _request(gate, "others")
    await held.aclose()

    assert (refused.status, refused.code) == (429, "0x80072326")
    await _request(gate)


async def test_finance_operations_refuses_the_low_priority_first(clock: ManualClock) -> None:
    limit = ResourceLimit(
        capacity=100, per_second=10, priorities={"sales": "high", "reports": "low"}
    )
    gate = ResourceGate(limit, clock)

    taken = {caller: await _until_refused(gate, caller) for caller in ("reports", "us", "sales")}

    assert taken == {"reports": 50, "us": 25, "sales": 25}
    assert (await _refused(gate, "reports")).retry_after == 5
    clock.advance(timedelta(seconds=3))
    await _request(gate)
    assert (await _refused(gate, "reports")).status == 429


async def test_finance_operations_draws_by_what_is_sent(clock: ManualClock) -> None:
    gate = ResourceGate(ResourceLimit(capacity=100, per_second=10), clock)

    await _request(gate, size=74_500)

    assert (await _refused(gate)).retry_after == 1


def _bearer(claims: dict[str, str]) -> str:
    return "Bearer " + jwt.encode(claims, "a key that nobody ever looks at here", "HS256")


@pytest.mark.parametrize(
    ("authorization", "principal"),
    [
        (_bearer({"appid": "us"}), "us"),
        (_bearer({}), ""),
        ("Basic " + base64.b64encode(b"till:key").decode(), "till"),
        ("Bearer no-token", ""),
        ("Bearer a.b.c", ""),
        ("Basic !", ""),
        ("", ""),
    ],
)
def test_a_principal_is_whom_the_authorization_names(authorization: str, principal: str) -> None:
    assert principal_of(authorization) == principal
