"""Request and response over a pair of links: `$cbs` and `$management` (AMQP management draft)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from infra.local.servicebus.amqp import AmqpError, Int, Message, Symbol, encode_message
from infra.local.servicebus.amqp.events import Arrived, Oversize
from infra.local.servicebus.amqp.link import IncomingLink, OutgoingLink
from infra.local.servicebus.amqp.message import Properties
from infra.local.servicebus.amqp.performatives import Accepted, Error, Rejected, TransactionalState
from infra.local.servicebus.broker import BrokerError
from infra.local.servicebus.broker.transaction import Transaction
from infra.local.servicebus.server.addresses import CBS
from infra.local.servicebus.server.errors import SIZE_EXCEEDED, error_of, status_of
from infra.local.servicebus.server.nodes import Node
from infra.local.servicebus.storage import StorageError

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client


class Response(NamedTuple):
    """What a request is answered with, apart from its addressing."""

    application_properties: dict[str, object]
    body: object = None


def failed(failure: Exception) -> Response:
    """Return the answer of `$management` that tells of a refusal or failure."""
    error = error_of(failure)
    return Response(
        {
            "statusCode": Int(status_of(error)),
            "statusDescription": error.description,
            "errorCondition": Symbol(error.condition),
        }
    )


Answer = Callable[[Message, Transaction | None], Response]
"""Carries a request out, within a transaction where it names one; every refusal is a Response."""

MOST_WAITING = 100
MOST_WAITING_BYTES = 16 * 1024 * 1024
"""Answers kept for a peer that asks and does not listen; then its requests are rejected."""


class ReplyNode(Node):
    """Where answers leave; they wait here for credit."""

    def __init__(self, client: Client, link: OutgoingLink, node: str) -> None:
        super().__init__(client)
        self.link = link
        self.node = node
        self.owed_bytes = 0  # of answers that are not durable yet
        self._waiting: deque[bytes] = deque()
        self._sent = 0

    @property
    def full(self) -> bool:
        size = self.owed_bytes + sum(map(len, self._waiting))
        return len(self._waiting) >= MOST_WAITING or size >= MOST_WAITING_BYTES

    @property
    def names(self) -> tuple[str | None, ...]:
        """What a request's reply-to may call this link."""
        return getattr(self.link.target, "address", None), self.link.name

    def send(self, response: bytes) -> None:
        self._waiting.append(response)
        self.credited()

    def credited(self) -> None:
        while self._waiting and self.link.sendable > 0 and not self.client.paused:
            self._sent += 1
            self.link.send(self._sent.to_bytes(4), self._waiting.popleft(), settled=True)
        self.link.drained()
        self.client.flush_soon()


class RequestNode(Node):
    """Where requests come in; `node` names the pair, lower case."""

    def __init__(self, client: Client, link: IncomingLink, node: str, answer: Answer) -> None:
        super().__init__(client)
        self._link = link
        self._node = node
        self._answer = answer

    def arrived(self, event: Arrived) -> None:
        self.carry_out(event)

    def carry_out(
        self,
        event: Arrived,
        *,
        answer: Answer | None = None,
        send: Callable[[ReplyNode, bytes], None] = ReplyNode.send,
    ) -> None:
        """Carry out and answer when durable; a request nobody could hear the answer to is
        rejected. `answer` and `send` differ from the usual where a fault was ordered."""
        outcome: Accepted | Rejected | TransactionalState = Accepted()
        try:
            request = Message.check(event.payload)
            properties = request.properties or Properties()
            reply = self._reply_link(properties.reply_to)
            if reply is None or reply.full:
                raise AmqpError(
                    f"no receiver for the answer to '{properties.reply_to}'",
                    condition="amqp:precondition-failed",
                )
            transaction = self.client.transactions.of(event.state)
            response = (answer or self._answer)(request, transaction)
            self._respond(reply, properties, response, send)
            if transaction is not None:
                outcome = TransactionalState(transaction.id, outcome)
        except (AmqpError, BrokerError) as refusal:
            outcome = Rejected(error_of(refusal))
        self._link.settle(event.delivery_id, None if event.presettled else outcome)

    def oversize(self, event: Oversize) -> None:
        error = Error(SIZE_EXCEEDED, "The request is too large.")
        self._link.settle(event.delivery_id, Rejected(error))

    def _respond(
        self,
        reply: ReplyNode,
        request: Properties,
        response: Response,
        send: Callable[[ReplyNode, bytes], None],
    ) -> None:
        data = _addressed(response, request)
        if self._node == CBS:
            send(reply, data)  # a token is not kept: clients may connect while nothing can be
            return
        reply.owed_bytes += len(data)

        def durable(failure: StorageError | None) -> None:
            reply.owed_bytes -= len(data)
            if reply.link.open:
                send(reply, data if failure is None else _addressed(failed(failure), request))

        self.core.committer.after(durable)

    def _reply_link(self, reply_to: str | None) -> ReplyNode | None:
        """By reply-to anywhere on the connection, else this pair's link on this session."""
        links = self.client.connection.links()
        replies = [link.owner for link in links if isinstance(link.owner, ReplyNode)]
        mine = [r for r in replies if r.node == self._node]
        here = [r for r in mine if r.link.session is self._link.session]
        named = [r for r in (*here, *mine, *replies) if reply_to and reply_to in r.names]
        return next(iter((*named, *here)), None)


def _addressed(response: Response, request: Properties) -> bytes:
    """The SDKs find their request by the correlation id, compared with its type."""
    return encode_message(
        properties=Properties(to=request.reply_to, correlation_id=request.message_id),
        application_properties=response.application_properties,
        value=response.body,
    )
