"""One TCP connection: feeds its bytes to the protocol and writes what comes out.

Writes are gathered and leave once per turn; a peer that does not read is neither read from nor
served until it does, so what waits for it stays bounded.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from infra.local.servicebus.amqp import Connection
from infra.local.servicebus.amqp.connection import FAREWELL
from infra.local.servicebus.amqp.events import (
    Arrived,
    Attached,
    Closed,
    Credited,
    Detached,
    Disposed,
    Event,
    Oversize,
)
from infra.local.servicebus.amqp.link import Link, OutgoingLink
from infra.local.servicebus.amqp.performatives import Error
from infra.local.servicebus.broker import BrokerError
from infra.local.servicebus.server.attach import attach
from infra.local.servicebus.server.cbs import ConnectionClaims
from infra.local.servicebus.server.core import Core
from infra.local.servicebus.server.errors import INTERNAL_ERROR, error_of
from infra.local.servicebus.server.expiry import Expiry
from infra.local.servicebus.server.injection import inject
from infra.local.servicebus.server.nodes import Node
from infra.local.servicebus.server.transactions import ClientTransactions

log = logging.getLogger(__name__)

CONTAINER_ID = "tillbus"


class Client(asyncio.Protocol):
    """An accepted connection; `clients` is the set of those that live."""

    def __init__(self, core: Core, clients: set[Client]) -> None:
        self.core = core
        self.paused = False
        self._clients = clients
        self._loop = asyncio.get_running_loop()
        self._ticker: asyncio.TimerHandle | None = None
        self._flushing = False
        self._with_credit: dict[OutgoingLink, Callable[[], None]] = {}

    @property
    def container_id(self) -> str:
        """What the peer calls itself; empty before it has said so."""
        return self.connection.peer_container_id

    @property
    def peer(self) -> str:
        """The peer's address, host:port."""
        name = self._transport.get_extra_info("peername")
        return ":".join(str(part) for part in name[:2]) if isinstance(name, tuple) else str(name)

    def note(self, level: int, text: str, *details: object) -> None:
        """Log something about this peer."""
        if log.isEnabledFor(level):
            about = {"peer": self.peer, "client": self.container_id}
            log.log(level, text, *details, extra=about)

    # asyncio

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.claims = ConnectionClaims(self)
        self.connection = Connection(
            CONTAINER_ID,
            open_within=self.core.open_within,
            sign_in=self.claims.sign_in,
            now=self._loop.time(),
        )
        self.transactions = ClientTransactions(self.core)
        self._expiry = Expiry(self) if self.core.expire_idle else None
        self._clients.add(self)
        self.note(logging.DEBUG, "connected")
        self._tick()

    def data_received(self, data: bytes) -> None:
        was_open = self.connection.is_open
        self._act(self.connection.receive(data, self._loop.time()))
        if self.connection.is_open is not was_open:
            self._check_count()
            self._tick()  # from now on it is about keeping the connection alive
        self.flush()
        self.core.watch_time()

    def _check_count(self) -> None:
        limits = self.core.namespace.limits
        if limits is not None and self.connection.is_open:
            try:
                limits.check_count("connections", len(self._clients))
            except BrokerError as refusal:
                self.close(error_of(refusal))

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.discard(self)
        self.claims.close()
        if self._expiry is not None:
            self._expiry.close()
        if self._ticker is not None:
            self._ticker.cancel()
        self._act(self.connection.lost())

    def pause_writing(self) -> None:
        self.paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self.paused = False
        self._transport.resume_reading()
        for link in self.connection.links():
            if link.owner is not None:
                link.owner.credited()
        self.flush_soon()

    # For nodes

    def flush_soon(self) -> None:
        """Write what has gathered at the end of this turn of the loop."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        self._flushing = False
        output = self.connection.take_output()
        if output and not self._transport.is_closing():
            self._transport.write(output)
            self.connection.written(self._loop.time())

    def refuse(self, link: Link, error: Error) -> None:
        """Answer the peer's attach with no."""
        self.note(logging.INFO, "link '%s' refused: %s: %s", link.name, *error[:2])
        link.refuse(error)

    def expel(self, link: Link, error: Error) -> None:
        """Detach a link the peer did not ask to end; what it had is given up at once."""
        self.note(logging.INFO, "link '%s' ended: %s: %s", link.name, *error[:2])
        link.detach(error)
        self._act([Detached(link)])
        self.flush_soon()

    def close(self, error: Error | None = None) -> None:
        """Say goodbye and hang up."""
        self.connection.close(error)
        self._act(self.connection.take_events())
        self.flush()

    # For ordered faults

    def perform(self, event: Event) -> None:
        """Do what the event asks for."""
        _ACTIONS[type(event)](self, event)

    def do(self, act: Callable[[], None]) -> None:
        """Do something later than the event that caused it."""
        try:
            act()
        except Exception:
            self._give_up()
        self._act(self.connection.take_events())
        self.flush()
        self.core.watch_time()

    def with_credit(self, link: OutgoingLink, act: Callable[[], None]) -> None:
        """Call `act`, which sends one message, once the peer grants the link credit again."""
        self._with_credit[link] = act

    def cut(self, error: Error | None = None) -> None:
        """End the connection without waiting for anything, saying at most why."""
        self.note(logging.INFO, "connection cut: a fault was ordered")
        if error is not None:
            self.connection.close(error)
        self.flush()
        if self.paused:
            self._transport.abort()  # what is written will never leave
        self._act(self.connection.lost())

    # Inside

    def _act(self, events: list[Event]) -> None:
        try:
            while events:
                for event in events:
                    if self._expiry is not None:
                        self._expiry.saw(event)
                    if self.core.faults.active:
                        inject(self, event)
                    else:
                        _ACTIONS[type(event)](self, event)
                # Acting may end links, which is news again.
                events = self.connection.take_events()
        except Exception:
            self._give_up()

    def _give_up(self) -> None:
        log.exception("a connection is given up")
        self.connection.close(Error(INTERNAL_ERROR, "The local Service Bus failed; see its log."))
        for event in self.connection.take_events():
            if isinstance(event, (Detached, Closed)):
                _ACTIONS[type(event)](self, event)

    def _attached(self, event: Attached) -> None:
        attach(self, event)

    def _arrived(self, event: Arrived) -> None:
        if self._node(event) is not None:
            event.link.owner.arrived(event)

    def _oversize(self, event: Oversize) -> None:
        if self._node(event) is not None:
            event.link.owner.oversize(event)

    def _credited(self, event: Credited) -> None:
        if self._with_credit and event.link.sendable > 0:
            self._with_credit.pop(event.link, lambda: None)()
        if self._node(event) is not None:
            event.link.owner.credited()

    def _disposed(self, event: Disposed) -> None:
        # Also after the link has gone: an outcome stands on its own.
        if event.link.owner is not None:
            event.link.owner.disposed(event)

    def _detached(self, event: Detached) -> None:
        node, event.link.owner = event.link.owner, None
        self.core.link_names.release(self, event.link)
        self._with_credit.pop(event.link, None)  # type: ignore[call-overload]
        if node is not None:
            node.detached()

    def _closed(self, event: Closed) -> None:
        level = logging.DEBUG if event.reason == FAREWELL else logging.INFO
        self.note(level, "connection ended: %s", event.reason)
        self.flush()
        self._transport.close()

    def _node(self, event: Arrived | Oversize | Credited) -> Node | None:
        return None if event.link.gone else event.link.owner

    def _tick(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
        due = self.connection.tick(self._loop.time())
        self._act(self.connection.take_events())
        self.flush()
        self._ticker = None if due is None else self._loop.call_at(due, self._tick)


_ACTIONS: dict[type, Any] = {
    Attached: Client._attached,
    Arrived: Client._arrived,
    Oversize: Client._oversize,
    Credited: Client._credited,
    Disposed: Client._disposed,
    Detached: Client._detached,
    Closed: Client._closed,
}
