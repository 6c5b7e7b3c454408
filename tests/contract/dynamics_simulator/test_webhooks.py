"""Notifications as a receiver gets them over HTTP, hours of retries within one test's second."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.local.dynamics import DynamicsSimulator, ManualClock
from infra.local.dynamics.counts import Counts
from infra.local.dynamics.server import RunningServer
from infra.local.dynamics.webhooks import (
    HandshakeFailed,
    HttpSender,
    Outbox,
    Sender,
    Subscription,
    Webhooks,
)
from infra.local.dynamics.webhooks.policies import (
    BUSINESS_CENTRAL,
    BUSINESS_EVENT,
    DATAVERSE_SERVICE_BUS,
    DATAVERSE_WEBHOOK,
)
from tests.contract.dynamics_simulator.talking import api_client, waited

pytestmark = pytest.mark.asyncio(loop_scope="session")

_HOUR = timedelta(hours=1)


@dataclass
class Receiver:
    """An HTTP endpoint that answers as it is told and remembers what it got."""

    url: str = ""
    answer: Callable[[Request], Response] = lambda _: Response(status_code=200)
    got: list[tuple[Mapping[str, str], object]] = field(default_factory=list)

    @property
    def bodies(self) -> list[object]:
        return [body for _, body in self.got]

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        answer = self.answer(request)
        self.got.append((request.headers, await request.json() if body else None))
        return answer


def _echo(request: Request) -> Response:
    return PlainTextResponse(request.query_params.get("validationToken", ""))


def _status(*statuses: int) -> Callable[[Request], Response]:
    """Each request the next of these; the last for all further ones."""
    left = list(statuses)
    return lambda _: Response(status_code=left.pop(0) if len(left) > 1 else left[0])


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = RunningServer("127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.port}/hook"
    await server.start(Starlette(routes=[Route("/hook", receiver.receive, methods=["POST"])]))
    yield receiver
    await server.stop()


Open = Callable[..., tuple[Webhooks, Outbox]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_webhooks(clock: ManualClock) -> AsyncIterator[Open]:
    """Opens the room over a database, with senders beside the one for HTTP; closed at the end."""
    async with AsyncExitStack() as stack:

        def open_one(
            path: Path | str = ":memory:", senders: Mapping[str, Sender] | None = None
        ) -> tuple[Webhooks, Outbox]:
            outbox, http = Outbox(path), HttpSender()
            stack.callback(outbox.close)
            stack.push_async_callback(http.aclose)
            return Webhooks(outbox, clock, {"http": http, **(senders or {})}, Counts()), outbox

        yield open_one


@pytest.fixture
def webhooks(open_webhooks: Open) -> Webhooks:
    return open_webhooks()[0]


async def _pass(webhooks: Webhooks, clock: ManualClock, time: timedelta) -> None:
    clock.advance(time)
    await webhooks.settle()


def _subscription(
    receiver: Receiver,
    policy: str = BUSINESS_CENTRAL,
    *,
    name: str = "s1",
    client_state: str = "",
) -> Subscription:
    return Subscription("product", name, "customers", receiver.url, policy, client_state)


async def test_business_central_tells_thirty_seconds_later_and_each_resource_once(
    webhooks: Webhooks, clock: ManualClock, receiver: Receiver
) -> None:
    webhooks.subscribe(_subscription(receiver, client_state="ours"))
    webhooks.publish("product", "customers", "customers(1)", "created")
    await _pass(webhooks, clock, timedelta(seconds=20))
    webhooks.publish("product", "customers", "customers(1)", "updated")
    webhooks.publish("product", "customers", "customers(2)", "updated")
    webhooks.publish("product", "items", "items(1)", "updated")
    webhooks.publish("other", "customers", "customers(1)", "updated")
    await _pass(webhooks, clock, timedelta(seconds=9))
    assert receiver.got == []

    await _pass(webhooks, clock, timedelta(seconds=1))
    await _pass(webhooks, clock, timedelta(seconds=20))

    told = [
        [(each["resource"], each["changeType"], each["clientState"]) for each in body["value"]]
        for body in receiver.bodies
        if isinstance(body, dict)
    ]
    assert told == [[("customers(1)", "created", "ours")], [("customers(2)", "updated", "ours")]]
    assert webhooks.listing() == []


async def test_business_central_mixes_subscriptions_of_one_address_and_shortens_many_changes(
    webhooks: Webhooks, clock: ManualClock, receiver: Receiver
) -> None:
    webhooks.subscribe(_subscription(receiver))
    webhooks.subscribe(Subscription("product", "s2", "items", receiver.url, BUSINESS_CENTRAL))
    for number in range(1001):
        webhooks.publish("product", "customers", f"customers({number})", "updated")
    webhooks.publish("product", "items", "items(1)", "deleted")

    await _pass(webhooks, clock, timedelta(seconds=30))

    [body] = receiver.bodies
    assert isinstance(body, dict)
    [many, one] = body["value"]
    assert (many["changeType"], one["changeType"]) == ("collection", "deleted")
    assert many["resource"].startswith("customers?$filter=lastModifiedDateTime%20gt%20")


async def test_business_central_tries_for_a_day_and_a_half(
    webhooks: Webhooks, clock: ManualClock, receiver: Receiver
) -> None:
    receiver.answer = _status(503, 429, 408, 500)
    webhooks.subscribe(_subscription(receiver))
    webhooks.publish("product", "customers", "customers(1)", "updated")

    for _ in range(35 * 2):
        await _pass(webhooks, clock, _HOUR / 2)
    assert webhooks.listing()[0]["failure"] is None
    receiver.answer = _status(200)
    await _pass(webhooks, clock, _HOUR)

    assert webhooks.listing() == []
    assert webhooks.get("product", "s1") is not None


async def test_business_central_gives_a_notification_up_after_thirty_six_hours(
    webhooks: Webhooks, clock: ManualClock, receiver: Receiver
) -> None:
    receiver.answer = _status(503)
    webhooks.subscribe(_subscription(receiver))
    webhooks.publish("product", "customers", "customers(1)", "updated")

    for _ in range(45 * 2):
        await _pass(webhooks, clock, _HOUR / 2)

    assert webhooks.listing()[0]["failure"] == "answered 503"
    assert webhooks.get("product", "s1") is not None


async def test_business_central_deletes_a_subscription_that_answers_no_to_it(
    webhooks: Webhooks, clock: ManualClock, receiver: Receiver
) -> None:
    receiver.answer = _status(401)
    webhooks.subscribe(_subscription(receiver))
    webhooks.publish("product", "customers", "customers(1)", "updated")

    await _pass(webhooks, clock, timedelta(seconds=30))

    assert webhooks.get("product", "s1") is None
    assert len(receiver.got) == 1


async def test_business_central_forgets_a_subscription_after_three_days_unless_renewed(
    webhooks: Webhooks, clock: ManualClock, receiver: Receiver
) -> None:
    for name in ("s1", "s2"):
        webhooks.subscribe(_subscription(receiver, name=name))
    clock.advance(timedelta(days=2))
    webhooks.subscribe(_subscription(receiver, name="s2"))
    clock.advance(timedelta(days=1))

    assert [each.id for each in webhooks.subscriptions()] == ["s2"]


async def test_a_receiver_that_repeats_the_token_is_accepted(
    webhooks: Webhooks, receiver: Receiver
) -> None:
    receiver.answer = _echo
    await webhooks.shake_hands(_subscription(receiver))

    receiver.answer = _status(200)
    with pytest.raises(HandshakeFailed, match="did not repeat"):
        await webhooks.shake_hands(_subscription(receiver))
    receiver.answer = _status(404)
    with pytest.raises(HandshakeFailed, match="404"):
        await webhooks.shake_hands(_subscription(receiver))


async def test_an_activation_sends_its_test_event(webhooks: Webhooks, receiver: Receiver) -> None:
    event = {"BusinessEventId": "BusinessEventsTestEndpointContract"}

    await webhooks.shake_hands(_subscription(receiver, BUSINESS_EVENT), event)

    assert receiver.bodies == [event]


async def test_nobody_at_the_address_fails_the_handshake(webhooks: Webhooks) -> None:
    absent = Subscription("product", "s", "t", "http://127.0.0.1:1/hook", BUSINESS_EVENT)

    with pytest.raises(HandshakeFailed):
        await webhooks.shake_hands(absent, {})


async def test_a_business_event_is_tried_three_times_more_and_can_be_sent_again_by_hand(
    webhooks: Webhooks, clock: ManualClock, receiver: Receiver
) -> None:
    receiver.answer = _status(500)
    webhooks.subscribe(_subscription(receiver, BUSINESS_EVENT))
    webhooks.publish("product", "customers", "c1", "event", {"EventId": "1"})
    for _ in range(5):
        await _pass(webhooks, clock, timedelta(seconds=1))
    [given_up] = webhooks.listing()

    receiver.answer = _status(200)
    resent = webhooks.resend(int(str(given_up["id"])))
    await webhooks.settle()

    assert (given_up["tries"], given_up["failure"], resent) == (4, "answered 500", True)
    assert receiver.bodies == [{"EventId": "1"}] * 5
    assert webhooks.listing() == []
    assert not webhooks.resend(99)


@pytest.mark.parametrize(("status", "tries"), [(502, 2), (503, 2), (504, 2), (500, 1), (404, 1)])
async def test_dataverse_tries_once_more_and_only_when_the_receiver_is_away(
    webhooks: Webhooks, clock: ManualClock, receiver: Receiver, status: int, tries: int
) -> None:
    receiver.answer = _status(status)
    webhooks.subscribe(_subscription(receiver, DATAVERSE_WEBHOOK))
    webhooks.publish("product", "customers", "c1", "Create", {"MessageName": "Create"})

    for _ in range(5):
        await _pass(webhooks, clock, _HOUR)

    assert len(receiver.got) == tries
    assert webhooks.get("product", "s1") is not None


async def test_headers_of_subscription_and_change_reach_the_receiver(
    webhooks: Webhooks, receiver: Receiver
) -> None:
    webhooks.subscribe(
        Subscription(
            "product", "s1", "t", receiver.url, DATAVERSE_WEBHOOK, headers={"x-key": "secret"}
        )
    )
    webhooks.publish("product", "t", "c1", "Create", {}, {"x-ms-dynamics-entity-name": "account"})
    await webhooks.settle()

    headers = receiver.got[0][0]
    assert (headers["x-key"], headers["x-ms-dynamics-entity-name"]) == ("secret", "account")


async def test_a_service_bus_endpoint_is_served_by_the_sender_given_for_it(
    open_webhooks: Open, clock: ManualClock
) -> None:
    sent: list[tuple[str, bytes]] = []

    async def send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        sent.append((url, body))
        if len(sent) == 1:
            raise OSError("the bus is away")
        return 200, ""

    webhooks, _ = open_webhooks(senders={"sb": send})
    webhooks.subscribe(Subscription("product", "s", "t", "sb://bus/events", DATAVERSE_SERVICE_BUS))
    webhooks.publish("product", "t", "c1", "Create", {"MessageName": "Create"})
    await webhooks.settle()
    await _pass(webhooks, clock, timedelta(seconds=60))

    assert sent == [("sb://bus/events", b'{"MessageName":"Create"}')] * 2


async def test_an_address_nobody_can_send_to_is_a_failure_that_says_so(webhooks: Webhooks) -> None:
    webhooks.subscribe(Subscription("product", "s", "t", "sb://bus/events", DATAVERSE_WEBHOOK))
    webhooks.publish("product", "t", "c1", "Create", {})
    await webhooks.settle()

    assert webhooks.listing()[0]["tries"] == 1


async def test_what_was_not_delivered_survives_the_process(
    open_webhooks: Open, clock: ManualClock, receiver: Receiver, tmp_path: Path
) -> None:
    before, outbox = open_webhooks(tmp_path / "w.sqlite")
    before.subscribe(_subscription(receiver))
    before.publish("product", "customers", "customers(1)", "created")
    outbox.close()

    after, _ = open_webhooks(tmp_path / "w.sqlite")
    await _pass(after, clock, timedelta(seconds=30))

    assert len(receiver.got) == 1
    assert [each.id for each in after.subscriptions("product")] == ["s1"]


async def test_nothing_is_told_to_who_has_left(
    webhooks: Webhooks, clock: ManualClock, receiver: Receiver
) -> None:
    webhooks.subscribe(_subscription(receiver))
    webhooks.publish("product", "customers", "customers(1)", "created")

    assert webhooks.unsubscribe("product", "s1")
    await _pass(webhooks, clock, _HOUR)

    assert receiver.got == []
    assert not webhooks.unsubscribe("product", "s1")


async def test_the_running_simulator_delivers_by_itself_and_by_its_clock(
    receiver: Receiver, clock: ManualClock
) -> None:
    async with DynamicsSimulator(clock=clock) as simulator, api_client(simulator) as client:
        simulator.webhooks.subscribe(_subscription(receiver))
        simulator.webhooks.publish("product", "customers", "customers(1)", "created")
        listed = (await client.get("/_simulator/webhooks")).json()
        advanced = await client.post("/_simulator/clock", json={"advance": "PT30S"})
        assert len(receiver.got) == 1

        simulator.webhooks.subscribe(_subscription(receiver, BUSINESS_EVENT, name="e"))
        simulator.webhooks.publish("product", "customers", "c", "event", {})
        await waited(lambda: len(receiver.got) == 2)

    assert [each["id"] for each in listed["subscriptions"]] == ["s1"]
    assert [each["change"]["resource"] for each in listed["notifications"]] == ["customers(1)"]
    assert advanced.json()["manual"] is True


async def test_the_machines_clock_is_not_to_be_advanced() -> None:
    async with DynamicsSimulator() as simulator, api_client(simulator) as client:
        shown = await client.get("/_simulator/clock")
        refused = await client.post("/_simulator/clock", json={"advance": 300})

    assert shown.json()["manual"] is False
    assert (refused.status_code, refused.headers["content-type"]) == (
        409,
        "application/problem+json",
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"advance": "-PT1S"}, 422),
        ({"advance": "soon"}, 422),
        ({"back": 1}, 422),
        ([], 422),
    ],
)
async def test_a_time_that_cannot_be_is_a_problem(
    api: httpx.AsyncClient, body: object, status: int
) -> None:
    assert (await api.post("/_simulator/clock", json=body)).status_code == status
