"""Links on which clients send to a queue or topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.servicebus.amqp import BATCH_FORMAT, AmqpError, split_batch
from infra.local.servicebus.amqp.events import Arrived, Oversize
from infra.local.servicebus.amqp.link import IncomingLink
from infra.local.servicebus.amqp.performatives import Accepted, Rejected, TransactionalState
from infra.local.servicebus.broker import BrokerError
from infra.local.servicebus.broker.errors import MessageTooLarge
from infra.local.servicebus.server.errors import error_of
from infra.local.servicebus.server.nodes import Node
from infra.local.servicebus.server.transactions import sending
from infra.local.servicebus.storage import StorageError

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

ACCEPTED = Accepted()


class SendingNode(Node):
    """`address` is where messages go, `via` the top-level entity their transactions happen on."""

    def __init__(self, client: Client, link: IncomingLink, address: str, via: str) -> None:
        super().__init__(client)
        self._link = link
        self._address = address
        self._via = via
        self._entity = client.core.namespace.entity(address)
        self._entity.senders.add(self.end)

    @property
    def message_bytes(self) -> int:
        """The largest message the entity takes."""
        own = self._entity.config.max_message_size_kilobytes
        return self.core.max_message_bytes if own is None else own * 1024

    def end(self, reason: BrokerError) -> None:
        """Close the link: the entity is gone or takes nothing any more."""
        self.client.expel(self._link, error_of(reason))

    def detached(self) -> None:
        self._entity.senders.discard(self.end)

    def arrived(self, event: Arrived) -> None:
        """Store the message, or all of a batch, and accept when that is durable; one that belongs
        to a transaction waits for its discharge."""
        core = self.core
        if core.committer.failure is not None:
            # What cannot be stored is not taken either, or memory would fill while a disk is full.
            self._answer(event, Rejected(error_of(core.committer.failure)))
            return
        try:
            transaction = self.client.transactions.of(event.state)
            batch = event.message_format == BATCH_FORMAT
            messages = split_batch(event.payload) if batch else (event.payload,)
            if transaction is not None:
                work = sending(core, self._via, self._address, messages)
                transaction.hold([work], core.now())
                self._answer(event, TransactionalState(transaction.id, ACCEPTED))
                return
            core.namespace.send(self._address, messages, core.now())
        except (BrokerError, AmqpError) as refusal:
            self._refuse(event, refusal)
            return

        def stored(failure: StorageError | None) -> None:
            self._answer(event, ACCEPTED if failure is None else Rejected(error_of(failure)))
            self.client.flush_soon()

        core.committer.after(stored)

    def oversize(self, event: Oversize) -> None:
        # Rejecting rather than detaching: pyamqp loses the condition of a detach while it sends.
        text = f"The message exceeds the {self._link.max_message_size} bytes the link allows."
        self._refuse(event, MessageTooLarge(text))

    def _refuse(self, event: Arrived | Oversize, refusal: BrokerError | AmqpError) -> None:
        if event.presettled:
            self.client.transactions.spoil(event.state, refusal)
        self._answer(event, Rejected(error_of(refusal)))

    def _answer(
        self, event: Arrived | Oversize, outcome: Accepted | Rejected | TransactionalState
    ) -> None:
        event.link.settle(event.delivery_id, None if event.presettled else outcome)
