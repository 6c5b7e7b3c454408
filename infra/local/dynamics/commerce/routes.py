"""HTTP below `/Commerce`: tokens, the operating unit, operations by name, paging."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra.local.dynamics.counts import Counts
from infra.local.dynamics.faults import WRITE_KINDS, FaultKind, FaultPlan
from infra.local.dynamics.identity.tokens import InvalidToken, TokenAuthority

from . import errors, orders, parties, products
from .books import Books
from .errors import CommerceError
from .seed import CHANNELS, Channel

BASE_PATH = "/Commerce"
MAX_PAGE = 1000
"""Rows of one answer ([U])."""

_SCHEMES = ("id_token", "bearer")
_CALL = re.compile(r"(?P<name>[\w/]+)\((?P<arguments>.*)\)")
_ARGUMENT = re.compile(r"\s*(?:(\w+)\s*=\s*)?('(?:[^']|'')*'|[^,']+)\s*(?:,|$)")
_REFUSALS: dict[FaultKind, Callable[[], CommerceError]] = {
    FaultKind.DEADLOCK: errors.deadlock,
    FaultKind.UPDATE_CONFLICT: errors.conflict,
    FaultKind.REFUSED_WRITE: errors.refused_write,
    FaultKind.FREEZE: errors.frozen,
}
_EMPLOYEES_ONLY = ("LoyaltyCards",)
"""Controllers that the role Application may not call (dynamics.md 4)."""

Body = Mapping[str, Any]
Action = Callable[[Channel, Body], object]
Function = Callable[[Channel, Mapping[str, str]], object]


@dataclass(frozen=True, slots=True)
class RetailServer:
    books: Books
    tokens: TokenAuthority
    faults: FaultPlan
    counts: Counts

    def routes(self) -> list[BaseRoute]:
        path = f"{BASE_PATH}/{{resource:path}}"
        return [Route(path, self._answer, methods=["GET", "POST", "PATCH", "DELETE"])]

    def _actions(self) -> dict[str, Action]:
        books = self.books
        return {
            "Products/GetActivePrices": products.active_prices,
            "Products/GetEstimatedAvailability": _with(books, products.availability),
            "Products/GetEstimatedProductWarehouseAvailability": _with(
                books, products.warehouse_availability
            ),
            "Customers/SearchByFields": parties.search_by_fields,
            "GiftCards/GetGiftCardInquiry": _with(books, parties.gift_card),
            "SalesOrders/GetOrderByChannelReferenceLookupCriteria": _with(
                books, orders.by_reference
            ),
        }

    def _functions(self) -> dict[str, Function]:
        return {
            "Products/SearchByText": products.search_by_text,
            "Customers": lambda channel, named: parties.customer(channel, named[""]),
            "SalesOrders": lambda channel, named: orders.by_id(self.books, channel, named[""]),
        }

    async def _answer(self, request: Request) -> Response:
        self.counts.add("single")
        body = await request.body()
        try:
            self._sign_in(request)
            channel = CHANNELS.get(request.headers.get("oun", ""))
            if channel is None:
                raise errors.invalid("The header OUN names no operating unit of this scale unit.")
            status, found = self._carry_out(request, channel, body)
            if isinstance(found, list):
                found = _page(found, request.query_params)
        except CommerceError as error:
            return _json(error.status, error.body)
        return _json(status, json.dumps(found).encode())

    def _sign_in(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in _SCHEMES:
            raise errors.unauthenticated("The header Authorization must be 'id_token <token>'.")
        try:
            self.tokens.verify(f"Bearer {token}", str(request.base_url))
        except InvalidToken as error:
            raise errors.unauthenticated(str(error)) from error

    def _carry_out(self, request: Request, channel: Channel, body: bytes) -> tuple[int, object]:
        path = request.path_params["resource"]
        if path.partition("/")[0] in _EMPLOYEES_ONLY:
            raise errors.unauthorized(path)
        if request.method == "GET":
            call = _CALL.fullmatch(path)
            function = self._functions().get(call["name"]) if call else None
            if call is None or function is None:
                raise errors.no_operation(path)
            return 200, function(channel, _arguments(call["arguments"]))
        if request.method == "POST" and path == "SalesOrders":
            return 201, self._upload(request, channel, _object(body))
        action = self._actions().get(path) if request.method == "POST" else None
        if action is None:
            raise errors.no_operation(path)
        return 200, action(channel, _object(body))

    def _upload(self, request: Request, channel: Channel, body: Body) -> object:
        path = request.url.path
        fault = self.faults.take(WRITE_KINDS, "POST", path, company=channel.company)
        if fault is not None:
            raise _REFUSALS[fault.kind]()
        if self.books.order(channel, str(body.get("Id"))) is not None:
            self.counts.add("second-uploads")
        with self.books.transaction():
            return orders.upload(self.books, channel, body)


def _with(books: Books, operation: Callable[[Books, Channel, Body], object]) -> Action:
    return lambda channel, body: operation(books, channel, body)


def _arguments(text: str) -> dict[str, str]:
    """Arguments of a function by name; a key without a name is under ''."""
    found = {}
    for name, value in _ARGUMENT.findall(text):
        value = unquote(value).strip()
        found[name] = value[1:-1].replace("''", "'") if value.startswith("'") else value
    return found


def _object(body: bytes) -> Body:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise errors.invalid("The body is not JSON.") from error
    if not isinstance(document, dict):
        raise errors.invalid("The body must be an object.")
    return document


def _page(rows: Sequence[object], query: Mapping[str, str]) -> dict[str, object]:
    """`$skip` and `$top` of the rows, in OData's envelope."""
    try:
        skip, top = int(query.get("$skip", "0")), int(query.get("$top", str(MAX_PAGE)))
    except ValueError as error:
        raise errors.invalid("$skip and $top must be whole numbers.") from error
    if skip < 0 or top < 0:
        raise errors.invalid("$skip and $top must not be negative.")
    page: dict[str, object] = {"value": list(rows[skip : skip + min(top, MAX_PAGE)])}
    if query.get("$count") == "true":
        page["@odata.count"] = len(rows)
    return page


def _json(status: int, body: bytes) -> Response:
    headers = {"OData-Version": "4.0"}
    return Response(body, status, headers, media_type="application/json")
