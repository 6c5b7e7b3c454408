"""Where the administration API is served.

Its requests carry an `api-version`; that tells them from others on the same port, so that an entity
may have any name.
"""

from __future__ import annotations

from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.local.servicebus.server.core import Core

VERSION = "api-version"


def routes(core: Core) -> list[Route]:
    return [_VersionedRoute("/{path:path}", _OnFirstUse(core))]


class _VersionedRoute(Route):
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if VERSION.encode() not in scope.get("query_string", b"").lower():
            return Match.NONE, {}
        return super().matches(scope)


class _OnFirstUse:
    """Most buses are never administered, and the rest of this package costs a tenth of the time
    they take to start."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._since = core.now()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            from infra.local.servicebus.server.administration.application import Administration

            self._app = Administration(self._core, self._since)
        await self._app(scope, receive, send)
