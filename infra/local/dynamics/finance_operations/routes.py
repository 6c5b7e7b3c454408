"""HTTP below `/data` and `/api/services`: tokens checked, requests turned into operations, answers
into responses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

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
from .bodies import JSON_TYPE
from .errors import ODataError
from .metadata import metadata_document, service_document
from .packages import MAX_BLOB, Packages
from .services import CustomServices
from .transactions import Transactions

MAX_BODY = 64 * 1024 * 1024
"""Bytes of one request; 5,000 operations of the widest entity fit four times over."""

_ACTIONS = "DataManagementDefinitionGroups/Microsoft.Dynamics.DataEntities"


@dataclass(frozen=True, slots=True)
class Service:
    tokens: TokenAuthority
    transactions: Transactions
    counts: Counts
    packages: Packages
    custom_services: CustomServices


_Answer = Callable[[Service, Request], Awaitable[Response]]


def routes(service: Service) -> list[BaseRoute]:
    handlers: list[tuple[str, _Answer, list[str]]] = [
        ("/data/$batch", _batch, ["POST"]),
        ("/data/$metadata", _metadata, ["GET"]),
        ("/data", _service_document, ["GET"]),
        ("/data/", _service_document, ["GET"]),
        (f"/data/{_ACTIONS}.{{action}}", _action, ["POST"]),
        ("/data/{resource:path}", _single, METHODS),
        ("/api/services/{group}/{service}/{operation}", _custom_service, ["POST"]),
    ]
    guarded = [
        Route(path, partial(_guarded, service, handler), methods=methods)
        for path, handler, methods in handlers
    ]
    # A blob is written with nothing but its URL, as Azure Storage takes a shared access signature.
    return [Route("/data_blob/{blob}", partial(_put_blob, service), methods=["PUT"]), *guarded]


async def _guarded(service: Service, handler: _Answer, request: Request) -> Response:
    """Let through who has a token for this host; answer every failure as the product does."""
    try:
        service.tokens.verify(request.headers.get("authorization", ""), str(request.base_url))
    except InvalidToken as error:
        challenge = (
            f'Bearer error="invalid_token", error_description="{error}", '
            f'authorization_uri="{service.tokens.authority}"'
        )
        body = errors.unauthorized(str(error)).body
        headers = {"WWW-Authenticate": challenge, "Content-Type": JSON_TYPE, **ODATA}
        return Response(body, 401, headers)
    try:
        return await handler(service, request)
    except ODataError as error:
        return Response(error.body, error.status, {"Content-Type": JSON_TYPE, **ODATA})


async def _batch(service: Service, request: Request) -> Response:
    service.counts.add("batch")
    content_type = request.headers.get("content-type", "")
    parts = await read_batch(content_type, _limited(request))
    fault = request.scope.get("drop_before_commit")
    writer = await answer_batch(
        BatchRequest(
            root=_root(request),
            continue_on_error=continues_on_error(request.headers.get("prefer", "")),
            drop_before=None if fault is None else fault.changesets,
        ),
        parts,
        service.transactions,
        service.counts,
    )
    return Response(writer.body(), 200, {"Content-Type": writer.content_type, **ODATA})


async def _single(service: Service, request: Request) -> Response:
    service.counts.add("single")
    operation = operation_of(request, await whole(_limited(request)))
    [answer] = service.transactions.carry_out([operation], _root(request))
    return response_of(answer)


async def _action(service: Service, request: Request) -> Response:
    """The actions of the package API; each answers one text."""
    service.counts.add("actions")
    packages = service.packages
    actions: dict[str, Callable[[Mapping[str, object]], str]] = {
        "GetAzureWriteUrl": partial(packages.write_url, str(request.base_url)),
        "ImportFromPackage": packages.import_package,
        "GetExecutionSummaryStatus": packages.status,
        "GetExecutionErrors": packages.errors,
    }
    action = actions.get(request.path_params["action"])
    if action is None:
        raise errors.not_found(f"No action is called '{request.path_params['action']}'.")
    try:
        parameters = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise errors.malformed(f"The body is not JSON: {error}") from error
    body = {"@odata.context": f"{_root(request)}$metadata#Edm.String", "value": action(parameters)}
    return Response(json.dumps(body), 200, {"Content-Type": JSON_TYPE, **ODATA})


async def _custom_service(service: Service, request: Request) -> Response:
    service.counts.add("custom-services")
    return await service.custom_services.answer(request)


async def _put_blob(service: Service, request: Request) -> Response:
    service.counts.add("blobs")
    if "authorization" in request.headers:
        return Response("A shared access signature is the only authorization here.", 403)
    if request.headers.get("x-ms-blob-type") != "BlockBlob":
        return Response("x-ms-blob-type must be BlockBlob.", 400)
    content = await request.body()
    if len(content) > MAX_BLOB:
        return Response("The blob is too large.", 413)
    known = service.packages.put_blob(request.path_params["blob"], content)
    return Response(b"", 201 if known else 404)


async def _metadata(_: Service, request: Request) -> Response:
    return Response(metadata_document(), 200, {"Content-Type": "application/xml", **ODATA})


async def _service_document(_: Service, request: Request) -> Response:
    body = service_document(_root(request))
    return Response(body, 200, {"Content-Type": JSON_TYPE, **ODATA})


def _root(request: Request) -> str:
    return f"{request.base_url}data/"


def _limited(request: Request) -> AsyncIterator[bytes]:
    return body_pieces(
        request,
        MAX_BODY,
        too_large=partial(ODataError, 413, None, message="The request is too large."),
        cut_off=partial(errors.malformed, "The connection ended within the body."),
    )
