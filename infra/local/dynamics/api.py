"""The applications behind the two ports: products, and limits and faults in front of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .clock import Clock
from .counts import Counts
from .faults import REQUEST_KINDS, Fault, FaultKind, FaultPlan, Target
from .gates import Gate
from .limits import Refusal, principal_of
from .problems import Problem, answer_problem
from .product import ConnectionDropped, Product
from .server import ABORT
from .upgrades import Upgraded

_STATUS = {FaultKind.THROTTLE: 429, FaultKind.OUTAGE: 503, FaultKind.SERVER_ERROR: 500}
_HANGS = frozenset({FaultKind.HANG, FaultKind.HANG_AFTER_COMMIT})
_BEFORE = frozenset({FaultKind.HANG, FaultKind.DROP_BEFORE_COMMIT})


def application(routes: Sequence[BaseRoute]) -> Starlette:
    return Starlette(routes=routes, exception_handlers={Problem: answer_problem})


class Front:
    """ASGI layer in front of the products: their limits, then the faults of whole requests."""

    def __init__(
        self,
        pages: ASGIApp,
        products: Sequence[tuple[Product, ASGIApp]],
        gates: Mapping[str, Gate],
        faults: FaultPlan,
        counts: Counts,
        clock: Clock,
    ) -> None:
        """`pages` serve every path below no product's; each product has its own application."""
        self._pages = pages
        self._paths = [
            (path, product, app)
            for product, app in products
            for path in (product.base_path, *product.further_paths)
        ]
        self._gates = gates
        self._faults = faults
        self._counts = counts
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        for base, product, app in self._paths:
            if path.startswith(base) and path[len(base) : len(base) + 1] in ("", "/"):
                await self._serve(product, app, scope, receive, send)
                return
        await self._pages(scope, receive, send)

    async def _serve(
        self, product: Product, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        gate = self._gates.get(product.name)
        upgrades = self._faults.upgrades(product.name)
        if upgrades:
            app = Upgraded(app, upgrades)
        faulty = partial(self._with_faults, product, app)
        try:
            if gate is None:
                await faulty(scope, receive, send)
            else:
                await self._limited(gate, product, faulty, scope, receive, send)
        except ConnectionDropped:
            scope[ABORT]()

    async def _limited(
        self,
        gate: Gate,
        product: Product,
        app: ASGIApp,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        headers = dict(scope["headers"])
        principal = principal_of(headers.get(b"authorization", b"").decode("latin-1"))
        size = headers.get(b"content-length", b"")
        try:
            async with gate.admitted(principal, int(size) if size.isdigit() else 0) as remaining:

                async def send_with_headers(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        own = _pairs(remaining())
                        message = {**message, "headers": [*message.get("headers", ()), *own]}
                    await send(message)

                await app(scope, receive, send_with_headers)
        except Refusal as refusal:
            self._counts.add("limited")
            await _drain(receive)
            status = refusal.status
            answer = product.refuse(status, refusal.retry_after, refusal.code)
            await _answer(send, status, *answer)

    async def _with_faults(
        self, product: Product, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        method, path = scope["method"], scope["path"]
        fault = self._faults.take(REQUEST_KINDS, method, path)
        while fault is not None and fault.kind is FaultKind.SLOW:
            await self._clock.sleep(fault.delay)
            fault = self._faults.take(REQUEST_KINDS - {FaultKind.SLOW}, method, path)
        if fault is None:
            await app(scope, receive, send)
        elif fault.kind in _STATUS:
            await _drain(receive)
            waits = fault.kind is not FaultKind.SERVER_ERROR
            status = _STATUS[fault.kind]
            headers, body = product.refuse(status, fault.retry_after if waits else None)
            await _answer(send, status, headers, body)
        else:
            await _lose_answer(app, fault, scope, receive)


class FaultyIdentity:
    """The same for the identity server; its only product is a token."""

    def __init__(self, app: ASGIApp, faults: FaultPlan, clock: Clock) -> None:
        self._app = app
        self._faults = faults
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._faults.take(REQUEST_KINDS, scope["method"], scope["path"], Target.IDENTITY)
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind is FaultKind.SLOW:
            await self._clock.sleep(fault.delay)
            await self._app(scope, receive, send)
        elif fault.kind in _STATUS:
            await _drain(receive)
            headers = {"Content-Type": "application/json", "Retry-After": str(fault.retry_after)}
            await _answer(
                send, _STATUS[fault.kind], headers, b'{"error":"temporarily_unavailable"}'
            )
        elif fault.kind in _HANGS:
            await _until_gone(receive)
        else:
            scope[ABORT]()


async def _drain(receive: Receive) -> None:
    """Take the whole request, so that the sender has sent it before it meets its fault."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _pairs(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


async def _answer(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    pairs = _pairs(headers)
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def _nobody(message: Message) -> None:
    """Where the answer goes that the client never gets."""


async def _lose_answer(app: ASGIApp, fault: Fault, scope: Scope, receive: Receive) -> None:
    """Carry the request out or not, and never answer it: break the connection, or let whoever
    asked wait until he leaves."""
    before = fault.kind in _BEFORE
    if fault.kind is FaultKind.DROP_BEFORE_COMMIT and scope["path"].endswith("/$batch"):
        scope["drop_before_commit"] = fault
        before = False
    if before:
        await _drain(receive)
    else:
        await app(scope, receive, _nobody)
    if fault.kind not in _HANGS:
        raise ConnectionDropped
    await _until_gone(receive)
