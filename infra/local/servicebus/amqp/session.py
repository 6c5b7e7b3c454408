"""Sessions: windows, delivery ids, handles, settlement (AMQP 1.0, 2.5).

Theory. A session counts transfer frames in both directions. `incoming_window` is what we still
take, restated well before it shuts because pyamqp stalls at zero; the peer's window is what we may
still send, the rest waits here in order. Delivery ids count whole deliveries per session. Outgoing
dispositions with the same outcome and consecutive ids leave as one range.
"""

from __future__ import annotations

from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING, Any

from infra.local.servicebus.amqp import limits
from infra.local.servicebus.amqp.encode import encode_binary, encode_uint
from infra.local.servicebus.amqp.errors import AmqpError, SessionError
from infra.local.servicebus.amqp.events import Attached, Detached, Disposed
from infra.local.servicebus.amqp.handwritten import accepted_frame, transfer_frame
from infra.local.servicebus.amqp.link import (
    SERIAL,
    IncomingLink,
    Link,
    OutgoingLink,
    Sent,
    new_link,
    serial_distance,
)
from infra.local.servicebus.amqp.performatives import (
    ROLE_RECEIVER,
    Accepted,
    Attach,
    Begin,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Received,
    TransactionalState,
    Transfer,
)

if TYPE_CHECKING:
    from infra.local.servicebus.amqp.connection import Connection

_PERFORMATIVE_ROOM = 96
"""Bytes left for frame head and transfer performative when a message is cut into frames."""


class Session:
    def __init__(self, connection: Connection, channel: int, begin: Begin) -> None:
        self.connection = connection
        self.channel = channel
        self.ending = False
        self.links: dict[int, Link] = {}
        self.unsettled: dict[int, Sent] = {}
        self._next_incoming_id = begin.next_outgoing_id
        self._incoming_window = limits.WINDOW
        self._next_outgoing_id = 0
        self._peer_window = max(begin.incoming_window, 0)
        self._next_delivery_id = 0
        self._waiting: deque[tuple[OutgoingLink, bytes]] = deque()
        self._settling: list[tuple[bool, int, int, Any, bool]] = []
        self.write(
            Begin(channel, 0, limits.WINDOW, limits.WINDOW, limits.HANDLE_MAX, properties={}),
        )

    @property
    def has_window(self) -> bool:
        return self._peer_window > 0 and not self._waiting and not self.ending

    # Out

    def write(self, performative: Any) -> None:
        self.flush()
        self.connection.write_frame(self.channel, performative)

    def write_flow(
        self,
        handle: int | None = None,
        delivery_count: int | None = None,
        credit: int | None = None,
        *,
        drain: bool = False,
    ) -> None:
        self.write(
            Flow(
                self._next_incoming_id,
                self._incoming_window,
                self._next_outgoing_id,
                limits.WINDOW,
                handle,
                delivery_count,
                credit,
                None if handle is None else 0,
                drain,
                False,
                {},
            )
        )

    def write_transfer(
        self, link: OutgoingLink, tag: bytes, payload: bytes, *, settled: bool, subject: Any
    ) -> None:
        """Cut the message into frames the peer takes and send what its window allows."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) & SERIAL
        if not settled:
            self.unsettled[delivery_id] = Sent(delivery_id, subject, link)
            if len(self.unsettled) > limits.MAX_UNSETTLED:
                del self.unsettled[next(iter(self.unsettled))]
        head = encode_uint(link.handle) + encode_uint(delivery_id) + encode_binary(tag)
        room = self.connection.peer_max_frame_size - _PERFORMATIVE_ROOM
        size = len(payload)
        if size <= room:
            self._send_transfer(link, transfer_frame(self.channel, head, settled, False, payload))
            return
        for start in range(0, size, room):
            more = start + room < size
            part = payload[start : start + room]
            self._send_transfer(link, transfer_frame(self.channel, head, settled, more, part))

    def _send_transfer(self, link: OutgoingLink, frame: bytes) -> None:
        if self._peer_window > 0 and not self._waiting:
            self._write_transfer(frame)
        else:
            self._waiting.append((link, frame))

    def _write_transfer(self, frame: bytes) -> None:
        self._peer_window -= 1
        self._next_outgoing_id = (self._next_outgoing_id + 1) & SERIAL
        self.connection.write_bytes(frame)

    def withdraw(self, link: OutgoingLink) -> None:
        """Drop what waits to be sent on a link that ends."""
        self._waiting = deque(waiting for waiting in self._waiting if waiting[0] is not link)

    def settle(self, role: bool, delivery_id: int, outcome: Any, *, settled: bool = True) -> None:
        """Note a disposition to send; consecutive ones with the same outcome become one range."""
        if self.ending:
            return
        settling = self._settling
        if settling:
            last_role, first, last, last_outcome, was_settled = settling[-1]
            if (
                last_role is role
                and delivery_id == last + 1
                and outcome == last_outcome
                and settled is was_settled
            ):
                settling[-1] = (role, first, delivery_id, outcome, settled)
                return
        else:
            self.connection.flush_later(self)
        settling.append((role, delivery_id, delivery_id, outcome, settled))

    def flush(self) -> None:
        settling, self._settling = self._settling, []
        for role, first, last, outcome, settled in settling:
            if settled and type(outcome) is Accepted:
                self.connection.write_bytes(accepted_frame(self.channel, role, first, last))
                continue
            self.connection.write_frame(
                self.channel, Disposition(role, first, last, settled, outcome, False)
            )

    def end(self, error: Error | None = None) -> None:
        """End the session from our side; what still arrives on it is ignored."""
        if not self.ending:
            self.write(End(error))
            self.gone()

    def gone(self) -> None:
        """Forget everything: nothing may be written to a session the peer has ended."""
        self.ending = True
        self._settling.clear()
        self._waiting.clear()
        self.unsettled.clear()
        links, self.links = list(self.links.values()), {}
        self.connection.link_count -= len(links)
        for link in links:
            if not link.gone or link.owner is not None:
                link.ended()
                self.connection.emit(Detached(link))

    # In

    def on_frame(self, performative: Any, payload: bytes) -> None:
        """Raises AmqpError where the connection must end."""
        handler = _HANDLERS.get(type(performative))
        if handler is None:
            raise AmqpError(
                f"{type(performative).__name__} is not expected on a session",
                condition="amqp:not-allowed",
            )
        try:
            handler(self, performative, payload)
        except SessionError as error:
            self.end(Error(error.condition, error.text))

    def _on_attach(self, attach: Attach, _payload: bytes) -> None:
        if attach.handle > limits.HANDLE_MAX:
            raise AmqpError(
                f"handle {attach.handle} exceeds handle-max {limits.HANDLE_MAX}",
                condition="amqp:connection:framing-error",
            )
        if attach.handle in self.links:
            raise SessionError(
                f"handle {attach.handle} is in use", condition="amqp:session:handle-in-use"
            )
        self.connection.count_link()
        link = self.links[attach.handle] = new_link(self, attach)
        self.connection.emit(Attached(link, attach))

    def _on_flow(self, flow: Flow, _payload: bytes) -> None:
        was_shut = not self.has_window
        ahead = serial_distance(flow.next_incoming_id or 0, self._next_outgoing_id)
        self._peer_window = max(flow.incoming_window - ahead, 0)
        while self._waiting and self._peer_window > 0:
            self._write_transfer(self._waiting.popleft()[1])
        if flow.handle is not None:
            self._link(flow.handle).on_flow(flow)
        elif flow.echo:
            self.write_flow()
        if was_shut and self.has_window:
            for handle, link in list(self.links.items()):
                if isinstance(link, OutgoingLink) and handle != flow.handle:
                    link.restated()

    def _on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming_id = (self._next_incoming_id + 1) & SERIAL
        self._incoming_window -= 1
        if self._incoming_window < 0:
            raise SessionError(
                "more transfers than the window allows",
                condition="amqp:session:window-violation",
            )
        if self._incoming_window * 2 < limits.WINDOW:
            self._incoming_window = limits.WINDOW
            self.write_flow()
        link = self._link(transfer.handle)
        if not isinstance(link, IncomingLink):
            raise SessionError("a transfer came on a link that only receives from us")
        if link.open:
            link.on_transfer(transfer, payload)
        elif not link.gone:
            link.refuse(
                Error("amqp:link:transfer-limit-exceeded", "A transfer came before any credit.")
            )

    def _on_disposition(self, disposition: Disposition, _payload: bytes) -> None:
        if disposition.role is not ROLE_RECEIVER:
            return  # The peer settles its own deliveries at once; there is nothing left to forget.
        state, settled = disposition.state, bool(disposition.settled)
        if not settled and (state is None or isinstance(state, Received)):
            return  # Not an outcome yet.
        found = self._unsettled_in(disposition.first, disposition.last)
        if settled or not isinstance(state, TransactionalState):
            for sent in found:
                del self.unsettled[sent.delivery_id]
        for link, deliveries in groupby(found, key=lambda sent: sent.link):
            self.connection.emit(Disposed(link, list(deliveries), state, settled))

    def _unsettled_in(self, first: int, last: int | None) -> list[Sent]:
        """Return our unsettled deliveries in the range, however wide the peer claims it to be."""
        span = 0 if last is None else (last - first) & SERIAL
        if span < len(self.unsettled):
            ids = ((first + step) & SERIAL for step in range(span + 1))
            return [self.unsettled[i] for i in ids if i in self.unsettled]
        return [sent for i, sent in self.unsettled.items() if (i - first) & SERIAL <= span]

    def _on_detach(self, detach: Detach, _payload: bytes) -> None:
        link = self._link(detach.handle)
        del self.links[detach.handle]
        self.connection.link_count -= 1
        for delivery_id in [i for i, sent in self.unsettled.items() if sent.link is link]:
            del self.unsettled[delivery_id]
        if not link.gone:
            # A link that is suspended may be attached again, and then begins anew (2.6.5).
            link.detach(closed=bool(detach.closed))
        self.connection.emit(Detached(link))

    def _on_end(self, _end: End, _payload: bytes) -> None:
        if not self.ending:
            self.write(End())
        self.gone()
        self.connection.forget(self)

    def _link(self, handle: int) -> Link:
        link = self.links.get(handle)
        if link is None:
            raise SessionError(
                f"no link is attached to handle {handle}",
                condition="amqp:session:unattached-handle",
            )
        return link


_HANDLERS: dict[type, Any] = {
    Attach: Session._on_attach,
    Flow: Session._on_flow,
    Transfer: Session._on_transfer,
    Disposition: Session._on_disposition,
    Detach: Session._on_detach,
    End: Session._on_end,
}
