"""Links on which clients receive from a queue, subscription or dead-letter queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.servicebus.amqp.events import Disposed
from infra.local.servicebus.amqp.link import OutgoingLink
from infra.local.servicebus.amqp.performatives import Rejected, TransactionalState
from infra.local.servicebus.broker import Delivery, Queue
from infra.local.servicebus.server.deliveries import delivery_bytes
from infra.local.servicebus.server.errors import error_of
from infra.local.servicebus.server.injection import faulty
from infra.local.servicebus.server.nodes import Node
from infra.local.servicebus.server.settlement import settle
from infra.local.servicebus.storage import StorageError

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

_GULP = 32
"""Messages taken from the queue at once: few enough that a slow reader is noticed in time."""

_FLUSH_BYTES = 128 * 1024
"""Output gathered before it is written while a link has credit for more."""


class ReceivingNode(Node):
    def __init__(
        self, client: Client, link: OutgoingLink, queue: Queue, *, settle_on_delivery: bool
    ) -> None:
        super().__init__(client)
        self._link = link
        self.queue = queue
        self._settle_on_delivery = settle_on_delivery
        self._on_their_way = 0  # taken from the queue for good, not durable yet
        queue.listeners.add(self._wake)

    def _wake(self, _now: int) -> None:
        self.core.ready(self.credited)

    @property
    def _out(self) -> OutgoingLink:
        if not self.core.faults.active:
            return self._link
        return faulty(self.client, self._link, self.queue)

    def detached(self) -> None:
        # Losing a link is not settlement: what is locked stays so until its lock expires.
        self.queue.listeners.discard(self._wake)

    def credited(self) -> None:
        """Hand out what the credit allows; then give back credit the peer is draining."""
        link = self._out
        gathered = 0
        while not self.client.paused and (room := link.sendable - self._on_their_way) > 0:
            now = self.core.now()
            deliveries = self.queue.receive(
                min(room, _GULP), now, settle_on_delivery=self._settle_on_delivery
            )
            if not deliveries:
                break
            if self._settle_on_delivery:
                self._send_when_gone(deliveries)
                continue
            for delivery in deliveries:
                data = delivery_bytes(delivery.message)
                gathered += len(data)
                link.send(
                    delivery.lock_token.bytes_le, data, settled=False, subject=delivery.lock_token
                )
            if gathered >= _FLUSH_BYTES:
                gathered = 0
                self.client.flush()
        if link.draining and not self.client.paused and not self._on_their_way:
            link.drained()
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
