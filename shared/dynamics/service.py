"""One environment's HTTP interface: signed in, governed, one deadline per exchange.

The only module that knows httpx. What a failure means for a write:

* not sent, throttled, refused: a DynamicsError; nothing was carried out
* connection lost, timed out, gateway error, cut-off answer: Uncertain, because Dynamics may have
  carried it out; only a look-up can tell
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from copy import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import httpx

from shared.clock import Clock
from shared.dynamics.governor.lanes import Lane
from shared.dynamics.odata.errors import DynamicsError, TryLater
from shared.dynamics.odata.messages import Operation, Response
from shared.dynamics.odata.responses import (
    RULES,
    Rule,
    entity_of,
    error_of,
    json_object,
    retry_after,
)
from shared.telemetry import THROTTLE_WAIT

if TYPE_CHECKING:
    from shared.dynamics.governor import Governor, Turn

MAX_ANSWER_BYTES = 128 * 1024 * 1024
"""A larger answer is not read to its end; 5,000 failures with stack traces take 20 MB."""

MAX_WAIT_SECONDS = 2.0
"""A Retry-After up to this is waited out, once; a longer one would outlast the message's lock."""

Entity = dict[str, Any]
Sleep = Callable[[float], Awaitable[None]]

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
CARRIED_OUT_PERHAPS = frozenset({408, 500, 502, 504})
"""Statuses that do not say whether a write was carried out, unless their text does."""

_log = logging.getLogger("tillbus.dynamics")


class Uncertain(Exception):
    """Nobody knows whether the request was carried out."""


class Service:
    """`root` is the service root without a slash at its end; `rules` judge the product's errors;
    `headers` go with every request; `auths`: sign-in by principal. With a `governor` every exchange
    waits for its turn in its `lane`; without one the first principal is used."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        root: str,
        *,
        auths: Mapping[str, httpx.Auth] | None = None,
        clock: Clock,
        timeout: timedelta,
        rules: Sequence[Rule] = RULES,
        headers: Mapping[str, str] | None = None,
        governor: Governor | None = None,
        lane: Lane = Lane.SALE,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.root = root
        self.clock = clock
        self.rules = rules
        self._http = http
        self._auths = auths or {}
        self._timeout = timeout.total_seconds()
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._governor = governor
        self._lane = lane
        self._sleep = sleep

    def in_lane(self, lane: Lane) -> Service:
        """Return the same service for calls of another urgency."""
        other = copy(self)
        other._lane = lane
        return other

    def anonymous(self) -> Service:
        """Return it without sign-in and governor, for URLs that carry their permission."""
        other = copy(self)
        other._auths, other._governor = {}, None
        return other

    async def read(self, operation: Operation) -> Response:
        """Return a success. Raises DynamicsError; reading twice does no harm."""
        try:
            response = await self.call(operation)
        except Uncertain as error:
            raise TryLater(f"Dynamics gave no answer: {error}") from error
        if not response.is_success:
            raise self.error(response)
        return response

    async def entity(self, operation: Operation) -> Entity | None:
        """Return the entity of a GET, None where there is none. Raises DynamicsError."""
        try:
            response = await self.call(operation)
        except Uncertain as error:
            raise TryLater(f"Dynamics gave no answer: {error}") from error
        return entity_of(response, self.clock(), self.rules)

    async def rows(self, operation: Operation) -> AsyncIterator[Entity]:
        """Yield the rows of a collection, page after page. Raises DynamicsError."""
        following: Operation | None = operation
        while following is not None:
            page = json_object(await self.read(following))
            for row in page.get("value", ()):
                yield row
            link = page.get("@odata.nextLink")
            following = self._next_page(str(link), operation) if link else None

    def _next_page(self, link: str, operation: Operation) -> Operation:
        """The path of the link at the address we know: our token goes nowhere else, and a proxy in
        front of an installation on premises may name a host only it can reach."""
        home = urlsplit(self.root)
        url = urlsplit(urljoin(f"{self.root}/", link))
        url = url._replace(scheme=home.scheme, netloc=home.netloc)
        return Operation("GET", url.geturl(), headers=operation.headers)

    async def write(self, operation: Operation) -> Response:
        """Return a success. Raises DynamicsError when it certainly was not carried out, Uncertain
        when nobody knows: `shared.dynamics.once` is for that."""
        response = await self.call(operation)
        if response.is_success:
            return response
        verdict = self.error(response)
        if response.status in CARRIED_OUT_PERHAPS and _says_nothing(verdict):
            raise Uncertain(f"HTTP {response.status}")
        raise verdict

    async def download(self, operation: Operation, take: Callable[[bytes], None]) -> None:
        """Hand a success' body over piece by piece, however large. Raises DynamicsError; what was
        handed over before is then worth nothing."""
        try:
            response = await self._exchange(operation, take)
        except Uncertain as error:
            raise TryLater(f"Dynamics gave no answer: {error}") from error
        if not response.is_success:
            raise self.error(response)

    def error(self, response: Response) -> DynamicsError:
        return error_of(response, self.clock(), self.rules)

    async def call(self, operation: Operation) -> Response:
        """Return what was answered, success or not; a short throttling is waited out once. Raises
        TryLater when nothing was sent, Uncertain when nothing certain came back."""
        response = await self._exchange(operation)
        wait = retry_after(response.headers, self.clock()) if response.status == 429 else None
        if wait is None or wait.total_seconds() > MAX_WAIT_SECONDS:
            return response
        THROTTLE_WAIT.record(wait.total_seconds())
        await self._sleep(wait.total_seconds())
        return await self._exchange(operation)

    async def _exchange(
        self, operation: Operation, take: Callable[[bytes], None] | None = None
    ) -> Response:
        async with self._turn() as turn:
            try:
                response = await self._send(operation, self._auth(turn), take)
            except _NEVER_SENT as error:
                raise TryLater(f"Dynamics cannot be reached: {_name(error)}.") from error
            except (httpx.HTTPError, TimeoutError) as error:
                _log.warning("No certain answer to %s: %s", operation.method, _name(error))
                raise Uncertain(_name(error)) from error
            if turn is not None:
                wait = retry_after(response.headers, self.clock()) or timedelta(0)
                turn.answered(response.status, response.headers, wait.total_seconds())
            return response

    def _turn(self) -> AbstractAsyncContextManager[Turn | None]:
        return nullcontext() if self._governor is None else self._governor.turn(self._lane)

    def _auth(self, turn: Turn | None) -> httpx.Auth | None:
        if turn is not None:
            return self._auths[turn.principal]
        return next(iter(self._auths.values()), None)

    async def _send(
        self,
        operation: Operation,
        auth: httpx.Auth | None,
        take: Callable[[bytes], None] | None,
    ) -> Response:
        # One deadline over the whole exchange; httpx's own timeouts are per read and write.
        path = operation.path
        url = path if path.startswith(("https://", "http://")) else f"{self.root}/{path}"
        headers = {**self._headers, **dict(operation.headers)}
        if operation.body:
            headers.setdefault("Content-Type", "application/json")
        async with asyncio.timeout(self._timeout):
            request = self._http.stream(
                operation.method,
                url,
                content=operation.body or None,
                headers=headers,
                auth=auth or httpx.USE_CLIENT_DEFAULT,
            )
            async with request as response:
                content = bytearray()
                keep = take if take is not None and response.is_success else content.extend
                async for chunk in response.aiter_bytes():
                    keep(chunk)
                    if len(content) > MAX_ANSWER_BYTES:
                        raise httpx.DecodingError("the answer is too large", request=None)
                lowered = {name.lower(): value for name, value in response.headers.items()}
                return Response(response.status_code, lowered, bytes(content))


def _says_nothing(verdict: DynamicsError) -> bool:
    return isinstance(verdict, TryLater) and not verdict.at_once


def _name(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".strip()
