"""Apache Qpid Proton against the bus: `proton_peer.py HOST:PORT exchange|transact`, JSON on stdout.

Runs in a process of its own, so that nothing of the bus helps or disturbs it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from proton import Delivery, Message, symbol
from proton.handlers import MessagingHandler, TransactionHandler
from proton.reactor import Container

BODIES = ["first", "second", "third", "x" * 70_000, *(f"message {n}" for n in range(16))]


class Exchange(MessagingHandler):  # type: ignore[misc, unused-ignore]
    """Send everything; then release, reject and fail one message each and accept the rest."""

    def __init__(self, url: str) -> None:
        super().__init__(prefetch=0, auto_accept=False)
        self.url = url
        self.to_send = list(BODIES)
        self.unconfirmed = len(BODIES)
        self.seen: list[tuple[str, int]] = []
        self.accepted: list[str] = []

    def on_start(self, event: Any) -> None:
        self.connection = event.container.connect(self.url, allowed_mechs="ANONYMOUS")
        self.container = event.container
        event.container.create_sender(self.connection, "work")

    def on_sendable(self, event: Any) -> None:
        while event.sender.credit and self.to_send:
            body = self.to_send.pop(0)
            event.sender.send(Message(id=body[:20], body=body, properties={"length": len(body)}))

    def on_accepted(self, event: Any) -> None:
        self.unconfirmed -= 1
        if not self.unconfirmed:
            event.sender.close()
            self.receiver = self.container.create_receiver(self.connection, "work")
            self.receiver.flow(4)

    def on_message(self, event: Any) -> None:
        body, failures = event.message.body, event.message.delivery_count
        times = sum(1 for seen, _ in self.seen if seen == body)
        self.seen.append((body, failures))
        delivery = event.delivery
        if times or body not in BODIES[:3]:
            self.accepted.append(body)
            delivery.update(Delivery.ACCEPTED)
        elif body == "first":
            delivery.update(Delivery.RELEASED)
        elif body == "second":
            delivery.update(Delivery.REJECTED)
        else:
            delivery.local.failed = True
            delivery.update(Delivery.MODIFIED)
        delivery.settle()
        event.receiver.flow(1)
        if len(self.accepted) == len(BODIES) - 1:
            # What the last outcomes did is sure once the bus has answered the drain after them.
            event.receiver.drain(0)

    def on_drained(self, event: Any) -> None:
        self.connection.close()

    def on_link_flow(self, event: Any) -> None:
        if event.receiver and len(self.accepted) == len(BODIES) - 1 and not event.receiver.credit:
            self.connection.close()

    def report(self) -> dict[str, Any]:
        return {
            "accepted": [body[:20] for body in self.accepted],
            "lengths": sorted({len(body) for body in self.accepted}),
            "failures": {body: failures for body, failures in self.seen if failures},
            "sent": len(BODIES) - self.unconfirmed,
        }


class Transact(MessagingHandler, TransactionHandler):  # type: ignore[misc, unused-ignore]
    """Abort one transaction, then commit one that settles a message and sends another."""

    def __init__(self, url: str) -> None:
        super().__init__(prefetch=0, auto_accept=False, auto_settle=False)
        self.url = url
        self.transaction: Any = None
        self.receiver: Any = None
        self.steps: list[str] = []
        self.sent = False

    def on_start(self, event: Any) -> None:
        self.container = event.container
        self.connection = event.container.connect(self.url, allowed_mechs="ANONYMOUS")
        self.sender = event.container.create_sender(self.connection, "work")

    def on_sendable(self, event: Any) -> None:
        if not self.sent and event.sender == self.sender:
            self.sent = True
            self.sender.send(Message(body="to be settled"))

    def on_accepted(self, event: Any) -> None:
        if event.sender == self.sender and not self.steps:
            self.steps.append("sent")
            self._declare()

    def _declare(self) -> None:
        self.container.declare_transaction(
            self.connection, handler=self, settle_before_discharge=False
        )

    def on_transaction_declared(self, event: Any) -> None:
        self.transaction = event.transaction
        if "aborted" in self.steps:
            self.steps.append("declared again")
            self.receiver.flow(1)
            return
        self.steps.append("declared")
        self.receiver = self.container.create_receiver(self.connection, "work")
        self.receiver.flow(1)

    def on_message(self, event: Any) -> None:
        self.steps.append(f"received {event.message.body}")
        self.transaction.send(self.sender, Message(body="the answer"))
        self.transaction.accept(event.delivery)
        if "aborted" in self.steps:
            self.transaction.commit()
        else:
            self.transaction.abort()

    def on_transaction_aborted(self, event: Any) -> None:
        self.steps.append("aborted")
        self._declare()

    def on_transaction_committed(self, event: Any) -> None:
        self.steps.append("committed")
        self.connection.close()

    def on_transaction_commit_failed(self, event: Any) -> None:
        self.steps.append("commit failed")
        self.connection.close()

    def on_transaction_declare_failed(self, event: Any) -> None:
        self.steps.append("declare failed")
        self.connection.close()

    def report(self) -> dict[str, Any]:
        return {"steps": self.steps}


def main() -> None:
    kinds: dict[str, Any] = {"exchange": Exchange, "transact": Transact}
    handler = kinds[sys.argv[2]](f"amqp://{sys.argv[1]}")
    Container(handler, properties={symbol("product"): "test"}).run()
    print(json.dumps(handler.report()))


if __name__ == "__main__":
    main()
