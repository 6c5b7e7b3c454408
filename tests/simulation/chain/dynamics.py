"""The Dynamics simulator in this process: real products behind our real clients, no network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from starlette.types import ASGIApp, Message

from infra.local.dynamics import Clock, FaultPlan
from infra.local.dynamics.api import Front, application
from infra.local.dynamics.counts import Counts
from infra.local.dynamics.identity.tokens import TokenAuthority
from infra.local.dynamics.inventory_visibility.security import AUDIENCE
from infra.local.dynamics.product import Product, ProductContext
from infra.local.dynamics.simulator import PRODUCTS
from infra.local.dynamics.webhooks import Outbox, Webhooks
from shared.clock import Clock as SharedClock
from shared.dynamics.governor import Book, Governor, Pace
from shared.dynamics.odata.responses import RULES, Rule
from shared.dynamics.service import Service
from shared.dynamics.settings import ConnectionSettings
from tests.simulation.chain.hazards import Hazards, Strike
from tests.simulation.chain.virtual import BEGIN, now

URLS: Mapping[str, str] = {
    "DYNAMICS_URL": "http://finance.test",
    "BUSINESS_CENTRAL_URL": "http://central.test",
    "DATAVERSE_URL": "http://engagement.test",
    "INVENTORY_VISIBILITY_URL": "http://stock.test",
}
"""A host for each product, as each has a rate budget of its own; all lead to one simulator."""
_TENANT = "11111111-1111-1111-1111-111111111111"
_CLIENT = "22222222-2222-2222-2222-222222222222"


class VirtualClock(Clock):
    """The simulator's clock on the loop's time; at its beginning outside a loop."""

    def __call__(self) -> datetime:
        try:
            return now()
        except RuntimeError:
            return BEGIN

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class Weather:
    """Spells of trouble at Dynamics, in virtual seconds: everything is refused while one lasts."""

    spells: Sequence[tuple[float, float, int]] = ()
    """(from, until, status): 503 is an outage, 429 a storm of throttling."""

    @classmethod
    def drawn(cls, seed: int, until: float) -> Weather:
        chance = random.Random(f"{seed}/weather")
        spells = []
        for _ in range(chance.choice((0, 0, 1, 2))):
            begins = chance.uniform(0, until)
            ends = min(begins + chance.uniform(20, 3600), until)
            spells.append((begins, ends, chance.choice((429, 503))))
        return cls(tuple(spells))

    def status(self, time: float) -> int | None:
        return next((status for start, end, status in self.spells if start <= time < end), None)


@dataclass
class SimulatedDynamics:
    """All five products over one folder. `front` is their ASGI application."""

    folder: Path
    faults: FaultPlan = field(init=False)
    products: Mapping[str, Product] = field(init=False)
    front: Front = field(init=False)
    tokens: TokenAuthority = field(init=False)
    _issued: dict[tuple[str, int], str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        clock = VirtualClock()
        self.faults = FaultPlan((), clock)
        (self.folder / "tls").mkdir(exist_ok=True)
        self.tokens = TokenAuthority(self.folder / "tls", _TENANT, clock)
        counts = Counts()
        webhooks = Webhooks(Outbox(self.folder / "webhooks.sqlite"), clock, {}, counts)
        context = ProductContext(self.folder, self.tokens, self.faults, counts, clock, webhooks)
        opened = [open_product(context) for open_product in PRODUCTS]
        self.products = {product.name: product for product in opened}
        pages = [page for product in opened for page in product.inspection]
        self.front = Front(
            application(pages),
            [(product, application(product.routes)) for product in opened],
            {},
            self.faults,
            counts,
            clock,
        )

    def reset(self) -> None:
        """Back to the seeded rows."""
        self.faults.clear()
        for product in self.products.values():
            product.reset()

    def _token(self, audience: str) -> str:
        """Return a token in force. Every run passes the same hours: none signs them anew."""
        half_hour = int(asyncio.get_running_loop().time() // 1800)
        if (audience, half_hour) not in self._issued:
            self._issued[audience, half_hour] = self.tokens.issue(_CLIENT, audience)
        return self._issued[audience, half_hour]

    def rows(self, product: str, entity_set: str) -> list[Mapping[str, Any]]:
        """Return every row of an entity set, as stored."""
        entities = self.products[product].entities
        assert entities is not None
        return list(entities.rows(entity_set, 0, 1_000_000))

    @contextmanager
    def reachable(self, hazards: Hazards, weather: Weather) -> Iterator[None]:
        """Let every Dynamics client that is opened meanwhile talk to these products.

        The seam is where our clients open their connection: no client is changed."""
        transport = _Transport(self, hazards, weather)

        @asynccontextmanager
        async def connect(
            settings: ConnectionSettings,
            path: str,
            *,
            clock: SharedClock,
            rules: Sequence[Rule] = RULES,
            headers: Mapping[str, str] | None = None,
            auths: Mapping[str, httpx.Auth] | None = None,
            book: Book | None = None,
            pace: Pace | None = None,
        ) -> AsyncIterator[Service]:
            audience = AUDIENCE if path.startswith("/api/environment") else settings.base_url
            sign_in = {"simulation": _SignIn(self._token, settings.authorization_scheme, audience)}
            governor = None
            if book is not None:
                paces = dict.fromkeys(sign_in, pace or Pace(10.0))
                governor = Governor(settings.base_url, paces, book, clock=clock, instance="worker")
            yield Service(
                httpx.AsyncClient(transport=transport),
                f"{settings.base_url}{path}",
                auths=sign_in,
                clock=clock,
                timeout=settings.timeout,
                rules=rules,
                headers=headers,
                governor=governor,
            )

        with (
            patch("shared.dynamics.connection.connect", connect),
            patch("shared.dynamics.inventory_visibility.sign_in.sign_ins", _no_sign_ins),
        ):
            yield


@asynccontextmanager
async def _no_sign_ins(*_: object) -> AsyncIterator[dict[str, httpx.Auth]]:
    """The second token of Inventory Visibility is `_SignIn`'s too."""
    yield {}


@dataclass(frozen=True)
class _SignIn(httpx.Auth):
    token: Callable[[str], str]
    scheme: str
    audience: str

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"{self.scheme} {self.token(self.audience)}"
        yield request


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, dynamics: SimulatedDynamics, hazards: Hazards, weather: Weather) -> None:
        self._front = dynamics.front
        self._hazards = hazards
        self._weather = weather

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async def effect() -> httpx.Response:
            status = self._weather.status(asyncio.get_running_loop().time())
            if status is not None:
                return httpx.Response(status, headers={"Retry-After": "30"}, json={})
            return await _answered(self._front, request)

        what = f"{request.method} {request.url.path}"
        return await self._hazards.around(what, effect, _broken, latency=0.4)


async def _answered(app: ASGIApp, request: httpx.Request) -> httpx.Response:
    """What httpx.ASGITransport does, which looks for another event loop at every request."""
    url, answer = request.url, list[Message]()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "server": (url.host, url.port),
        "client": ("127.0.0.1", 123),
        "root_path": "",
    }
    body = await request.aread()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        answer.append(message)

    await app(scope, receive, send)
    start, *parts = answer
    content = b"".join(part.get("body", b"") for part in parts)
    return httpx.Response(start["status"], headers=start["headers"], content=content)


def _broken(strike: Strike) -> Exception:
    return httpx.ReadError(f"simulated: {strike}")
