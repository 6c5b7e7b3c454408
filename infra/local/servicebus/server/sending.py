"""Links on which clients send to a queue or topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.servicebus.amqp import BATCH_FORMAT, AmqpError, split_batch
from infra.local.servicebus.amqp.events import Arrived, Oversize
from infra.local.servicebus.amqp.link import IncomingLink
from infra.local.servicebus.amqp.performatives import Accepted, Error, Rejected
from infra.local.servicebus.broker import BrokerError
from infra.local.servicebus.server.errors import SIZE_EXCEEDED, error_of
from infra.local.servicebus.server.nodes import Node
from infra.local.servicebus.storage import StorageError

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

ACCEPTED = Accepted()


class SendingNode(Node):
    def __init__(self, client: Client, link: IncomingLink, address: str) -> None:
        super().__init__(client)
        self._link = link
        self._address = address

    def arrived(self, event: Arrived) -> None:
        """Store the message, or all of a batch, and accept when that is durable."""
        core = self.core
        try:
            batch = event.message_format == BATCH_FORMAT
            messages = split_batch(event.payload) if batch else (event.payload,)
            core.namespace.send(self._address, messages, core.now())
        except (BrokerError, AmqpError) as failure:
            self._answer(event, Rejected(error_of(failure)))
            return
        link, delivery_id = event.link, None if event.presettled else event.delivery_id

        def stored(failure: StorageError | None) -> None:
            outcome = ACCEPTED if failure is None else Rejected(error_of(failure))
            link.settle(delivery_id or 0, None if delivery_id is None else outcome)
            self.client.flush_soon()

        core.committer.after(stored)

    def oversize(self, event: Oversize) -> None:
        # Rejecting rather than detaching: pyamqp loses the condition of a detach while it sends.
        text = f"The message exceeds the {self._link.max_message_size} bytes the link allows."
        self._link.settle(event.delivery_id, Rejected(Error(SIZE_EXCEEDED, text)))

    def _answer(self, event: Arrived, outcome: Rejected) -> None:
        event.link.settle(event.delivery_id, None if event.presettled else outcome)
