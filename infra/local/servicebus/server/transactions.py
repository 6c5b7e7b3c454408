"""Transactions on the wire: coordinator links, and work that names one (AMQP 1.0, part 4).

What Service Bus adds: a coordinator link on a session makes its later links one group. The first
entity of the group is the one its transactions happen on: messages sent to others go via it, and
receiving from others is refused, with or without a transaction (how .NET's
EnableCrossEntityTransactions, Java's and JMS' transacted sessions work).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakKeyDictionary

from infra.local.servicebus.amqp import AmqpError, Message
from infra.local.servicebus.amqp.composites import decode_composite
from infra.local.servicebus.amqp.events import Arrived, Disposed, Oversize
from infra.local.servicebus.amqp.link import IncomingLink, Link
from infra.local.servicebus.amqp.message import VALUE
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Declare,
    Declared,
    Discharge,
    Error,
    Rejected,
    TransactionalState,
)
from infra.local.servicebus.amqp.session import Session
from infra.local.servicebus.broker import BrokerError, Queue
from infra.local.servicebus.broker.transaction import Transaction, Transactions, Work
from infra.local.servicebus.server.core import Core
from infra.local.servicebus.server.errors import (
    NOT_ALLOWED,
    NOT_IMPLEMENTED,
    SIZE_EXCEEDED,
    error_of,
    refused,
)
from infra.local.servicebus.server.nodes import Node
from infra.local.servicebus.server.settlement import apply, check, confirmation
from infra.local.servicebus.storage import StorageError

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

ACCEPTED = Accepted()


class ClientTransactions:
    """What one connection knows of transactions: those it has open, and its groups of links."""

    def __init__(self, core: Core) -> None:
        self.open = Transactions(core.namespace)
        self._core = core
        self._groups: WeakKeyDictionary[Session, str] = WeakKeyDictionary()  # entity, '' = none yet

    def coordinate(self, session: Session) -> None:
        self._groups.setdefault(session, "")

    def enter(self, link: Link, address: str, *, sending: bool = False) -> str:
        """Return the top-level entity that work on this link happens on. Raises NotAllowed where
        its group happens on another and cannot go via it."""
        entity = top_level(address)
        via = self._groups.get(link.session)
        if not via:
            if via is not None:
                self._groups[link.session] = entity
            return entity
        if not sending and via.lower() != entity.lower():
            raise refused(
                NOT_ALLOWED,
                "Local transactions cannot span multiple top-level entities such as queue or "
                f"topic: this session works on '{via}', the link on '{entity}'.",
            )
        return via

    def of(self, state: Any) -> Transaction | None:
        """Return the transaction a delivery's state names. Raises TransactionUnknown."""
        return self.open.find(state.txn_id) if isinstance(state, TransactionalState) else None

    def spoil(self, state: Any, refusal: BrokerError | AmqpError) -> None:
        """Work of a transaction is refused and its sender does not listen."""
        if isinstance(state, TransactionalState):
            try:
                self.open.find(state.txn_id).spoil(refusal.text)
            except BrokerError:
                return  # There is no such transaction to spoil.

    def hold_settlement(self, queue: Queue, event: Disposed) -> None:
        """Hold what the peer's dispositions ask for, and tell it for each whether that will do."""
        link = event.link
        for sent in event.deliveries:
            try:
                transaction = self.open.find(event.state.txn_id)
                token, asked = sent.subject, event.state.outcome
                if asked is None:
                    raise refused(NOT_IMPLEMENTED, "A transactional disposition needs an outcome.")
                transaction.hold([settlement(queue, token, asked)], self._core.now())
            except BrokerError as refusal:
                if event.settled:
                    self.spoil(event.state, refusal)
                else:
                    link.echo(sent.delivery_id, Rejected(error_of(refusal)))
                continue
            if not event.settled:
                confirmed = confirmation(asked)
                held = TransactionalState(transaction.id, confirmed)
                link.echo(sent.delivery_id, held, settled=False)
                transaction.done.append(partial(link.echo, sent.delivery_id, confirmed))


def settlement(queue: Queue, token: UUID, state: Any) -> Work:
    return Work(
        top_level(queue.address),
        partial(apply, queue, token, state),
        partial(check, queue, token, state),
        lock=token,
    )


def sending(core: Core, via: str, address: str, payloads: Sequence[bytes]) -> Work:
    send = partial(core.namespace.send, address, payloads, via=via)
    return Work(via, send, address=address, payloads=payloads)


def top_level(address: str) -> str:
    """Return the queue or topic that an address belongs to."""
    lower = address.lower()
    end = min(at for at in (lower.find("/subscriptions/"), lower.find("/$"), len(lower)) if at >= 0)
    return address[:end]


class CoordinatorNode(Node):
    """A link that declares transactions and discharges them; those still open end with it."""

    def __init__(self, client: Client, link: IncomingLink) -> None:
        super().__init__(client)
        self._transactions = client.transactions.open
        self._declared: set[bytes] = set()
        client.transactions.coordinate(link.session)

    def arrived(self, event: Arrived) -> None:
        try:
            command = _command(event.payload)
            if event.presettled:
                raise refused(NOT_ALLOWED, "A coordinator is asked with unsettled transfers.")
            if isinstance(command, Declare):
                self._answer(event, Declared(self._declare()))
            elif isinstance(command, Discharge):
                self._discharge(event, command)
            else:
                raise refused(NOT_IMPLEMENTED, "A coordinator declares and discharges.")
        except (BrokerError, AmqpError) as refusal:
            self._answer(event, Rejected(error_of(refusal)))

    def oversize(self, event: Oversize) -> None:
        error = Error(SIZE_EXCEEDED, "The request is too large.")
        event.link.settle(event.delivery_id, Rejected(error))

    def detached(self) -> None:
        for txn_id in self._declared:
            self._transactions.drop(txn_id)

    def _declare(self) -> bytes:
        # A distributed transaction's global id is ignored, as Service Bus does.
        txn_id = self._transactions.declare()
        self._declared.add(txn_id)
        return txn_id

    def _discharge(self, event: Arrived, command: Discharge) -> None:
        """Acknowledge when the work is durable."""
        core = self.core
        self._declared.discard(command.txn_id)
        done = self._transactions.discharge(command.txn_id, core.now(), fail=bool(command.fail))

        def stored(failure: StorageError | None) -> None:
            if failure is None:
                for each in done:
                    each()
            self._answer(event, ACCEPTED if failure is None else Rejected(error_of(failure)))

        core.committer.after(stored)

    def _answer(self, event: Arrived, outcome: Accepted | Rejected | Declared) -> None:
        event.link.settle(event.delivery_id, None if event.presettled else outcome)
        self.client.flush_soon()


def _command(payload: bytes) -> Any:
    for code, _, value, end in Message.check(payload).sections:
        if code == VALUE:
            return decode_composite(payload, value, end)[0]
    return None
