"""HTTP triggers and the host's own admin endpoints (azure-functions.md 7)."""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from infra.local.functions.errors import ConfigurationError, InvocationFailed
from infra.local.functions.functions import Function, HttpTrigger
from infra.local.functions.invoker import Invoker
from infra.local.functions.protos import TypedData
from infra.local.functions.routes import Route, compile_route
from infra.local.functions.trace import new_traceparent, valid_traceparent

_log = logging.getLogger(__name__)

AdminAction = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Keys:
    """Access keys: `functions` holds a host key under `default` and keys per function name."""

    master: str
    functions: Mapping[str, str] = field(default_factory=dict)

    def opens(self, level: str, function: str, given: str) -> bool:
        allowed = [self.master]
        if level == "function":
            allowed += [self.functions[n] for n in ("default", function) if n in self.functions]
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in allowed)


def load_keys(path: Path) -> Keys:
    """Read `{"master": "...", "functions": {"default": "...", "<function>": "..."}}`."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Keys(str(document["master"]), dict(document.get("functions", {})))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"The keys file {path} cannot be read: {error!r}.") from error


def problem(status: int, title: str, detail: str) -> Response:
    """An RFC 9457 problem document."""
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
    )


class HttpApp:
    """The ASGI application: functions under the route prefix, `/admin` beside them."""

    def __init__(
        self,
        functions: Sequence[Function],
        invoker: Invoker,
        *,
        route_prefix: str,
        keys: Keys | None,
        admin: Mapping[tuple[str, str], AdminAction],
    ) -> None:
        self._invoker = invoker
        self._keys = keys
        self._admin = admin
        prefix = route_prefix.strip("/")
        self._routes: list[tuple[Route, Function, HttpTrigger]] = []
        for function in functions:
            trigger = function.trigger
            if isinstance(trigger, HttpTrigger):
                route = compile_route(f"{prefix}/{trigger.route.strip('/')}")
                self._routes.append((route, function, trigger))
        self._routes.sort(key=lambda entry: entry[0].precedence)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Exception:
            _log.exception("%s %s failed in the host.", request.method, request.url.path)
            response = problem(500, "Internal Server Error", "The host failed; its log says how.")
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path.startswith("/admin/"):
            return await self._administer(request)
        if path == "/":
            return Response(status_code=204)
        for route, function, trigger in self._routes:
            if trigger.methods and request.method not in trigger.methods:
                continue
            parameters = route.match(path)
            if parameters is not None:
                if not self._allowed(request, trigger.auth_level, function.name):
                    return problem(401, "Unauthorized", "This function needs a valid key.")
                return await self._invoke(request, function, parameters)
        return problem(404, "Not Found", f"No function answers {request.method} {path}.")

    async def _administer(self, request: Request) -> Response:
        action = self._admin.get((request.method, request.url.path.rstrip("/")))
        if action is None:
            return problem(404, "Not Found", f"No such admin endpoint: {request.url.path}.")
        if not self._allowed(request, "admin", ""):
            return problem(401, "Unauthorized", "Admin endpoints need the master key.")
        return await action(request)

    def _allowed(self, request: Request, level: str, function: str) -> bool:
        if self._keys is None or level == "anonymous":
            return True
        given = request.headers.get("x-functions-key") or request.query_params.get("code") or ""
        return self._keys.opens(level, function, given)

    async def _invoke(
        self, request: Request, function: Function, parameters: Mapping[str, str]
    ) -> Response:
        value = TypedData(
            http=SimpleNamespace(
                method=request.method,
                url=str(request.url),
                headers=dict(request.headers),  # Starlette has them in lower case, as the host
                params=parameters,
                query={name: v for name, v in request.query_params.items() if v},
                body=TypedData(bytes=await request.body()),
            )
        )
        trace_parent = valid_traceparent(request.headers.get("traceparent")) or new_traceparent()
        try:
            result = await self._invoker.invoke(function, value, {}, trace_parent)
        except InvocationFailed:
            return problem(
                500, "Internal Server Error", f"The function {function.name!r} raised an error."
            )
        return _response(result.return_value)


def _response(value: TypedData | None) -> Response:
    kind = value.WhichOneof("data") if value is not None else None
    if value is None or kind is None:
        return Response(status_code=204)
    if kind != "http":
        return Response(getattr(value, kind), media_type="text/plain; charset=utf-8")
    http = cast(Any, value).http
    body = http.body
    body_kind = body.WhichOneof("data") if body is not None else None
    response = Response(
        getattr(body, body_kind) if body_kind else b"", status_code=int(http.status_code)
    )
    for name, content in http.headers.items():
        response.headers[name] = content
    for cookie in http.cookies or ():
        _set_cookie(response, cookie)
    return response


_SAME_SITE = {1: "none", 2: "lax", 3: "strict"}


def _set_cookie(response: Response, cookie: Any) -> None:
    def given(field_name: str) -> Any:
        wrapped = getattr(cookie, field_name)
        return None if wrapped is None else wrapped.value

    max_age = given("max_age")
    response.set_cookie(
        cookie.name,
        cookie.value,
        max_age=None if max_age is None else int(max_age),
        expires=given("expires"),
        path=given("path") or "/",
        domain=given("domain"),
        secure=bool(given("secure")),
        httponly=bool(given("http_only")),
        samesite=cast(Any, _SAME_SITE.get(cookie.same_site)),
    )
