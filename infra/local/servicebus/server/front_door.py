"""One port for everything a Service Bus client may speak; the first byte decides.

    'A'         AMQP, plain
    0x16        TLS (a handshake record, RFC 8446, 5.1); the first byte inside it decides again
    'B' to 'Z'  an HTTP method: the administration API, or AMQP over WebSocket
    the rest    nothing we speak: AMQP's own answer to a foreign header

Once it is decided the transport belongs to the protocol that speaks it, so nothing stands between
an AMQP peer and its connection.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 20.0
"""From accepting a connection to its first byte, and again for TLS; the SDKs need far less."""

_TLS_HANDSHAKE = 0x16
_METHODS = range(ord("B"), ord("Z") + 1)
_UNDECIDED_BYTES = 64 * 1024
"""What may gather while a TLS handshake ends; it lasts one turn of the loop."""


class FrontDoor:
    """Listens, and makes of every connection what it turns out to be."""

    def __init__(
        self,
        amqp: Callable[[], asyncio.Protocol],
        http: Callable[[], asyncio.Protocol],
        tls: Callable[[], ssl.SSLContext],
    ) -> None:
        self.amqp = amqp
        self.http = http
        self.tls = tls
        self.undecided: set[Undecided] = set()
        self._servers: list[asyncio.Server] = []

    async def listen(self, host: str, port: int) -> int:
        """Open one more port; return it. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(lambda: Undecided(self), host, port))
        return int(self._servers[-1].sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening and hang up on whoever is undecided."""
        for server in self._servers:
            server.close()
        for connection in list(self.undecided):
            connection.abort()


class Undecided(asyncio.Protocol):
    """A connection until its first byte, or its TLS handshake and the first byte inside it."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._early = b""
        self._secure = False
        self._securing: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._door.undecided.add(self)
        self._deadline = self._loop.call_later(HANDSHAKE_SECONDS, self._too_late)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._door.undecided.discard(self)
        self._deadline.cancel()

    def data_received(self, data: bytes) -> None:
        if self._securing is not None:  # decrypted before the handshake was reported to us
            self._early += data
            if len(self._early) > _UNDECIDED_BYTES:
                self.abort()
        elif data[0] == _TLS_HANDSHAKE and not self._secure:
            self._securing = self._loop.create_task(self._start_tls(data))
        else:
            self._decide(data)

    def _too_late(self) -> None:
        self._note("connection cut: silent for %d s after connecting", HANDSHAKE_SECONDS)
        self.abort()

    def _note(self, text: str, *details: object) -> None:
        name = self._transport.get_extra_info("peername")
        peer = ":".join(map(str, name[:2])) if isinstance(name, tuple) else str(name)
        log.info(text, *details, extra={"peer": peer})

    def abort(self) -> None:
        if self._securing is not None:
            self._securing.cancel()
        self._transport.abort()

    def _decide(self, data: bytes) -> None:
        self._door.undecided.discard(self)
        self._deadline.cancel()
        protocol: Any = self._door.http() if data[0] in _METHODS else self._door.amqp()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(data)

    async def _start_tls(self, hello: bytes) -> None:
        """Hand the transport to the loop's TLS, together with the bytes that were read already."""
        outer = self._transport
        try:
            context = self._door.tls()
        except Exception:  # TLS is out of order, the rest is not
            log.exception("there is no certificate for TLS")
            outer.abort()
            return
        starting = self._loop.create_task(
            self._loop.start_tls(
                outer,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        )
        # start_tls installs its protocol in its first step, which is over after this turn, and has
        # it told of the transport in the next; _feed runs then, before anything else is read.
        await asyncio.sleep(0)
        if not starting.done():
            self._loop.call_soon(_feed, outer, hello)
        try:
            self._transport = await starting
        except (OSError, ssl.SSLError, ConnectionError) as error:
            self._note("connection cut: the TLS handshake failed: %s", error)
            self._door.undecided.discard(self)
            self._deadline.cancel()
            return
        self._securing, self._secure = None, True
        early, self._early = self._early, b""
        if early:
            self._decide(early)


def _feed(transport: Any, data: bytes) -> None:
    """Give bytes to the buffered protocol that has taken over a transport."""
    protocol = transport.get_protocol()
    while data and not transport.is_closing():
        buffer = protocol.get_buffer(len(data))
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]


def open_websocket(amqp: Callable[[], asyncio.Protocol]) -> Callable[..., asyncio.Protocol]:
    """Return what takes a connection over from uvicorn's HTTP protocol, by its arguments."""

    def take_over(**_uvicorn: Any) -> asyncio.Protocol:
        # Imported when it is first needed: it would take a quarter of the time to start.
        from infra.local.servicebus.server.websocket import WebSocketServer

        return WebSocketServer(amqp)

    return take_over
