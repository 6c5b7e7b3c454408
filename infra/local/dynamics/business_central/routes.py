"""HTTP: who is let in, which API a path means, requests into operations, answers into responses.

`/v2.0/[<tenant>/]<environment>/api/v2.0/…` takes tokens, the on-premises `/BC/api/v2.0/…` a user
with a web service access key; behind both are the same books.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from dataclasses import dataclass, field
from functools import partial

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra.local.dynamics.counts import Counts
from infra.local.dynamics.faults import FaultPlan
from infra.local.dynamics.identity.tokens import InvalidToken, TokenAuthority
from infra.local.dynamics.odata.http import body_pieces, whole
from infra.local.dynamics.webhooks import Webhooks

from . import errors
from .batch import answer_batch
from .books import Books
from .custom_entities import CUSTOM, CUSTOM_API
from .entities import STANDARD
from .errors import BusinessCentralError
from .messages import JSON_TYPE, Answer, Operation
from .metadata import metadata_document
from .operations import Operations
from .seed import COMPANIES
from .subscriptions import SUPPORTED, Subscriptions
from .transactions import Transactions

CLOUD, ON_PREMISES = "/v2.0", "/BC"
USER, ACCESS_KEY = "ADMIN", "local-web-service-key"
"""The only user of the on-premises address."""

_MAX_BODY = 350 * 1024 * 1024
"""Bytes of one request (dynamics.md 2.4)."""
_METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT"]
_WHERE = re.compile(
    r"(?P<root>(?:/v2\.0(?:/[^/]+){1,2}|/BC)/api/"
    r"(?P<api>v2\.0|microsoft/runtime/beta|[^/]+/[^/]+/[^/]+)/)(?P<path>.*)"
)


@dataclass
class Service:
    tokens: TokenAuthority
    books: Books
    faults: FaultPlan
    counts: Counts
    webhooks: Webhooks
    apis: dict[str, Api] = field(init=False)

    def __post_init__(self) -> None:
        self.apis = {
            name: Api(
                Transactions(self.books, Operations(self.books, entities), self.faults),
                Subscriptions(self.webhooks, name, entities),
            )
            for name, entities in (("v2.0", STANDARD), (CUSTOM_API, CUSTOM))
        }

    async def answer(self, request: Request) -> Response:
        try:
            self._let_in(request)
            return await self._carry_out(request)
        except BusinessCentralError as error:
            return _response(Answer(error.status, error.body, _challenge(error)), error)

    def _let_in(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if request.url.path.startswith(ON_PREMISES):
            expected = base64.b64encode(f"{USER}:{ACCESS_KEY}".encode()).decode()
            if not hmac.compare_digest(given.encode(), f"Basic {expected}".encode()):
                raise errors.unauthorized()
            return
        try:
            self.tokens.verify(given, str(request.base_url))
        except InvalidToken as error:
            raise errors.unauthorized() from error

    async def _carry_out(self, request: Request) -> Response:
        found = _WHERE.fullmatch(request.url.path)
        if found is None:
            raise errors.unknown_segment(request.url.path)
        root = str(request.base_url).rstrip("/") + found["root"]
        api = self.apis.get(found["api"])
        if found["api"] == "microsoft/runtime/beta":
            return _response(_webhook_resources(found["path"]))
        if api is None:
            raise errors.unknown_segment(found["api"])
        path = found["path"]
        if path == "$metadata":
            document = metadata_document(found["api"] == CUSTOM_API)
            return Response(document, 200, {"OData-Version": "4.0"}, "application/xml")
        body = await _body(request)
        headers = dict(request.headers)
        if path == "$batch":
            return _response(Answer(200, self._batch(request, api, body, headers, root)))
        self.counts.add("single")
        operation = Operation(request.method, path, dict(request.query_params), headers, body)
        if path.startswith("subscriptions"):
            return _response(await api.subscriptions.execute(operation, root))
        return _response(api.transactions.carry_out(operation, root))

    def _batch(
        self,
        request: Request,
        api: Api,
        body: dict[str, object] | None,
        headers: dict[str, str],
        root: str,
    ) -> dict[str, object]:
        if request.method != "POST":
            raise errors.not_allowed(request.method, "$batch")
        self.counts.add("batch")
        fault = request.scope.get("drop_before_commit")
        dropped = None if fault is None else fault.changesets
        return answer_batch(body or {}, headers, api.transactions, root, dropped)


@dataclass(frozen=True, slots=True)
class Api:
    transactions: Transactions
    subscriptions: Subscriptions


def routes(service: Service) -> list[BaseRoute]:
    return [
        Route(f"{path}/{{rest:path}}", service.answer, methods=_METHODS)
        for path in (CLOUD, ON_PREMISES)
    ]


def _challenge(error: BusinessCentralError) -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer, Basic realm=""'} if error.status == 401 else {}


def _webhook_resources(path: str) -> Answer:
    found = re.fullmatch(r"companies\(([0-9a-fA-F-]{36})\)/webhookSupportedResources", path)
    if found is None or found[1] not in COMPANIES:
        raise errors.unknown_segment(path)
    base = f"/api/v2.0/companies({found[1]})"
    return Answer(200, {"value": [{"resource": f"{base}/{name}"} for name in SUPPORTED]})


async def _body(request: Request) -> dict[str, object] | None:
    pieces = body_pieces(
        request,
        _MAX_BODY,
        too_large=partial(BusinessCentralError, 413, "BadRequest", "The request is too large."),
        cut_off=partial(errors.malformed, "The connection ended within the body."),
    )
    content = await whole(pieces)
    if not content:
        return None
    try:
        body = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise errors.malformed("Invalid Request Body") from error
    if not isinstance(body, dict):
        raise errors.malformed("Invalid Request Body")
    return body


def _response(answer: Answer, error: BusinessCentralError | None = None) -> Response:
    headers = {"OData-Version": "4.0", **answer.headers}
    if error is not None:
        headers["ms-correlation-x"] = error.correlation_id
    if answer.body is None or isinstance(answer.body, bytes):
        return Response(answer.body, answer.status, headers)
    headers["Content-Type"] = JSON_TYPE
    return Response(json.dumps(answer.body, ensure_ascii=False), answer.status, headers)
