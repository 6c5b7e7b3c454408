"""AMQP over WebSocket: binary frames whose payloads, one after the other, are AMQP's bytes.

Source: OASIS "AMQP WebSocket Binding", with the path and the subprotocol Service Bus uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from infra.local.servicebus.server.security import is_loopback

PATH = "/$servicebus/websocket"
"""The .NET SDK adds a slash."""

SUBPROTOCOL = "AMQPWSB10"


_MESSAGE_BYTES = 64 * 1024
"""Largest message to a client: aiohttp, in Python's SDK, takes 4 MiB, others less."""


class WebSocketTransport:
    """What the AMQP client writes to; it leaves in binary messages."""

    def __init__(self, outer: Any, ws: WSConnection) -> None:
        self._outer = outer
        self._ws = ws
        self._closing = False

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), _MESSAGE_BYTES):
            self.send(BytesMessage(data[start : start + _MESSAGE_BYTES]))

    def close(self) -> None:
        if not self._closing:
            self.send(CloseConnection(CloseReason.NORMAL_CLOSURE))
            self.hang_up()

    def abort(self) -> None:
        self._closing = True
        self._outer.abort()

    def is_closing(self) -> bool:
        return self._closing or bool(self._outer.is_closing())

    def pause_reading(self) -> None:
        self._outer.pause_reading()

    def resume_reading(self) -> None:
        self._outer.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._outer.get_extra_info(name, default)

    def send(self, event: Event) -> None:
        """Write an event unless the peer has said goodbye."""
        if self.is_closing():
            return
        try:
            self._outer.write(self._ws.send(event))
        except LocalProtocolError:
            self.hang_up()

    def hang_up(self) -> None:
        self._closing = True
        self._outer.close()


class WebSocketServer(asyncio.Protocol):
    """Takes a connection over from the HTTP protocol, which repeats the upgrade request to it."""

    def __init__(self, amqp: Callable[[], asyncio.Protocol]) -> None:
        self._new_client = amqp
        self._client: asyncio.Protocol | None = None
        self._ws = WSConnection(ConnectionType.SERVER)

    def connection_made(self, transport: Any) -> None:
        self._transport = WebSocketTransport(transport, self._ws)

    def data_received(self, data: bytes) -> None:
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():  # each before the next changes what may be sent
                _ACTIONS.get(type(event), _ignore)(self, event)
        except RemoteProtocolError as error:
            if error.event_hint is not None:
                self._transport.send(error.event_hint)
            self._transport.hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._client is not None:
            self._client.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._client is not None:
            self._client.pause_writing()

    def resume_writing(self) -> None:
        if self._client is not None:
            self._client.resume_writing()

    def _requested(self, request: Request) -> None:
        if request.target.partition("?")[0].rstrip("/").lower() != PATH:
            self._reject(404, f"WebSockets are served at {PATH} only.")
        elif SUBPROTOCOL not in request.subprotocols:
            self._reject(400, f"The WebSocket subprotocol served is {SUBPROTOCOL}.")
        elif _foreign(request):
            self._reject(403, "Pages of other sites cannot connect.")
        else:
            self._transport.send(AcceptConnection(subprotocol=SUBPROTOCOL))
            self._client = self._new_client()
            self._client.connection_made(self._transport)  # type: ignore[arg-type]

    def _reject(self, status: int, text: str) -> None:
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text))]
        self._transport.send(RejectConnection(status_code=status, headers=headers, has_body=True))
        self._transport.send(RejectData(data=text.encode(), body_finished=True))
        self._transport.hang_up()

    def _received(self, message: BytesMessage) -> None:
        if self._client is not None and not self._transport.is_closing():
            self._client.data_received(bytes(message.data))

    def _received_text(self, _message: TextMessage) -> None:
        self._transport.send(CloseConnection(CloseReason.UNSUPPORTED_DATA, "AMQP is binary."))
        self._transport.hang_up()

    def _pinged(self, ping: Ping) -> None:
        self._transport.send(ping.response())

    def _closed(self, goodbye: CloseConnection) -> None:
        self._transport.send(goodbye.response())
        self._transport.hang_up()


def _foreign(request: Request) -> bool:
    """Say whether a page of another site asks: browsers let every page connect to this machine, and
    name the page (RFC 6455, 10.2)."""
    origin = dict(request.extra_headers).get(b"origin")
    if origin is None:
        return False
    try:
        page = urlsplit(origin.decode()).hostname or ""
        return not is_loopback(page) and page != urlsplit(f"//{request.host}").hostname
    except ValueError:
        return True


def _ignore(_server: WebSocketServer, _event: Event) -> None:
    """Pongs need no answer."""


_ACTIONS: dict[type[Event], Any] = {
    Request: WebSocketServer._requested,
    BytesMessage: WebSocketServer._received,
    TextMessage: WebSocketServer._received_text,
    Ping: WebSocketServer._pinged,
    CloseConnection: WebSocketServer._closed,
}
