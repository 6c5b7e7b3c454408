"""HTTP below `/api/data/v9.x`: tokens checked, requests turned into operations and back."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra.local.dynamics.counts import Counts
from infra.local.dynamics.identity.tokens import InvalidToken, TokenAuthority
from infra.local.dynamics.odata.http import (
    METHODS,
    ODATA,
    body_pieces,
    continues_on_error,
    operation_of,
    response_of,
    whole,
)

from . import errors
from .batch import BatchRequest, answer_batch, read_batch
from .errors import JSON_TYPE, DataverseError
from .metadata import metadata_document
from .transactions import Transactions

MAX_BODY = 116 * 1024 * 1024
"""Bytes of one request (Microsoft: message size and timeout limits)."""

_BASE = "/api/data/v9.{minor:int}"


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
        ("{resource:path}", _single, METHODS),
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
    own = {"Content-Type": JSON_TYPE, "REQ_ID": str(uuid.uuid4()), **ODATA, **headers}
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
            continue_on_error=continues_on_error(request.headers.get("prefer", "")),
            drop_before=None if fault is None else fault.changesets,
        ),
        parts,
        service.transactions,
        service.counts,
    )
    return Response(writer.body(), status, {"Content-Type": writer.content_type, **ODATA})


async def _single(service: Service, request: Request) -> Response:
    service.counts.add("single")
    operation = operation_of(request, await whole(_limited(request)))
    answer = service.transactions.one(operation, _root(request))
    return response_of(answer)


async def _metadata(_: Service, request: Request) -> Response:
    return Response(metadata_document(), 200, {"Content-Type": "application/xml", **ODATA})


async def _who_am_i(_: Service, request: Request) -> Response:
    nobody = str(uuid.UUID(int=0))
    names = ("BusinessUnitId", "UserId", "OrganizationId")
    context = f"{_root(request)}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse"
    body = {"@odata.context": context, **dict.fromkeys(names, nobody)}
    return Response(to_json(body), 200, {"Content-Type": JSON_TYPE, **ODATA})


def _path(request: Request) -> str:
    return f"/api/data/v9.{request.path_params['minor']}/"


def _root(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}{_path(request)}"


def _limited(request: Request) -> AsyncIterator[bytes]:
    return body_pieces(
        request,
        MAX_BODY,
        too_large=partial(DataverseError, 413, "0x80040216", "The request is too large."),
        cut_off=partial(errors.malformed, "The connection ended within the body."),
    )
