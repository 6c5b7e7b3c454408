"""The administration API over HTTP: Atom entries under the names of the entities.

Every api-version there is, is answered alike. A change is durable before it is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from infra.local.servicebus.broker import InvalidArgument
from infra.local.servicebus.server.administration.atom import entry_document, feed_document
from infra.local.servicebus.server.administration.lists import Collection
from infra.local.servicebus.server.administration.paths import resource_of
from infra.local.servicebus.server.administration.resources import Place, Resource
from infra.local.servicebus.server.administration.xml import (
    CONTENT_TYPE,
    description,
    document,
    element,
)
from infra.local.servicebus.server.core import Core
from infra.local.servicebus.server.errors import error_of, status_of

LARGEST_BODY = 256 * 1024
"""Bytes; no description comes near."""

LARGEST_PAGE = 100


class Administration:
    """An ASGI application; `since` is when the namespace began, ms since the epoch."""

    def __init__(self, core: Core, since: int) -> None:
        self._core = core
        self._since = since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except Exception as failure:
            response = _refusal(failure)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = str(request.scope["path"]).strip("/")
        token = request.headers.get("authorization", "")
        claims = self._core.authorization.claims_of_token(token)
        body = await _body(request)  # before the time is read: it may take a while to come
        host = request.headers.get("host", "localhost")
        place = Place(self._core.namespace, host, self._core.now(), self._since)
        resource = resource_of(path, place)
        claims.require(path, *resource.rights)
        if request.method not in resource.methods:
            return _not_served(request.method, resource.methods)
        if isinstance(resource, Collection):
            return _page(request, resource, place.now)
        return await self._entry(request, resource, body)

    async def _entry(self, request: Request, resource: Resource, body: bytes) -> Response:
        status = HTTPStatus.OK
        if request.method == "GET":
            entry = resource.get()
        elif request.method == "DELETE":
            resource.delete()
            await self._durable()
            return Response(status_code=HTTPStatus.OK)
        else:
            # The service knows updating and creating by this header alone (every SDK sends '*').
            update = "if-match" in request.headers
            entry = resource.put(description(body), update=update)
            await self._durable()
            status = HTTPStatus.OK if update else HTTPStatus.CREATED
        made = entry_document(entry, _origin(request), _query(request))
        return _xml(document(made), CONTENT_TYPE.format("entry"), status)

    async def _durable(self) -> None:
        self._core.watch_time()
        await self._core.committer.durable()


def _page(request: Request, collection: Collection, now: int) -> Response:
    parameters = _parameters(request)
    skip = _number(parameters, "$skip", 0)
    top = min(_number(parameters, "$top", LARGEST_PAGE), LARGEST_PAGE)
    everything = collection.everything()
    entries = [collection.entry(found) for found in everything[skip : skip + top]]
    query = _query(request)
    here = f"{_origin(request)}{request.url.path}?{query}"
    pages = [skip]
    if skip + top < len(everything) and top > 0:
        pages.append(skip + top)
    links = [f"{here}&$skip={start}&$top={top}" for start in pages]
    made = feed_document(collection.title, entries, now, _origin(request), query, links)
    return _xml(document(made), CONTENT_TYPE.format("feed"), HTTPStatus.OK)


def _query(request: Request) -> str:
    """What a client asked besides the page: as Azure does, addresses repeat it."""
    asked = request.query_params.multi_items()
    return urlencode([(name, value) for name, value in asked if not name.startswith("$")])


def _parameters(request: Request) -> Mapping[str, str]:
    return {name.lower(): value for name, value in request.query_params.items()}


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidArgument(f"{name}: '{text[:40]}' is no whole number from 0.")
    return int(text)


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise InvalidArgument(f"The request's body is larger than {LARGEST_BODY} bytes.")
    return body


def _not_served(method: str, methods: frozenset[str]) -> Response:
    allowed = ", ".join(sorted(methods))
    response = _error(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not served here; {allowed} are.")
    response.headers["allow"] = allowed
    return response


def _refusal(failure: Exception) -> Response:
    error = error_of(failure)
    return _error(status_of(error), error.description or error.condition)


def _error(status: int, text: str) -> Response:
    # The sub-code of the general case; the SDKs look for others (40301, 40901) in this text.
    detail = f"SubCode={status:d}00. {text}"
    made = element("Error", [element("Code", f"{status:d}"), element("Detail", detail)])
    return _xml(document(made), "application/xml; charset=utf-8", status)


def _xml(body: bytes, content_type: str, status: int) -> Response:
    return Response(body, status_code=status, headers={"content-type": content_type})
