"""What is where and why, while clients work: in Python and over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.settings import AuthorizationRule
from tests.integration.bus.receiving import take
from tests.integration.servicebus_operation.conftest import CONFIG, connect, put

QUEUE = "work"


@pytest.fixture
async def http(bus: LocalServiceBus) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=bus.admin_url) as client:
        yield client


async def test_every_message_says_its_state_who_holds_it_and_why_it_is_dead(
    bus: LocalServiceBus, http: httpx.AsyncClient
) -> None:
    put(bus, "held", "dead", "set aside", "waiting")
    async with (
        connect(bus) as client,
        client.get_queue_receiver(QUEUE, client_identifier="till-7") as receiver,
    ):
        held, dead, aside = await take(receiver, 3)
        await receiver.dead_letter_message(dead, reason="spoilt", error_description="by hand")
        await receiver.defer_message(aside)
        messages = bus.messages(QUEUE)
        (letter,) = (await http.get(f"/inspect/{QUEUE}/$DeadLetterQueue")).json()["messages"]
        (connection,) = bus.connections()

    states = [(each["messageId"], each["state"], each["deliveryCount"]) for each in messages]
    assert states == [("held", "locked", 0), ("set aside", "deferred", 0), ("waiting", "active", 0)]
    assert messages[0]["lockHolder"]["client"] == connection["client"] == "till-7"
    assert messages[0]["lockedUntil"] > messages[0]["enqueuedTime"]
    why = (letter["deadLetterReason"], letter["deadLetterErrorDescription"])
    assert why == ("spoilt", "by hand")
    (link,) = [each for each in connection["links"] if each["address"].endswith("/work")]
    assert (link["direction"], link["unsettled"]) == ("receive", 1)
    assert held.message_id == "held"


async def test_answers_come_in_pages(bus: LocalServiceBus, http: httpx.AsyncClient) -> None:
    put(bus, *(str(number) for number in range(7)))

    page = (await http.get("/inspect/work", params={"skip": 2, "top": 3})).json()["messages"]

    assert [each["messageId"] for each in page] == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "why"),
    [
        ("GET", "/inspect/nowhere", None, 404, "'nowhere' could not be found"),
        ("GET", "/inspect/work?top=0", None, 400, "'top' from 1 to 1000"),
        ("GET", "/inspect/work?top=many", None, 400, "whole numbers"),
        ("GET", "/elsewhere", None, 404, "/inspect"),
        ("POST", "/faults", b"{", 400, "no JSON"),
        ("POST", "/faults", b'[{"kind": "drop"}, {"kind": "earthquake"}]', 422, "disconnect, drop"),
        ("POST", "/faults", b'{"kind": "drop", "at": "now"}', 422, "at: drop happens at send"),
        ("POST", "/faults", b'{"kind": "drop", "times": 0}', 422, "times: must be 1 or more"),
        ("POST", "/faults", b'{"kind": "drop", "seed": true}', 422, "seed: True is not int"),
        ("POST", "/faults", b'{"kind": "drop", "wehn": 1}', 422, "'wehn' is not known"),
        ("DELETE", "/faults/9", None, 404, "no fault 9"),
        ("POST", "/clock", b'{"advance": "soon"}', 422, "'soon' is not an ISO 8601 duration"),
        ("POST", "/clock", b"{}", 422, "PT30S"),
        ("POST", "/clock", b" " * 70_000, 413, "65536 bytes"),
    ],
)
async def test_a_bad_request_is_a_problem_that_says_what_is_wrong(
    http: httpx.AsyncClient, method: str, path: str, body: bytes | None, status: int, why: str
) -> None:
    answer = await http.request(method, path, content=body)

    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert answer.json()["status"] == status
    assert why in answer.json()["detail"]
    assert (await http.get("/faults")).json() == {"faults": []}


async def test_faults_are_ordered_listed_and_removed_over_http(
    bus: LocalServiceBus, http: httpx.AsyncClient
) -> None:
    ordered = await http.post(
        "/faults", json=[{"kind": "drop", "at": "send"}, {"kind": "refuse", "entity": QUEUE}]
    )
    first, second = ordered.json()["faults"]
    await http.delete(f"/faults/{first['id']}")
    (left,) = (await http.get("/faults")).json()["faults"]
    await http.delete("/faults")

    assert (ordered.status_code, left) == (201, second)
    assert (left["kind"], left["at"], left["hits"]) == ("refuse", "send", 0)
    assert (list(bus.faults), bus.faults.active) == ([], [])


async def test_time_is_not_moved_for_a_bus_on_the_systems_clock_nor_told_without_a_token() -> None:
    key = AuthorizationRule("boss", frozenset({"Manage"}), "a2V5", "a2V5")
    async with LocalServiceBus(CONFIG) as bus, httpx.AsyncClient(base_url=bus.admin_url) as http:
        refused = await http.post("/clock", json={"advance": "PT1S"})
        assert (await http.get("/clock")).json()["manual"] is False
    async with (
        LocalServiceBus(CONFIG, keys=[key]) as bus,
        httpx.AsyncClient(base_url=bus.admin_url) as http,
    ):
        unknown = [(await http.get(path)).status_code for path in ("/inspect/work", "/faults")]
        healthy = await http.get("/health")

    assert (refused.status_code, unknown, healthy.status_code) == (409, [401, 401], 200)
