"""HTTP below `/data` and `/api/services`: tokens checked, requests turned into operations, answers
into responses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra.local.dynamics.counts import Counts
from infra.local.dynamics.identity.tokens import InvalidToken, TokenAuthority
from infra.local.dynamics.odata.messages import Operation

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

_METHODS = ["GET", "POST", "PATCH", "DELETE", "PUT"]
_ODATA = {"OData-Version": "4.0"}
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
        ("/data/{resource:path}", _single, _METHODS),
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
        headers = {"WWW-Authenticate": challenge, "Content-Type": JSON_TYPE, **_ODATA}
        return Response(body, 401, headers)
    try:
        return await handler(service, request)
    except ODataError as error:
        return Response(error.body, error.status, {"Content-Type": JSON_TYPE, **_ODATA})


async def _batch(service: Service, request: Request) -> Response:
    service.counts.add("batch")
    content_type = request.headers.get("content-type", "")
    parts = await read_batch(content_type, _limited(request))
    fault = request.scope.get("drop_before_commit")
    writer = await answer_batch(
        BatchRequest(
            root=_root(request),
            continue_on_error=_continues(request.headers.get("prefer", "")),
            drop_before=None if fault is None else fault.changesets,
        ),
        parts,
        service.transactions,
        service.counts,
    )
    return Response(writer.body(), 200, {"Content-Type": writer.content_type, **_ODATA})


def _continues(prefer: str) -> bool:
    """Whether `odata.continue-on-error` is asked, alone or `=true` (OData Protocol 8.2.8.3)."""
    wanted = {"odata.continue-on-error", "continue-on-error"}
    for preference in prefer.lower().split(","):
        name, _, value = preference.strip().partition("=")
        if name in wanted:
            return value.strip() != "false"
    return False


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
    [answer] = service.transactions.carry_out([operation], _root(request))
    response = Response(answer.body, answer.status, _ODATA)
    for name, value in answer.headers:
        response.headers[name] = value
    return response


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
    return Response(json.dumps(body), 200, {"Content-Type": JSON_TYPE, **_ODATA})


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
    return Response(metadata_document(), 200, {"Content-Type": "application/xml", **_ODATA})


async def _service_document(_: Service, request: Request) -> Response:
    body = service_document(_root(request))
    return Response(body, 200, {"Content-Type": JSON_TYPE, **_ODATA})


def _root(request: Request) -> str:
    return f"{request.base_url}data/"


async def _limited(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces as they arrive; ODataError 413 beyond the limit."""
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > MAX_BODY:
                raise ODataError(413, None, message="The request is too large.")
            yield piece
    except ClientDisconnect as error:
        raise errors.malformed("The connection ended within the body.") from error
