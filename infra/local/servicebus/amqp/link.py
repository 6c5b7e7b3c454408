"""Links: credit, deliveries, detaching (AMQP 1.0, 2.6).

Theory. A link is a one-way lane. Its receiver grants credit; both sides count deliveries in a
serial number, so credit is restated as an absolute: what the sender may still send is
`peer.delivery-count + peer.link-credit - own delivery-count` and no flow can zero or double it.
Settling is per delivery and independent of the lane's life. The peer starts every link; ours are
answers, under the peer's own handle number (free on our side, because only answers use it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from infra.local.servicebus.amqp.events import Arrived, Credited, Oversize
from infra.local.servicebus.amqp.performatives import (
    ROLE_RECEIVER,
    ROLE_SENDER,
    Attach,
    Detach,
    Error,
    Flow,
    Transfer,
)
from infra.local.servicebus.amqp.values import ULong

if TYPE_CHECKING:
    from infra.local.servicebus.amqp.session import Session

SERIAL = 0xFFFFFFFF
"""Serial numbers wrap at 32 bits (RFC 1982)."""

CREDIT_WINDOW = 1000
"""Deliveries a peer may have unanswered on one link, as the real service grants; half of it
answered is granted anew."""


class Sent(NamedTuple):
    """A delivery we sent that the peer has not settled; `subject` is the owner's."""

    delivery_id: int
    subject: Any
    link: OutgoingLink


class Link:
    """One link, seen from our side. `owner` is for the embedding program."""

    role: bool

    def __init__(self, session: Session, attach: Attach) -> None:
        self.session = session
        self.name = attach.name
        self.handle = attach.handle
        self.source = attach.source
        self.target = attach.target
        self.properties = attach.properties or {}
        self.snd_settle_mode = attach.snd_settle_mode
        self.rcv_settle_mode = attach.rcv_settle_mode
        self.delivery_count = 0
        self.owner: Any = None
        self.open = False  # between our attach and either detach
        self.gone = False

    def accept(
        self,
        *,
        source: Any = None,
        target: Any = None,
        properties: dict[Any, Any] | None = None,
        max_message_size: int | None = None,
    ) -> None:
        """Answer the attach, echoing source and target unless others are given."""
        if self.gone:
            return
        self.open = True
        self._answer(source or self.source, target or self.target, properties, max_message_size)

    def refuse(self, error: Error) -> None:
        """Answer the attach with no source and target, and detach (AMQP 1.0, 2.6.3)."""
        if self.gone:
            return
        self._answer(None, None, None, None)
        self.detach(error)

    def detach(self, error: Error | None = None) -> None:
        """Close the link from our side; the peer's own detach is then only an answer."""
        if self.gone:
            return
        self.open, self.gone = False, True
        self.session.write(Detach(self.handle, closed=True, error=error))

    def _answer(
        self,
        source: Any,
        target: Any,
        properties: dict[Any, Any] | None,
        max_message_size: int | None,
    ) -> None:
        self.session.write(
            Attach(
                self.name,
                self.handle,
                self.role,
                self.snd_settle_mode or 0,
                self.rcv_settle_mode or 0,
                source,
                target,
                initial_delivery_count=0 if self.role is ROLE_SENDER else None,
                max_message_size=None if max_message_size is None else ULong(max_message_size),
                properties=properties or {},
            )
        )

    def on_flow(self, flow: Flow) -> None:
        raise NotImplementedError


class IncomingLink(Link):
    """The peer sends, we receive."""

    role = ROLE_RECEIVER

    def __init__(self, session: Session, attach: Attach) -> None:
        super().__init__(session, attach)
        self.delivery_count = attach.initial_delivery_count or 0
        self.max_message_size = 0
        self._credit = 0
        self._answered = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._current: Transfer | None = None
        self._presettled = False

    def accept(
        self,
        *,
        source: Any = None,
        target: Any = None,
        properties: dict[Any, Any] | None = None,
        max_message_size: int | None = None,
    ) -> None:
        self.max_message_size = max_message_size or 0
        super().accept(
            source=source,
            target=target,
            properties=properties,
            max_message_size=max_message_size,
        )
        if self.open:
            self._credit = CREDIT_WINDOW
            self._grant()

    def settle(self, delivery_id: int, outcome: Any) -> None:
        """Tell the peer the outcome (None for a delivery that came settled) and count the
        delivery as answered."""
        if self.gone:
            return
        if outcome is not None:
            self.session.settle(ROLE_RECEIVER, delivery_id, outcome)
        self._answered += 1
        if self._answered * 2 >= CREDIT_WINDOW:
            self._credit += self._answered
            self._answered = 0
            self._grant()

    def on_flow(self, flow: Flow) -> None:
        if flow.echo:
            self._grant()

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        current = self._current
        if current is None:
            if self._credit <= 0:
                self.detach(
                    Error("amqp:link:transfer-limit-exceeded", "More was sent than credit allows.")
                )
                return
            self._credit -= 1
            self.delivery_count = (self.delivery_count + 1) & SERIAL
            self._presettled = False
            current = self._current = transfer
        self._presettled = self._presettled or bool(transfer.settled)
        if transfer.aborted:
            self._reset()
            self.settle(0, None)
            return
        self._size += len(payload)
        if not self.max_message_size or self._size <= self.max_message_size:
            self._parts.append(payload)
        else:
            self._parts.clear()
        if transfer.more:
            return
        self._finish(current)

    def _finish(self, first: Transfer) -> None:
        delivery_id = first.delivery_id or 0
        emit = self.session.connection.emit
        if self.max_message_size and self._size > self.max_message_size:
            emit(Oversize(self, delivery_id, self._presettled, first.state))
        else:
            parts = self._parts
            payload = parts[0] if len(parts) == 1 else b"".join(parts)
            emit(
                Arrived(
                    self,
                    delivery_id,
                    first.message_format or 0,
                    self._presettled,
                    payload,
                    first.state,
                )
            )
        self._reset()

    def _reset(self) -> None:
        self._parts, self._size, self._current = [], 0, None

    def _grant(self) -> None:
        self.session.write_flow(self.handle, self.delivery_count, max(self._credit, 0))


class OutgoingLink(Link):
    """We send, the peer receives."""

    role = ROLE_SENDER

    def __init__(self, session: Session, attach: Attach) -> None:
        super().__init__(session, attach)
        self.credit = 0
        self.draining = False

    @property
    def sendable(self) -> int:
        """Deliveries that may be handed over now: none while the session's window is shut."""
        return self.credit if self.open and self.session.has_window else 0

    def send(self, tag: bytes, payload: bytes, *, settled: bool, subject: Any = None) -> None:
        """Send one message; unless `settled`, the peer's disposition will name `subject`."""
        self.credit -= 1
        self.delivery_count = (self.delivery_count + 1) & SERIAL
        self.session.write_transfer(self, tag, payload, settled=settled, subject=subject)

    def echo(self, delivery_id: int, outcome: Any) -> None:
        """Confirm the outcome the peer asked for, or name the one that came instead."""
        if not self.gone:
            self.session.settle(ROLE_SENDER, delivery_id, outcome)

    def forget(self, delivery_id: int) -> None:
        """Note that a delivery has its final outcome, told while it was still conditional."""
        self.session.unsettled.pop(delivery_id, None)

    def drained(self) -> None:
        """Give up the credit that is left: there is nothing more to send now (2.6.7)."""
        if not self.draining or not self.open:
            return
        self.delivery_count = (self.delivery_count + max(self.credit, 0)) & SERIAL
        self.credit, self.draining = 0, False
        self.session.write_flow(self.handle, self.delivery_count, 0, drain=True)

    def on_flow(self, flow: Flow) -> None:
        if flow.link_credit is not None:
            reached = flow.delivery_count or 0
            left = (reached + flow.link_credit - self.delivery_count) & SERIAL
            self.credit = left if left < 1 << 31 else 0
        self.draining = bool(flow.drain)
        if flow.echo and not self.draining:
            self.session.write_flow(self.handle, self.delivery_count, max(self.credit, 0))
        self.restated()

    def restated(self) -> None:
        """Tell the owner that it may be able to send now."""
        self.session.connection.emit(Credited(self))


def new_link(session: Session, attach: Attach) -> Link:
    kind = OutgoingLink if attach.role is ROLE_RECEIVER else IncomingLink
    return kind(session, attach)
