"""Links: credit, deliveries, detaching (AMQP 1.0, 2.6).

Theory. A link is a one-way lane. Its receiver grants credit; both sides count deliveries in a
serial number, so credit is restated as an absolute: what the sender may still send is
`peer.delivery-count + peer.link-credit - own delivery-count` and no flow can zero or double it.
Settling is per delivery and independent of the lane's life. The peer starts every link; ours are
answers, under the peer's own handle number (free on our side, because only answers use it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from infra.local.servicebus.amqp import limits
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

_HALF_SERIAL = 1 << 31


def serial_distance(start: int, end: int) -> int:
    """Return how far `end` is ahead of `start`, 0 when it is not."""
    ahead = (end - start) & SERIAL
    return ahead if ahead < _HALF_SERIAL else 0


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
        self.credit = 0  # deliveries that may still be sent, by whoever sends on this link
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
        self.detach(error)

    def detach(self, error: Error | None = None, *, closed: bool = True) -> None:
        """Close the link from our side; the peer's own detach is then only an answer."""
        if self.gone:
            return
        if not self.open:  # an attach must be answered before it can be taken back
            self._answer(None, None, None, None)
        self.ended()
        self.session.write(Detach(self.handle, closed=closed, error=error))

    def ended(self) -> None:
        """Note that nothing may be said on the link any more."""
        self.open, self.gone = False, True

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
        self._answered = 0
        self._begun = bytearray()  # of a delivery in several frames, those that have come
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
            self.credit = limits.CREDIT_WINDOW
            self._grant()

    def settle(self, delivery_id: int, outcome: Any) -> None:
        """Tell the peer the outcome (None for a delivery that came settled) and count the
        delivery as answered."""
        if self.gone:
            return
        if outcome is not None:
            self.session.settle(ROLE_RECEIVER, delivery_id, outcome)
        self._answered += 1
        if self._answered * 2 >= limits.CREDIT_WINDOW:
            self.credit += self._answered
            self._answered = 0
            self._grant()

    def on_flow(self, flow: Flow) -> None:
        if flow.echo:
            self._grant()

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        current = self._current
        if current is None:
            if self.credit <= 0:
                self.detach(
                    Error("amqp:link:transfer-limit-exceeded", "More was sent than credit allows.")
                )
                return
            if transfer.resume:
                # Our attach named nothing unsettled (2.6.13), so there is nothing to resume.
                self.detach(Error("amqp:not-implemented", "Deliveries are not resumed here."))
                return
            self.credit -= 1
            self.delivery_count = (self.delivery_count + 1) & SERIAL
            self._presettled = False
            current = transfer
        self._presettled = self._presettled or bool(transfer.settled)
        if transfer.aborted:
            self._reset()
            self.settle(0, None)
        elif transfer.more:
            self._current = current
            self._gather(payload)
        else:
            self._finish(current, payload)

    def _gather(self, payload: bytes) -> None:
        """Keep what came of a delivery; once it is too large, only how much it was."""
        self._size += len(payload)
        connection = self.session.connection
        connection.incomplete_bytes -= len(self._begun)
        if self._too_large:
            self._begun.clear()
        else:
            self._begun += payload
        connection.incomplete_bytes += len(self._begun)

    @property
    def _too_large(self) -> bool:
        return 0 < self.max_message_size < self._size

    def _finish(self, first: Transfer, payload: bytes) -> None:
        if self._current is None:
            self._size = len(payload)
        else:
            self._gather(payload)
            payload = bytes(self._begun)
        delivery_id, state = first.delivery_id or 0, first.state
        emit = self.session.connection.emit
        if self._too_large:
            emit(Oversize(self, delivery_id, self._presettled, state))
        else:
            message_format = first.message_format or 0
            emit(Arrived(self, delivery_id, message_format, self._presettled, payload, state))
        self._reset()

    def _reset(self) -> None:
        self.session.connection.incomplete_bytes -= len(self._begun)
        self._begun, self._size, self._current = bytearray(), 0, None

    def ended(self) -> None:
        super().ended()
        self._reset()

    def _grant(self) -> None:
        self.session.write_flow(self.handle, self.delivery_count, max(self.credit, 0))


class OutgoingLink(Link):
    """We send, the peer receives."""

    role = ROLE_SENDER

    def __init__(self, session: Session, attach: Attach) -> None:
        super().__init__(session, attach)
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

    def echo(self, delivery_id: int, outcome: Any, *, settled: bool = True) -> None:
        """Confirm the outcome the peer asked for, or name the one that came instead; for good, or
        until its transaction is discharged."""
        if settled:
            self.session.unsettled.pop(delivery_id, None)
        if not self.gone:
            self.session.settle(ROLE_SENDER, delivery_id, outcome, settled=settled)

    def drained(self) -> None:
        """Give up the credit that is left: there is nothing more to send now (2.6.7)."""
        if not self.draining or not self.open:
            return
        self.delivery_count = (self.delivery_count + max(self.credit, 0)) & SERIAL
        self.credit, self.draining = 0, False
        self.session.write_flow(self.handle, self.delivery_count, 0, drain=True)

    def on_flow(self, flow: Flow) -> None:
        if flow.link_credit is not None:
            # What is on its way to the peer has used up credit already.
            ahead = serial_distance(flow.delivery_count or 0, self.delivery_count)
            self.credit = max(flow.link_credit - ahead, 0)
        self.draining = bool(flow.drain)
        if flow.echo and not self.draining:
            self.session.write_flow(self.handle, self.delivery_count, max(self.credit, 0))
        self.restated()

    def ended(self) -> None:
        super().ended()
        self.session.withdraw(self)

    def restated(self) -> None:
        """Tell the owner that it may be able to send now."""
        self.session.connection.emit(Credited(self))


def new_link(session: Session, attach: Attach) -> Link:
    kind = OutgoingLink if attach.role is ROLE_RECEIVER else IncomingLink
    return kind(session, attach)
