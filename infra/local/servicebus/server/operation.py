"""Pages for who runs or tests the bus: inspection, faults, clock, metrics.

JSON; errors are RFC 9457 problems. With keys configured they take a token with the Manage right on
the whole namespace.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.servicebus.broker import BrokerError
from infra.local.servicebus.durations import parse_duration
from infra.local.servicebus.server import inspection
from infra.local.servicebus.server.clock import ManualClock
from infra.local.servicebus.server.errors import error_of, status_of
from infra.local.servicebus.server.faults import InvalidFault, read_fault
from infra.local.servicebus.server.security import MANAGE

if TYPE_CHECKING:
    from infra.local.servicebus.server.bus import LocalServiceBus

LARGEST_BODY = 64 * 1024
"""Bytes of a request."""

PROBLEM = "application/problem+json"


class Problem(Exception):
    """A request that cannot be answered; `detail` is one sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def problem(status: int, detail: str) -> Response:
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(document, status, media_type=PROBLEM)


def routes(bus: LocalServiceBus) -> list[Route]:
    pages = Pages(bus)
    table: tuple[tuple[str, str, Page], ...] = (
        ("GET", "/inspect", pages.overview),
        ("GET", "/inspect/{entity:path}", pages.messages),
        ("GET", "/connections", pages.connections),
        ("GET", "/faults", pages.list_faults),
        ("POST", "/faults", pages.add_faults),
        ("DELETE", "/faults", pages.clear_faults),
        ("DELETE", "/faults/{id:int}", pages.remove_fault),
        ("GET", "/clock", pages.time),
        ("POST", "/clock", pages.advance),
        ("GET", "/metrics", pages.metrics),
    )
    return [Route(path, _guarded(bus, page), methods=[verb]) for verb, path, page in table]


Page = Callable[[Request], Awaitable[Response]]


def _guarded(bus: LocalServiceBus, page: Page) -> Page:
    async def answer(request: Request) -> Response:
        try:
            bus.require(request.headers.get("authorization", ""), MANAGE)
            return await page(request)
        except Problem as refusal:
            return problem(refusal.status, refusal.detail)
        except InvalidFault as refusal:
            return problem(422, f"{refusal}.")
        except BrokerError as refusal:
            return problem(status_of(error_of(refusal)), refusal.text)

    return answer


class Pages:
    def __init__(self, bus: LocalServiceBus) -> None:
        self._bus = bus

    async def overview(self, _request: Request) -> Response:
        return JSONResponse(self._bus.inspect())

    async def messages(self, request: Request) -> Response:
        entity = request.path_params["entity"]
        return JSONResponse({"messages": self._bus.messages(entity, **_page(request))})

    async def connections(self, request: Request) -> Response:
        return JSONResponse({"connections": self._bus.connections(**_page(request))})

    async def list_faults(self, _request: Request) -> Response:
        return JSONResponse({"faults": [ordered.listing() for ordered in self._bus.faults]})

    async def add_faults(self, request: Request) -> Response:
        """One fault or a list; all or none are added."""
        document = await _json(request)
        documents = document if isinstance(document, list) else [document]
        faults = [read_fault(each) for each in documents]
        ordered = [self._bus.faults.add(fault).listing() for fault in faults]
        return JSONResponse({"faults": ordered}, HTTPStatus.CREATED)

    async def clear_faults(self, _request: Request) -> Response:
        self._bus.faults.clear()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def remove_fault(self, request: Request) -> Response:
        ordered = self._bus.faults.find(request.path_params["id"])
        if ordered is None:
            raise Problem(404, f"There is no fault {request.path_params['id']}.")
        ordered.remove()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def time(self, _request: Request) -> Response:
        manual = isinstance(self._bus.clock, ManualClock)
        return JSONResponse({"now": inspection.iso_time(self._bus.clock()), "manual": manual})

    async def advance(self, request: Request) -> Response:
        """`{"advance": "PT30S"}`; answered when what fell due is durable."""
        document = await _json(request)
        step = document.get("advance") if isinstance(document, dict) else None
        try:
            ms = parse_duration(step) if isinstance(step, str) else None
        except ValueError as error:
            raise Problem(422, f"advance: {error}.") from error
        if ms is None:
            raise Problem(422, 'Say how far to advance: {"advance": "PT30S"}.')
        clock = self._bus.clock
        if not isinstance(clock, ManualClock):
            raise Problem(409, "The bus follows the system's clock; start it with --clock manual.")
        clock.forward(seconds=ms / 1000)
        await self._bus.advance()
        return await self.time(request)

    async def metrics(self, _request: Request) -> Response:
        text, media_type = self._bus.prometheus()
        return Response(text, media_type=media_type)


def _page(request: Request) -> dict[str, int]:
    query: Mapping[str, str] = request.query_params
    found = {name: query[name] for name in ("skip", "top") if name in query}
    try:
        return {name: int(value) for name, value in found.items()}
    except ValueError as error:
        raise Problem(400, f"'skip' and 'top' are whole numbers ({error}).") from error


async def _json(request: Request) -> Any:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise Problem(413, f"A request has at most {LARGEST_BODY} bytes.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is no JSON: {error}.") from error
