"""Scripted faults as a client meets them, and what was booked behind them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind, ManualClock, Target
from infra.local.dynamics.faults import REQUEST_KINDS
from tests.contract.dynamics_simulator.talking import (
    batch,
    changeset,
    header,
    sale,
    send_batch,
    waited,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _booked(api: httpx.AsyncClient) -> int:
    count: int = (await api.get("/_simulator/transactions")).json()["count"]
    return count


async def _post(api: httpx.AsyncClient, number: str = "1") -> httpx.Response:
    return await api.post("/data/RetailTransactions", json=header(number))


async def test_throttled_request_says_when_to_return_and_books_nothing(
    api: httpx.AsyncClient, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, retry_after=7))

    throttled = await _post(api)
    after = await _post(api)

    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "7")
    assert throttled.json()["error"]["message"]
    assert after.status_code == 201


async def test_outage_lasts_until_it_is_cleared(
    api: httpx.AsyncClient, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.OUTAGE, count=None))

    down = [(await _post(api)).status_code for _ in range(3)]
    await api.delete("/_simulator/faults")

    assert down == [503] * 3
    assert (await _post(api)).status_code == 201


async def test_server_error_is_a_500(api: httpx.AsyncClient, simulator: DynamicsSimulator) -> None:
    simulator.faults.add(Fault(kind=FaultKind.SERVER_ERROR))

    assert (await _post(api)).status_code == 500


async def test_slow_request_takes_its_time_and_is_carried_out(
    api: httpx.AsyncClient, simulator: DynamicsSimulator, clock: ManualClock
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.SLOW, delay=20))

    posting = asyncio.create_task(_post(api))
    await waited(lambda: clock.wakes_at is not None)
    clock.advance(timedelta(seconds=19))
    count_before = await _booked(api)
    clock.advance(timedelta(seconds=1))

    assert (count_before, (await posting).status_code) == (0, 201)


@pytest.mark.parametrize(
    ("kind", "booked"), [(FaultKind.DROP_BEFORE_COMMIT, 0), (FaultKind.DROP_AFTER_COMMIT, 1)]
)
@pytest.mark.parametrize("as_batch", [False, True])
async def test_dropped_connection_answers_nothing_whatever_was_booked(
    api: httpx.AsyncClient,
    simulator: DynamicsSimulator,
    kind: FaultKind,
    booked: int,
    as_batch: bool,
) -> None:
    simulator.faults.add(Fault(kind=kind))

    with pytest.raises(httpx.TransportError):
        await (send_batch(api, batch(changeset(sale()))) if as_batch else _post(api))

    assert await _booked(api) == booked


async def test_connection_dropped_within_a_batch_leaves_its_first_changesets(
    api: httpx.AsyncClient, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.DROP_BEFORE_COMMIT, changesets=2))

    with pytest.raises(httpx.TransportError):
        await send_batch(api, batch(*(changeset(sale(str(number))) for number in range(1, 6))))

    listing = (await api.get("/_simulator/transactions/list")).json()
    assert [row["TransactionNumber"] for row in listing["value"]] == ["1", "2"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FaultKind.REFUSED_WRITE, "Update has been canceled"),
        (FaultKind.DEADLOCK, "Deadlock, where one or more users"),
        (FaultKind.UPDATE_CONFLICT, "An update conflict occurred due to another user process"),
    ],
)
async def test_database_refusal_hits_one_changeset_of_a_batch(
    api: httpx.AsyncClient, simulator: DynamicsSimulator, kind: FaultKind, words: str
) -> None:
    simulator.faults.add(Fault(kind=kind, skip=1))

    answers = await send_batch(
        api,
        batch(*(changeset(sale(str(number))) for number in (1, 2, 3))),
        continue_on_error=True,
    )

    assert [part[0].status for part in answers] == [201, 500, 201]
    assert words in answers[1][0].text
    assert await _booked(api) == 2


@pytest.mark.parametrize(
    ("kind", "booked"), [(FaultKind.HANG, 0), (FaultKind.HANG_AFTER_COMMIT, 1)]
)
async def test_hanging_request_is_never_answered_whatever_was_booked(
    api: httpx.AsyncClient, simulator: DynamicsSimulator, kind: FaultKind, booked: int
) -> None:
    simulator.faults.add(Fault(kind=kind))

    posting = asyncio.create_task(_post(api))
    await waited(lambda: simulator.faults.listing()[0]["taken"])
    while await _booked(api) < booked:
        pass
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(posting, 0.2)

    assert await _booked(api) == booked


async def test_slow_requests_spread_as_their_percentiles_say(simulator: DynamicsSimulator) -> None:
    curve = {50: 1.0, 90: 3.0, 99: 30.0}
    fault = Fault(kind=FaultKind.SLOW, count=None, percentiles=curve, seed=3)
    simulator.faults.add(fault)

    hits = [simulator.faults.take(REQUEST_KINDS, "GET", "/data") for _ in range(2_000)]
    delays = sorted(hit.delay for hit in hits if hit is not None)

    assert delays[0] == 1.0
    assert delays[-1] == 30.0
    assert delays[1_000] == pytest.approx(1.0, abs=0.1)
    assert delays[1_800] == pytest.approx(3.0, abs=0.5)


async def test_a_storm_of_refusals_passes_by_the_clock(
    api: httpx.AsyncClient, simulator: DynamicsSimulator, clock: ManualClock
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, count=None, seconds=60))

    during = [(await _post(api, str(number))).status_code for number in range(3)]
    clock.advance(timedelta(seconds=60))
    after = await _post(api)

    assert (during, after.status_code) == ([429] * 3, 201)
    [listed] = simulator.faults.listing()
    assert (listed["over"], listed["taken"]) == (True, 3)


async def test_month_end_freezes_the_company_it_names(
    api: httpx.AsyncClient, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.FREEZE, count=None, company="usrt"))

    frozen = await api.post("/data/RetailTransactions", json=header("1", "usrt"))
    other = await api.post("/data/RetailTransactions", json=header("1", "dert", Currency="EUR"))
    answers = await send_batch(
        api, batch(changeset(sale("2")), changeset(sale("2", "dert"))), continue_on_error=True
    )

    assert (frozen.status_code, other.status_code) == (400, 201)
    assert "closed" in frozen.text
    assert [part[0].status for part in answers] == [500, 201]


async def test_fault_hits_only_what_it_matches_after_what_it_skips(
    api: httpx.AsyncClient,
) -> None:
    script = {
        "kind": "throttle",
        "method": "POST",
        "path": "RetailTransactions",
        "skip": 1,
        "count": 2,
    }
    await api.post("/_simulator/faults", json=[script])

    read = await api.get("/data/RetailTransactions")
    other = await api.post("/data/OperatingUnits", json={"OperatingUnitNumber": "1"})
    written = [(await _post(api, str(number))).status_code for number in range(5)]

    assert (read.status_code, other.status_code) == (200, 201)
    assert written == [201, 429, 429, 201, 201]
    [listed] = (await api.get("/_simulator/faults")).json()["faults"]
    assert (listed["taken"], listed["left"]) == (2, 0)


async def test_random_faults_repeat_with_their_seed(
    api: httpx.AsyncClient, simulator: DynamicsSimulator
) -> None:
    runs = []
    for run in range(2):
        simulator.faults.clear()
        simulator.faults.add(Fault(kind=FaultKind.SERVER_ERROR, count=None, percent=40, seed=11))
        runs.append([(await _post(api, f"{run}-{n}")).status_code for n in range(20)])

    assert runs[0] == runs[1]
    assert set(runs[0]) == {201, 500}


async def test_pages_of_our_own_never_meet_a_fault(
    api: httpx.AsyncClient, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.OUTAGE, count=None))

    assert (await api.get("/_simulator/health")).status_code == 200


async def test_identity_has_faults_of_its_own(simulator: DynamicsSimulator) -> None:
    simulator.faults.add(Fault(kind=FaultKind.OUTAGE, target=Target.IDENTITY))
    url = f"{simulator.identity_url}/common/discovery/instance"

    async with httpx.AsyncClient(verify=False) as client:
        down, up = await client.get(url), await client.get(url)

    assert (down.status_code, up.status_code) == (503, 200)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"kind": "earthquake"}', 422),
        (b'{"kind": "slow", "path": "("}', 422),
        (b'{"kind": "slow", "colour": "red"}', 422),
        (b'[{"kind": "slow"}, 7]', 422),
        (b"slow", 400),
    ],
)
async def test_fault_that_cannot_be_understood_is_a_problem_document(
    api: httpx.AsyncClient, body: bytes, status: int
) -> None:
    refused = await api.post("/_simulator/faults", content=body)

    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["detail"]
    assert (await api.get("/_simulator/faults")).json()["faults"] == []


async def test_one_fault_can_be_removed(api: httpx.AsyncClient) -> None:
    added = await api.post("/_simulator/faults", json=[{"kind": "outage"}, {"kind": "throttle"}])

    removed = await api.delete(f"/_simulator/faults/{added.json()['ids'][0]}")
    again = await api.delete(f"/_simulator/faults/{added.json()['ids'][0]}")

    assert (removed.status_code, again.status_code) == (204, 404)
    assert (await _post(api)).status_code == 429
