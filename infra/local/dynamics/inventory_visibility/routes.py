"""HTTP below `/api/environment/<id>`: tokens and versions checked, entries carried out in order."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.dynamics.counts import Counts
from infra.local.dynamics.faults import WRITE_KINDS, FaultKind, FaultPlan
from infra.local.dynamics.identity.tokens import InvalidToken, TokenAuthority

from . import entries, errors
from .books import Answer, Books
from .configuration import ENVIRONMENT_ID
from .errors import Refused
from .query import index_query
from .security import AUDIENCE

MAX_BULK = 512
BASE_PATH = "/api/environment"

_VERSION = "1.0"
_REFUSALS: dict[FaultKind, Callable[[], Refused]] = {
    FaultKind.DEADLOCK: errors.deadlock,
    FaultKind.UPDATE_CONFLICT: errors.conflict,
    FaultKind.REFUSED_WRITE: errors.refused_write,
    FaultKind.FREEZE: errors.frozen,
}

Entry = TypeVar("Entry")
Write = Callable[[Request, object], Answer]
_Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Service:
    books: Books
    tokens: TokenAuthority
    faults: FaultPlan
    counts: Counts

    def routes(self) -> list[BaseRoute]:
        books = self.books
        writes: tuple[tuple[str, Write], ...] = (
            ("onhand", _plain(entries.read_change, books.change)),
            ("onhand/reserve", _plain(entries.read_reservation, books.reserve)),
            ("onhand/unreserve", _plain(entries.read_release, books.release)),
        )
        handlers: list[tuple[str, _Handler]] = [
            ("onhand/indexquery", self._query),
            ("setonhand/{system}/bulk", partial(self._bulk, self._set)),
        ]
        for path, write in writes:
            handlers.append((path, partial(self._single, write)))
            handlers.append((f"{path}/bulk", partial(self._bulk, write)))
        return [
            Route(
                f"{BASE_PATH}/{{environment}}/{path}",
                partial(self._guarded, handler),
                methods=["POST"],
            )
            for path, handler in handlers
        ]

    async def _guarded(self, handler: _Handler, request: Request) -> Response:
        try:
            self.tokens.verify(request.headers.get("authorization", ""), AUDIENCE)
        except InvalidToken as error:
            return _refusal(Refused(str(error), 401))
        if request.path_params["environment"] != ENVIRONMENT_ID:
            return _refusal(Refused("The token is for another environment.", 403))
        if request.headers.get("api-version") != _VERSION:
            return _refusal(Refused(f"The header Api-Version must be {_VERSION}."))
        self.counts.add("single")
        try:
            return await handler(request)
        except Refused as refused:
            return _refusal(refused)

    async def _query(self, request: Request) -> Response:
        return JSONResponse(index_query(self.books, await _json(request)))

    async def _single(self, write: Write, request: Request) -> Response:
        entry = await _json(request)
        with self.books.transaction():
            return JSONResponse(self._written(write, request, entry))

    async def _bulk(self, write: Write, request: Request) -> Response:
        found = await _json(request)
        if not isinstance(found, list):
            raise Refused("The body must be a list.")
        if len(found) > MAX_BULK:
            raise Refused(f"At most {MAX_BULK} entries may be sent at once.")
        answers = []
        with self.books.transaction():
            for entry in found:
                try:
                    answers.append(self._written(write, request, entry))
                except Refused as refused:
                    answers.append(refused.answer())
        self.counts.add("operations", len(found))
        return JSONResponse(answers)

    def _written(self, write: Write, request: Request, entry: object) -> Answer:
        """Carry one entry out, or let the fault refuse it that hits it. Raises Refused."""
        company = entry.get("organizationId") if isinstance(entry, dict) else None
        fault = self.faults.take(WRITE_KINDS, "POST", request.url.path, company=company)
        if fault is not None:
            raise _REFUSALS[fault.kind]()
        return write(request, entry)

    def _set(self, request: Request, entry: object) -> Answer:
        change = entries.read_change(entry)
        system = request.path_params["system"].lower()
        if any(source != system for source, _, _ in change.quantities):
            raise Refused(f"Only measures of '{system}' can be set here.")
        return self.books.set_on_hand(change)


def _plain(read: Callable[[object], Entry], carry_out: Callable[[Entry], Answer]) -> Write:
    return lambda _, entry: carry_out(read(entry))


def _refusal(refused: Refused) -> Response:
    return Response(refused.body, refused.status, media_type="application/json")


async def _json(request: Request) -> object:
    try:
        document: object = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused("The body is not JSON.") from error
    return document
