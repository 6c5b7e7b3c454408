"""One environment's HTTP interface: what is repeated, what is waited for, what is not known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.clock import utc_now
from shared.dynamics import Refused, SetUpWrong, TryLater
from shared.dynamics import service as service_module
from shared.dynamics.governor import Lane, Turn
from shared.dynamics.odata.messages import Operation
from shared.dynamics.service import Service, Uncertain

ROOT = "https://contoso.operations.dynamics.com/data"
READ = Operation("GET", "Customers")
WRITE = Operation("POST", "Customers", b"{}")


class Dynamics:
    """Answers with what it is given, in turn; an exception is raised, the last one stays."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []
        self._answers = list(answers)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def service(self, **options: Any) -> Service:
        transport = httpx.MockTransport(self)
        http = httpx.AsyncClient(transport=transport)
        usual: dict[str, Any] = {"clock": utc_now, "timeout": timedelta(seconds=5)}
        return Service(http, ROOT, sleep=self.sleep, **(usual | options))


def error(status: int, message: str = "", **headers: str) -> httpx.Response:
    content = json.dumps({"error": {"message": message}}).encode() if message else b""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=content, headers=names)


def page(*rows: int, following: str | None = None) -> httpx.Response:
    document: dict[str, object] = {"value": [{"n": row} for row in rows]}
    if following:
        document["@odata.nextLink"] = following
    return httpx.Response(200, json=document)


# Paging


async def test_pages_are_followed_to_the_last_with_the_same_headers() -> None:
    dynamics = Dynamics(
        page(1, 2, following=f"{ROOT}/Customers?$skiptoken=2"),
        page(following=f"{ROOT}/Customers?$skiptoken=3"),
        page(3),
    )
    preferring = Operation("GET", "Customers", headers=(("Prefer", "odata.maxpagesize=2"),))
    rows = [row["n"] async for row in dynamics.service().rows(preferring)]

    assert rows == [1, 2, 3]
    assert [each.url.query for each in dynamics.asked] == [b"", b"$skiptoken=2", b"$skiptoken=3"]
    assert {each.headers["Prefer"] for each in dynamics.asked} == {"odata.maxpagesize=2"}


async def test_a_next_page_is_asked_for_where_we_know_dynamics_to_be() -> None:
    dynamics = Dynamics(page(1, following="http://behind.proxy/data/Customers?page=2"), page(2))
    rows = [row["n"] async for row in dynamics.service().rows(READ)]

    assert rows == [1, 2]
    assert str(dynamics.asked[1].url) == f"{ROOT}/Customers?page=2"


async def test_rows_come_before_the_page_that_fails() -> None:
    dynamics = Dynamics(page(1, following=f"{ROOT}/next"), error(403, "no"))
    rows = dynamics.service().rows(READ)

    assert (await anext(rows))["n"] == 1
    with pytest.raises(SetUpWrong):
        await anext(rows)


async def test_a_page_that_is_no_json_is_worth_another_try() -> None:
    with pytest.raises(TryLater, match="not a JSON object"):
        [row async for row in Dynamics(httpx.Response(200, text="<html/>")).service().rows(READ)]


async def test_an_entity_that_is_not_there_is_none() -> None:
    assert await Dynamics(error(404)).service().entity(READ) is None


# Throttling


async def test_a_short_throttling_is_waited_out_once() -> None:
    dynamics = Dynamics(error(429, retry_after="1.5"), page(1))
    assert (await dynamics.service().write(WRITE)).is_success
    assert (dynamics.slept, len(dynamics.asked)) == ([1.5], 2)


async def test_a_second_throttling_is_handed_on() -> None:
    dynamics = Dynamics(error(429, retry_after="1"))
    with pytest.raises(TryLater) as raised:
        await dynamics.service().write(WRITE)

    assert raised.value.retry_after == timedelta(seconds=1)
    assert (dynamics.slept, len(dynamics.asked)) == ([1.0], 2)


@pytest.mark.parametrize("headers", [{"retry_after": "2.1"}, {"retry_after": "soon"}, {}])
async def test_a_long_or_unknown_throttling_is_not_waited_for(headers: Mapping[str, str]) -> None:
    dynamics = Dynamics(error(429, **headers))
    with pytest.raises(TryLater):
        await dynamics.service().write(WRITE)

    assert (dynamics.slept, len(dynamics.asked)) == ([], 1)


# What nobody knows

LOST = [
    httpx.ReadError("reset"),
    httpx.WriteError("broken pipe"),
    httpx.ReadTimeout("silent"),
    httpx.RemoteProtocolError("closed without an answer"),
    *(error(status) for status in (408, 500, 502, 504)),
]
NEVER_SENT = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("away"),
    httpx.PoolTimeout("full"),
]


@pytest.mark.parametrize("loss", LOST, ids=repr)
async def test_a_write_whose_answer_is_lost_is_uncertain(loss: httpx.Response | Exception) -> None:
    dynamics = Dynamics(loss)
    with pytest.raises(Uncertain):
        await dynamics.service().write(WRITE)

    assert len(dynamics.asked) == 1, "never sent again before a look-up"


@pytest.mark.parametrize("loss", LOST, ids=repr)
async def test_a_read_whose_answer_is_lost_may_be_repeated(
    loss: httpx.Response | Exception,
) -> None:
    with pytest.raises(TryLater):
        await Dynamics(loss).service().read(READ)


@pytest.mark.parametrize("failure", NEVER_SENT, ids=repr)
async def test_a_write_that_was_never_sent_is_certainly_not_there(failure: Exception) -> None:
    with pytest.raises(TryLater, match="cannot be reached"):
        await Dynamics(failure).service().write(WRITE)


@pytest.mark.parametrize(
    ("message", "expected"),
    [("Infolog: Error: the field is mandatory.", Refused), ("deadlock victim", TryLater)],
)
async def test_a_server_error_that_says_what_happened_is_certain(
    message: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        await Dynamics(error(500, message)).service().write(WRITE)


async def test_one_deadline_spans_the_whole_exchange() -> None:
    class Dripping(httpx.AsyncByteStream):
        """Never silent for long, never done: no timeout per read ends it."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.001)

    dynamics = Dynamics(httpx.Response(200, stream=Dripping()))
    with pytest.raises(Uncertain, match="Timeout"):
        await dynamics.service(timeout=timedelta(seconds=0.05)).write(WRITE)


async def test_an_answer_too_large_to_be_one_is_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "MAX_ANSWER_BYTES", 1000)
    with pytest.raises(Uncertain, match="too large"):
        await Dynamics(httpx.Response(200, content=b"x" * 1001)).service().write(WRITE)

    assert (await Dynamics(httpx.Response(200, content=b"x" * 1000)).service().write(WRITE)).body


async def test_the_original_message_code_and_request_id_are_kept() -> None:
    body = {"error": {"code": "0x80040265", "message": "Infolog: Error: no such site"}}
    answer = httpx.Response(400, json=body, headers={"x-ms-request-id": "r-1"})
    with pytest.raises(Refused) as raised:
        await Dynamics(answer).service().write(WRITE)

    evidence = raised.value.evidence
    assert (evidence.status, evidence.code, evidence.request_id) == (400, "0x80040265", "r-1")
    assert evidence.original == "Infolog: Error: no such site"


# Large documents


async def test_a_download_is_handed_over_as_it_comes() -> None:
    class Pieces(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in (b"one", b"two"):
                yield piece

    taken: list[bytes] = []
    dynamics = Dynamics(httpx.Response(200, stream=Pieces()))
    await dynamics.service().download(READ, taken.append)

    assert taken == [b"one", b"two"]


async def test_a_refused_download_hands_nothing_over() -> None:
    taken: list[bytes] = []
    with pytest.raises(SetUpWrong, match="not for you"):
        await Dynamics(error(403, "not for you")).service().download(READ, taken.append)

    assert taken == []


# The governor


class Watching:
    """Stands for a governor: every request has its turn at once, as the next principal."""

    def __init__(self, *principals: str) -> None:
        self.turns: list[tuple[Lane, Turn]] = []
        self._principals = principals

    @asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[Turn]:
        principal = self._principals[len(self.turns) % len(self._principals)]
        self.turns.append((lane, Turn(principal, lambda: 0.0)))
        yield self.turns[-1][1]


class SignedAs(httpx.Auth):
    def __init__(self, name: str) -> None:
        self._name = name

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._name
        yield request


async def test_every_exchange_has_a_turn_in_its_lane_and_tells_what_came_of_it() -> None:
    dynamics = Dynamics(error(429, retry_after="1"), page(1), httpx.ReadError("reset"))
    governor = Watching("a")
    service = dynamics.service(governor=governor, auths={"a": httpx.Auth()})
    await service.in_lane(Lane.BULK).write(WRITE)
    with pytest.raises(Uncertain):
        await service.write(WRITE)

    lanes = [lane for lane, _ in governor.turns]
    outcomes = [turn.outcome for _, turn in governor.turns]
    assert lanes == [Lane.BULK, Lane.BULK, Lane.SALE]
    assert [each.refused for each in outcomes] == [True, False, False]
    assert [each.accepted for each in outcomes] == [False, True, False]
    assert outcomes[0].retry_after == 1.0


async def test_a_call_is_signed_in_as_the_principal_whose_turn_it_is() -> None:
    dynamics = Dynamics(page())
    names = ("app-1", "app-2", "app-3")
    auths = {name: SignedAs(name) for name in names}
    service = dynamics.service(governor=Watching(*names), auths=auths)
    for _ in range(6):
        await service.read(READ)

    assert [each.headers["Authorization"] for each in dynamics.asked] == list(names * 2)
