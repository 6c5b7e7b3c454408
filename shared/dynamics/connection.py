"""Opening a product's service: HTTP client, sign-in of every principal, the rate governor."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from uuid import uuid4

import httpx

from shared.clock import Clock
from shared.dynamics.auth import TokenAuth, credential
from shared.dynamics.governor import Book, Governor, Pace
from shared.dynamics.odata.responses import RULES, Rule
from shared.dynamics.service import Service
from shared.dynamics.settings import ConnectionSettings

_CONNECT_SECONDS = 10


@asynccontextmanager
async def connect(
    settings: ConnectionSettings,
    path: str,
    *,
    clock: Clock,
    rules: Sequence[Rule] = RULES,
    headers: Mapping[str, str] | None = None,
    auths: Mapping[str, httpx.Auth] | None = None,
    book: Book | None = None,
    pace: Pace | None = None,
) -> AsyncIterator[Service]:
    """Give the service below `path` of the environment; connections close on leaving.

    `auths`: sign-in by principal where it is not a token of the settings' own; with a `book` every
    call waits for its turn in the environment's shared budget, each principal beginning at `pace`.
    """
    async with AsyncExitStack() as opened:
        if auths is None:
            auths = _sign_ins(settings, opened)
        timeout = httpx.Timeout(settings.timeout.total_seconds(), connect=_CONNECT_SECONDS)
        http = await opened.enter_async_context(
            httpx.AsyncClient(timeout=timeout, cookies=_no_cookies())
        )
        governor = None
        if book is not None:
            beginning = pace or Pace(_FIRST_RATE)
            governor = Governor(
                # With the path: where one host serves several products, each has limits of its own.
                f"{settings.base_url}{path}",
                dict.fromkeys(auths, beginning),
                book,
                clock=clock,
                instance=_instance(),
            )
        yield Service(
            http,
            f"{settings.base_url}{path}",
            auths=auths,
            clock=clock,
            timeout=settings.timeout,
            rules=rules,
            headers=headers,
            governor=governor,
        )


_FIRST_RATE = 10.0
"""Requests per second of a principal nobody knows anything about."""


def _sign_ins(settings: ConnectionSettings, opened: AsyncExitStack) -> dict[str, httpx.Auth]:
    auths: dict[str, httpx.Auth] = {}
    for each in settings.sign_ins():
        auth = TokenAuth(
            lambda each=each: credential(each),  # type: ignore[misc]
            settings.token_scope,
            scheme=settings.authorization_scheme,
        )
        opened.push_async_callback(auth.aclose)
        auths[each.client_id] = auth
    return auths


def _no_cookies() -> CookieJar:
    """Dynamics' affinity cookie would tie every call of a worker to one of its servers, and so to
    one server's limits."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


def _instance() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"
