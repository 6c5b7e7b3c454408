"""What `connect` opens, against a real server on this machine: sign-in, principals, cookies."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Generator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx
import pytest
from azure.core.credentials import AccessToken

from infra.local.platform.ports import kept_port
from shared.clock import utc_now
from shared.dynamics import DynamicsSettings, SetUpWrong, TryLater
from shared.dynamics.auth import TokenAuth
from shared.dynamics.connection import connect
from shared.dynamics.governor import Pace
from shared.dynamics.odata.messages import Operation
from shared.dynamics.service import Uncertain
from shared.store import MemoryNotes

READ = Operation("GET", "Customers")
WRITE = Operation("POST", "Customers", b"{}")

Headers = dict[str, str]


class Broken(bytes):
    """What is sent before the connection breaks."""


class LocalServer:
    """Answers every request with `answers` in turn; the last one stays."""

    def __init__(self, *answers: bytes) -> None:
        self.asked: list[Headers] = []
        self._answers = list(answers)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().strip().split("\r\n")[1:]
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
                await reader.readexactly(int(headers.get("content-length", "0")))
                self.asked.append(headers)
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                writer.write(answer)
                await writer.drain()
                if isinstance(answer, Broken):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def settings(self, **changes: Any) -> DynamicsSettings:
        return DynamicsSettings.model_validate({"url": self.url, **changes})


def answer(status: int = 200, *headers: str, body: bytes = b'{"value":[]}') -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class SignedAs(httpx.Auth):
    def __init__(self, name: str) -> None:
        self._name = name

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._name
        yield request


NOBODY = {"": SignedAs("nobody")}


async def test_cookies_are_never_sent_back() -> None:
    sticky = answer(200, "Set-Cookie: ApplicationGatewayAffinity=abc; Path=/")
    async with (
        LocalServer(sticky) as server,
        connect(server.settings(), "/data", clock=utc_now, auths=NOBODY) as service,
    ):
        for _ in range(3):
            await service.read(READ)

    assert len(server.asked) == 3
    assert not any("cookie" in headers for headers in server.asked)


async def test_a_connection_that_breaks_leaves_a_write_uncertain() -> None:
    half = answer(body=b"x" * 100)[:-50]
    for broken in (b"", half, b"HTTP/1.1 2"):
        async with (
            LocalServer(Broken(broken)) as server,
            connect(server.settings(), "/data", clock=utc_now, auths=NOBODY) as service,
        ):
            with pytest.raises(Uncertain):
                await service.write(WRITE)
        assert len(server.asked) == 1


async def test_an_environment_that_is_not_there_took_nothing() -> None:
    with kept_port() as port:
        settings = DynamicsSettings.model_validate({"url": f"http://127.0.0.1:{port}"})
        async with connect(settings, "/data", clock=utc_now, auths=NOBODY) as service:
            with pytest.raises(TryLater, match="cannot be reached"):
                await service.write(WRITE)


async def test_silence_ends_at_the_deadline() -> None:
    async def never(_: object, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    silent = await asyncio.start_server(never, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    settings = DynamicsSettings.model_validate({"url": url, "timeout": timedelta(seconds=1)})
    async with connect(settings, "/data", clock=utc_now, auths=NOBODY) as service:
        with pytest.raises(Uncertain, match="Timeout"):
            await service.write(WRITE)
    silent.close()


async def test_calls_are_spread_evenly_over_the_principals() -> None:
    names = ("app-1", "app-2", "app-3")
    async with (
        LocalServer(answer()) as server,
        connect(
            server.settings(),
            "/data",
            clock=utc_now,
            auths={name: SignedAs(name) for name in names},
            book=MemoryNotes(),
            pace=Pace(1000.0),
        ) as service,
    ):
        await asyncio.gather(*(service.read(READ) for _ in range(60)))

    used = Counter(headers["authorization"] for headers in server.asked)
    assert set(used) == set(names)
    assert max(used.values()) - min(used.values()) <= 2


async def test_two_connections_share_the_budget_of_their_product() -> None:
    book, pace = MemoryNotes(), Pace(1000.0)
    async with LocalServer(answer()) as server:
        options: dict[str, Any] = {"clock": utc_now, "auths": NOBODY, "book": book, "pace": pace}
        async with (
            connect(server.settings(), "/data", **options) as one,
            connect(server.settings(), "/data", **options) as two,
        ):
            await asyncio.gather(one.read(READ), two.read(READ))

        def members(text: str | None) -> tuple[str, str]:
            return text or "", text or ""

        shared = await book.change(f"rate-budget/{server.url}/data", members)
    assert shared.count('"wanted"') == 2


# Sign-in


NEVER = int(datetime.max.replace(tzinfo=UTC).timestamp())


class Tokens:
    """Stands for azure-identity: hands out one token until it is closed."""

    issued: ClassVar[Counter[str]] = Counter()

    def __init__(self, name: str) -> None:
        self._token = f"{name}-{Tokens.issued[name]}"
        Tokens.issued[name] += 1

    async def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken(self._token, NEVER)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...


@pytest.fixture
async def auth(request: pytest.FixtureRequest) -> AsyncIterator[TokenAuth]:
    Tokens.issued.clear()
    found = TokenAuth(lambda: Tokens("t"), "https://x/.default")
    yield found
    await found.aclose()


async def test_a_401_asks_for_one_new_token_and_repeats_the_call(auth: TokenAuth) -> None:
    async with (
        LocalServer(answer(401), answer()) as server,
        connect(server.settings(), "/data", clock=utc_now, auths={"": auth}) as service,
    ):
        await service.write(WRITE)

    assert [each["authorization"] for each in server.asked] == ["Bearer t-0", "Bearer t-1"]
    assert [each["content-length"] for each in server.asked] == ["2", "2"]


async def test_a_second_401_is_a_matter_of_set_up(auth: TokenAuth) -> None:
    async with (
        LocalServer(answer(401)) as server,
        connect(server.settings(), "/data", clock=utc_now, auths={"": auth}) as service,
    ):
        with pytest.raises(SetUpWrong):
            await service.write(WRITE)

    assert len(server.asked) == 2
    assert Tokens.issued["t"] == 2


async def test_calls_that_meet_a_401_together_ask_for_one_new_token(auth: TokenAuth) -> None:
    async with (
        LocalServer(*[answer(401)] * 5, answer()) as server,
        connect(server.settings(), "/data", clock=utc_now, auths={"": auth}) as service,
    ):
        await asyncio.gather(*(service.read(READ) for _ in range(5)))

    assert Tokens.issued["t"] == 2
