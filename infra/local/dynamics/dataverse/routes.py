"""HTTP below `/api/data/v9.x`: tokens checked, requests turned into operations and back."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from pydantic_core import to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra.local.dynamics.counts import Counts
from infra.local.dynamics.identity.tokens import InvalidToken, TokenAuthority
from infra.local.dynamics.odata.messages import Operation

from . import errors
from .batch import BatchRequest, answer_batch, read_batch
from .errors import JSON_TYPE, DataverseError
from .metadata import metadata_document
from .transactions import Transactions

MAX_BODY = 116 * 1024 * 1024
"""Bytes of one request (Microsoft: message size and timeout limits)."""

_BASE = "/api/data/v9.{minor:int}"
_METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT"]
_ODATA = {"OData-Version": "4.0"}


@dataclass(frozen=True, slots=True)
class Service:
    tokens: TokenAuthority
    transactions: Transactions
    counts: Counts


_Answer = Callable[[Service, Request], Awaitable[Response]]


def routes(service: Service) -> list[BaseRoute]:
    handlers: list[tuple[str, _Answer, list[str]]] = [
        ("$batch", _batch, ["POST"]),
        ("$metadata", _metadata, ["GET"]),
        ("WhoAmI", _who_am_i, ["GET"]),
        ("WhoAmI()", _who_am_i, ["GET"]),
        ("{resource:path}", _single, _METHODS),
    ]
    return [
        Route(
            f"/api/data/v9.{{minor:int}}/{path}",
            partial(_guarded, service, handler),
            methods=methods,
        )
        for path, handler, methods in handlers
    ]


async def _guarded(service: Service, handler: _Answer, request: Request) -> Response:
    """Let through who has a token for this host; answer every failure as the product does."""
    try:
        service.tokens.verify(request.headers.get("authorization", ""), str(request.base_url))
    except InvalidToken as error:
        challenge = (
            f'Bearer authorization_uri="{service.tokens.authority}/oauth2/authorize", '
            f'resource_id="{request.base_url}"'
        )
        refused = errors.unauthorized(str(error))
        return _refusal(refused, {"WWW-Authenticate": challenge})
    try:
        return await handler(service, request)
    except DataverseError as error:
        return _refusal(error, {})


def _refusal(error: DataverseError, headers: dict[str, str]) -> Response:
    own = {"Content-Type": JSON_TYPE, "REQ_ID": str(uuid.uuid4()), **_ODATA, **headers}
    return Response(error.body, error.status, own)


async def _batch(service: Service, request: Request) -> Response:
    service.counts.add("batch")
    path = _path(request)
    parts = await read_batch(request.headers.get("content-type", ""), _limited(request), path)
    fault = request.scope.get("drop_before_commit")
    status, writer = await answer_batch(
        BatchRequest(
            root=_root(request),
            path=path,
            continue_on_error="odata.continue-on-error" in request.headers.get("prefer", ""),
            drop_before=None if fault is None else fault.changesets,
        ),
        parts,
        service.transactions,
        service.counts,
    )
    return Response(writer.body(), status, {"Content-Type": writer.content_type, **_ODATA})


async def _single(service: Service, request: Request) -> Response:
    service.counts.add("single")
    body = b"".join([piece async for piece in _limited(request)])
    operation = Operation(
        request.method,
        request.path_params["resource"],
        dict(request.query_params),
        dict(request.headers),
        body,
    )
    answer = service.transactions.one(operation, _root(request))
    response = Response(answer.body, answer.status, _ODATA)
    for name, value in answer.headers:
        response.headers[name] = value
    return response


async def _metadata(_: Service, request: Request) -> Response:
    return Response(metadata_document(), 200, {"Content-Type": "application/xml", **_ODATA})


async def _who_am_i(_: Service, request: Request) -> Response:
    nobody = str(uuid.UUID(int=0))
    names = ("BusinessUnitId", "UserId", "OrganizationId")
    context = f"{_root(request)}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse"
    body = {"@odata.context": context, **dict.fromkeys(names, nobody)}
    return Response(to_json(body), 200, {"Content-Type": JSON_TYPE, **_ODATA})


def _path(request: Request) -> str:
    return f"/api/data/v9.{request.path_params['minor']}/"


def _root(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}{_path(request)}"


async def _limited(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces as they arrive; 413 beyond the limit."""
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > MAX_BODY:
                raise DataverseError(413, "0x80040216", "The request is too large.")
            yield piece
    except ClientDisconnect as error:
        raise errors.malformed("The connection ended within the body.") from error
