"""Links on which clients receive from a queue, subscription or dead-letter queue, or of one of its
sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.servicebus.amqp.events import Disposed
from infra.local.servicebus.amqp.link import OutgoingLink
from infra.local.servicebus.amqp.performatives import Rejected, TransactionalState
from infra.local.servicebus.broker import (
    BrokerError,
    Delivery,
    Queue,
    SessionLock,
    SessionLockLost,
)
from infra.local.servicebus.server.deliveries import delivery_bytes
from infra.local.servicebus.server.errors import error_of
from infra.local.servicebus.server.faulty_link import faulty
from infra.local.servicebus.server.nodes import Node
from infra.local.servicebus.server.settlement import settle
from infra.local.servicebus.server.turns import Turns
from infra.local.servicebus.storage import StorageError

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

_FLUSH_BYTES = 128 * 1024
"""Output gathered before it is written while a link has credit for more."""


class ReceivingNode(Node):
    """`session` is the lock under which the link receives; it lasts no longer than the link."""

    def __init__(
        self,
        client: Client,
        link: OutgoingLink,
        queue: Queue,
        *,
        settle_on_delivery: bool,
        session: SessionLock | None = None,
    ) -> None:
        super().__init__(client)
        self._link = link
        self.queue = queue
        self._settle_on_delivery = settle_on_delivery
        self._session = session
        self._on_their_way = 0  # taken from the queue for good, not durable yet
        self._gathered = 0  # bytes since the last flush
        if session is None:
            self._turns = self.core.turns(queue)
        else:
            self._turns = Turns(self.core.ready, session.listeners)
            session.lost = self.end
        queue.receivers.add(self.end)

    @property
    def _out(self) -> OutgoingLink:
        if not self.core.faults.active:
            return self._link
        return faulty(self.client, self._link, self.queue)

    def end(self, reason: BrokerError) -> None:
        """Close the link: the entity, the permission or the session's lock is gone."""
        self._link.detach(error_of(reason))
        self.client.flush_soon()

    def detached(self) -> None:
        # Losing a link is not settlement: what is locked stays so until its lock expires, but
        # a session is held by its link and goes back with all that was handed out.
        self._turns.leave(self)
        self.queue.receivers.discard(self.end)
        if self._session is not None and self.queue.sessions is not None:
            self.queue.sessions.release(self._session, self.core.now())

    def credited(self) -> None:
        """Be served what the credit allows; then give back credit the peer is draining."""
        if self.wants:
            self._turns.want(self)
        if self._link.draining and not self.client.paused and not self._on_their_way:
            self._link.drained()
            self.client.flush_soon()

    @property
    def wants(self) -> bool:
        return self._room > 0 and not self.client.paused

    @property
    def _room(self) -> int:
        return self._link.sendable - self._on_their_way

    def take(self, most: int) -> bool:
        """See Receiver.take: receive and send on."""
        try:
            deliveries = self.queue.receive(
                min(self._room, most),
                self.core.now(),
                settle_on_delivery=self._settle_on_delivery,
                session=self._session,
            )
        except SessionLockLost:  # to be told as soon as the lock's end is noticed
            return False
        if deliveries and self._settle_on_delivery:
            self._send_when_gone(deliveries)
        elif deliveries:
            self._send(deliveries)
        return bool(deliveries)

    def _send(self, deliveries: list[Delivery]) -> None:
        link = self._out
        for delivery in deliveries:
            if not link.open:
                break  # by an ordered fault
            data = delivery_bytes(delivery.message)
            self._gathered += len(data)
            token = delivery.lock_token
            link.send(token.bytes_le, data, settled=False, subject=token)
        if self._gathered >= _FLUSH_BYTES:
            self._gathered = 0
            self.client.flush()
        else:
            self.client.flush_soon()

    def _send_when_gone(self, deliveries: list[Delivery]) -> None:
        """At most once: a message leaves only after its removal is durable."""
        self._on_their_way += len(deliveries)

        def gone(failure: StorageError | None) -> None:
            self._on_their_way -= len(deliveries)
            if failure is None and self._link.open:
                link = self._out
                for token, message in deliveries:
                    link.send(token.bytes_le, delivery_bytes(message), settled=True)
            self.credited()
            self.client.flush_soon()

        self.core.committer.after(gone)

    def disposed(self, event: Disposed) -> None:
        """Apply the outcome to each message, and confirm each when that is durable; what belongs
        to a transaction waits for its discharge."""
        if isinstance(event.state, TransactionalState):
            self.client.transactions.hold_settlement(self.queue, event)
            return
        core, link, now = self.core, event.link, self.core.now()
        results = [
            (sent.delivery_id, settle(self.queue, sent.subject, event.state, now))
            for sent in event.deliveries
        ]

        def stored(failure: StorageError | None) -> None:
            if event.settled:
                return
            for delivery_id, outcome in results:
                link.echo(delivery_id, outcome if failure is None else Rejected(error_of(failure)))
            self.client.flush_soon()

        core.committer.after(stored)
