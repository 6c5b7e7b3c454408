"""Sends `$batch` requests over httpx and says which items were answered for certain.

The only module that knows both httpx and OData. What a failure means for the items:

* not sent, throttled, refused as a whole: a DynamicsError; nothing was carried out
* connection lost, timed out, gateway error, unreadable or cut-off answer: items without answer,
  because Dynamics may have carried them out; only a look-up can tell
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import httpx

from shared.clock import Clock
from shared.dynamics.odata.batch import (
    Answer,
    Item,
    MalformedBatch,
    Response,
    batch_headers,
    build_batch,
    line_up,
    parse_batch,
)
from shared.dynamics.odata.errors import (
    AlreadyExists,
    MissingParent,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.odata.responses import error_of, is_success

MAX_ANSWER_BYTES = 128 * 1024 * 1024
"""A larger answer is not read to its end; 5,000 failures with stack traces take 20 MB."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_CARRIED_OUT_PERHAPS = frozenset({408, 500, 502, 504})

_log = logging.getLogger("tillbus.dynamics")


class ODataClient:
    """One environment's OData service; `root` ends in `/data`."""

    def __init__(
        self, http: httpx.AsyncClient, root: str, *, clock: Clock, timeout: timedelta
    ) -> None:
        self._http = http
        self._root = root
        self._clock = clock
        self._timeout = timeout.total_seconds()

    async def batch(self, items: Sequence[Item]) -> list[Answer | None]:
        """Return one answer per item, None where it is uncertain; raises when none was carried out.

        Raises TryLater or SetUpWrong.
        """
        try:
            outer = await self._send(build_batch(items, self._root))
        except _NEVER_SENT as error:
            raise TryLater(f"Dynamics cannot be reached: {_name(error)}.") from error
        except (httpx.HTTPError, TimeoutError) as error:
            return self._uncertain(items, _name(error))
        if not is_success(outer):
            if outer.status in _CARRIED_OUT_PERHAPS:
                return self._uncertain(items, f"HTTP {outer.status}")
            refusal = error_of(outer, self._clock())
            if isinstance(refusal, Refused | MissingParent | AlreadyExists):
                # Refusing the envelope says nothing about the items in it.
                raise SetUpWrong(refusal.evidence)
            raise refusal
        try:
            answers = parse_batch(outer.headers.get("content-type", ""), outer.body)
        except MalformedBatch as error:
            return self._uncertain(items, str(error))
        return line_up(items, answers)

    def _uncertain(self, items: Sequence[Item], cause: str) -> list[Answer | None]:
        _log.warning("No certain answer to a $batch of %d items: %s", len(items), cause)
        return [None] * len(items)

    async def _send(self, body: bytes) -> Response:
        # One deadline over the whole exchange; httpx's own timeouts are per read and write.
        url = f"{self._root}/$batch"
        async with asyncio.timeout(self._timeout):
            request = self._http.stream("POST", url, content=body, headers=batch_headers())
            async with request as response:
                content = bytearray()
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_ANSWER_BYTES:
                        raise httpx.DecodingError("the answer is too large", request=None)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Response(response.status_code, headers, bytes(content))


def _name(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".strip()
