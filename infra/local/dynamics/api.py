"""The applications behind the two ports: products, faults in front of them, pages of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .faults import REQUEST_KINDS, Fault, FaultKind, FaultPlan, Target
from .problems import Problem, answer_problem
from .product import ConnectionDropped, Product
from .server import ABORT

_STATUS = {FaultKind.THROTTLE: 429, FaultKind.OUTAGE: 503, FaultKind.SERVER_ERROR: 500}


def application(routes: Sequence[BaseRoute]) -> Starlette:
    return Starlette(routes=routes, exception_handlers={Problem: answer_problem})


class Faulty:
    """ASGI layer that carries out the request faults for paths below a product's base path."""

    def __init__(self, app: ASGIApp, faults: FaultPlan, products: Sequence[Product]) -> None:
        self._app = app
        self._faults = faults
        self._products = products

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        product = self._product(scope)
        if product is None:
            await self._app(scope, receive, send)
            return
        try:
            await self._with_faults(product, scope, receive, send)
        except ConnectionDropped:
            scope[ABORT]()

    def _product(self, scope: Scope) -> Product | None:
        path = scope.get("path", "")
        for product in self._products:
            if path == product.base_path or path.startswith(f"{product.base_path}/"):
                return product
        return None

    async def _with_faults(
        self, product: Product, scope: Scope, receive: Receive, send: Send
    ) -> None:
        method, path = scope["method"], scope["path"]
        fault = self._faults.take(REQUEST_KINDS, method, path)
        while fault is not None and fault.kind is FaultKind.SLOW:
            await asyncio.sleep(fault.delay)
            fault = self._faults.take(REQUEST_KINDS - {FaultKind.SLOW}, method, path)
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind in _STATUS:
            await _drain(receive)
            waits = fault.kind is not FaultKind.SERVER_ERROR
            status = _STATUS[fault.kind]
            headers, body = product.refuse(status, fault.retry_after if waits else None)
            await _answer(send, status, headers, body)
        else:
            await self._drop(fault, scope, receive)

    async def _drop(self, fault: Fault, scope: Scope, receive: Receive) -> None:
        before = fault.kind is FaultKind.DROP_BEFORE_COMMIT
        if before and not scope["path"].endswith("/$batch"):
            await _drain(receive)
        else:
            if before:
                scope["drop_before_commit"] = fault
            await self._app(scope, receive, _nobody)
        raise ConnectionDropped


class FaultyIdentity:
    """The same for the identity server; its only product is a token."""

    def __init__(self, app: ASGIApp, faults: FaultPlan) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._faults.take(REQUEST_KINDS, scope["method"], scope["path"], Target.IDENTITY)
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind is FaultKind.SLOW:
            await asyncio.sleep(fault.delay)
            await self._app(scope, receive, send)
        elif fault.kind in _STATUS:
            await _drain(receive)
            headers = {"Content-Type": "application/json", "Retry-After": str(fault.retry_after)}
            await _answer(
                send, _STATUS[fault.kind], headers, b'{"error":"temporarily_unavailable"}'
            )
        else:
            scope[ABORT]()


async def _drain(receive: Receive) -> None:
    """Take the whole request, so that the sender has sent it before it meets its fault."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def _nobody(message: Message) -> None:
    """Where the answer goes that the client never gets."""
