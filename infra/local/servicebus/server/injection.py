"""What ordered faults do to a client's traffic; `faults.py` says which and when.

Every event of a connection passes through `inject` while a fault is in force, and every delivery
through a FaultyLink. Answers are held by giving a node a link that does not answer by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from infra.local.servicebus.amqp import (
    BATCH_FORMAT,
    AmqpError,
    Int,
    Message,
    Symbol,
    split_batch,
)
from infra.local.servicebus.amqp.events import Arrived, Attached, Disposed, Event
from infra.local.servicebus.amqp.link import IncomingLink, OutgoingLink
from infra.local.servicebus.amqp.performatives import Accepted, Error, Modified, Rejected
from infra.local.servicebus.broker import BrokerError, BrokerMessage, Namespace, Queue
from infra.local.servicebus.server.addresses import node_of
from infra.local.servicebus.server.errors import status_of
from infra.local.servicebus.server.faults import (
    ATTACH,
    MANAGEMENT,
    NOW,
    RECEIVE,
    SEND,
    SETTLE,
    Fault,
    Occasion,
    Ordered,
)
from infra.local.servicebus.server.requests import RequestNode, Response

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

Act = Callable[[], None]
Hold = Callable[[Act], None]
"""Takes what would answer the peer, to be called later, or never."""

Labels = Iterator[tuple[str | None, str | None]]
"""(message id, session id) of each message, as texts."""


def inject(client: Client, event: Event) -> None:
    """Act on the event, or do what the fault says that strikes it."""
    for part in _parts(event):
        occasion = _occasion(client, part)
        fault = None if occasion is None else client.core.faults.strike(occasion)
        if fault is None:
            client.perform(part)
        else:
            _AT_EVENTS[fault.kind](client, part, fault)


def at_once(namespace: Namespace, clients: Iterable[Client], now: int, ordered: Ordered) -> None:
    """Do what is ordered for this very moment: cut connections, end locks."""
    fault = ordered.fault
    if fault.kind == "disconnect":
        for client in list(clients):
            links = client.connection.links()
            places = [(_address(link), link.name) for link in links] or [("", "")]
            for entity, name in places:
                occasion = Occasion(NOW, entity, client.container_id, name, lambda: iter(()))
                if ordered.strikes(occasion):
                    client.cut(_last_words(fault))
                    break
        return
    for queue in namespace.entities():
        if not isinstance(queue, Queue):
            continue
        if queue.sessions is not None:
            for lock in queue.sessions.locks():
                session = partial(iter, [(None, lock.session_id)])
                if ordered.strikes(Occasion(NOW, queue.address, "", "", session)):
                    queue.sessions.expire(lock, now)
            continue
        for message in queue.locked():
            labels = partial(_labels, message.payload)
            if ordered.strikes(Occasion(NOW, queue.address, "", "", labels)):
                _expire(queue, message, now)


def _last_words(fault: Fault) -> Error | None:
    return None if fault.condition is None else Error(fault.condition, fault.description)


# What an event is


def _parts(event: Event) -> Iterable[Event]:
    """One settlement at a time: each of a range can have a fate of its own."""
    if isinstance(event, Disposed) and len(event.deliveries) > 1:
        return [event._replace(deliveries=[sent]) for sent in event.deliveries]
    return (event,)


def _occasion(client: Client, event: Event) -> Occasion | None:
    if not isinstance(event, (Attached, Arrived, Disposed)) or (
        event.link.gone and not isinstance(event, Disposed)
    ):
        return None
    node = event.link.owner
    nothing: Callable[[], Labels] = partial(iter, ())
    operation, labels = ATTACH, nothing
    if isinstance(event, Disposed):
        if not isinstance(getattr(node, "queue", None), Queue):
            return None
        operation, labels = SETTLE, partial(_settled_labels, node.queue, event)
    elif isinstance(event, Arrived) and isinstance(node, RequestNode):
        operation = f"{MANAGEMENT}:{_requested(event)}"
    elif isinstance(event, Arrived):
        batch = event.message_format == BATCH_FORMAT
        operation, labels = SEND, partial(_labels, event.payload, batch=batch)
    entity = _address(event.link)
    return Occasion(operation, entity, client.container_id, event.link.name, labels)


def _address(link: Any) -> str:
    """Return the entity's address, also before the link is attached; '$cbs' for that node."""
    end = link.target if isinstance(link, IncomingLink) else link.source
    address = getattr(end, "address", None)
    if not isinstance(address, str):
        return ""
    entity, special = node_of(address)
    return entity or special or ""


def _requested(event: Arrived) -> str:
    try:
        request = Message.check(event.payload)
    except AmqpError:
        return ""
    operation = (request.application_properties or {}).get("operation", "")
    return str(operation).removeprefix("com.microsoft:")


def _labels(payload: bytes, *, batch: bool = False) -> Labels:
    try:
        for each in split_batch(payload) if batch else (payload,):
            found = Message.check(each).properties
            known = (found.message_id, found.group_id) if found else (None, None)
            message_id, session_id = (None if value is None else str(value) for value in known)
            yield message_id, session_id
    except AmqpError:
        return


def _settled_labels(queue: Queue, event: Disposed) -> Labels:
    tokens = {sent.subject for sent in event.deliveries}
    for message in queue.locked():
        if message.lock_token in tokens:
            yield from _labels(message.payload)


# What happens instead


class _HeldLink:
    """A link whose answers are held; everything else is the link's."""

    def __init__(self, link: Any, hold: Hold, outcome: Any = None) -> None:
        self._link = link
        self._hold = hold
        self._outcome = outcome

    def settle(self, delivery_id: int, outcome: Any) -> None:
        self._hold(lambda: self._link.settle(delivery_id, outcome))

    def echo(self, delivery_id: int, outcome: Any) -> None:
        failed = isinstance(outcome, Rejected) and outcome.error is not None
        told = outcome if failed or self._outcome is None else self._outcome
        self._hold(lambda: self._link.echo(delivery_id, told))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)


def _perform_holding(client: Client, event: Any, hold: Hold) -> None:
    node = event.link.owner
    if isinstance(node, RequestNode):
        node.carry_out(event, send=lambda reply, data: hold(lambda: reply.send(data)))
    else:
        client.perform(event._replace(link=_HeldLink(event.link, hold)))


def _afterwards(event: Event, fault: Fault) -> bool:
    """Answer whether the operation is carried out and only its answer is in trouble."""
    return fault.takes_effect and not isinstance(event, Attached)


def _disconnect(client: Client, event: Event, fault: Fault) -> None:
    if _afterwards(event, fault):
        _perform_holding(client, event, lambda _answer: client.cut(_last_words(fault)))
    else:
        client.cut(_last_words(fault))


def _drop(client: Client, event: Event, fault: Fault) -> None:
    if _afterwards(event, fault):
        _perform_holding(client, event, lambda _answer: None)


def _delay(client: Client, event: Event, fault: Fault) -> None:
    def later(act: Act) -> None:
        client.core.later(fault.delay_ms, lambda: client.do(act))

    if _afterwards(event, fault):
        _perform_holding(client, event, later)
    else:
        later(lambda: client.perform(event))


def _refuse(client: Client, event: Any, fault: Fault) -> None:
    error = Error(fault.condition or "com.microsoft:server-busy", fault.description)
    link, node = event.link, event.link.owner
    if isinstance(event, Attached):
        client.refuse(link, error)
    elif isinstance(event, Disposed):
        if not event.settled:
            for sent in event.deliveries:
                link.echo(sent.delivery_id, Rejected(error))
    elif isinstance(node, RequestNode):
        node.carry_out(event, answer=lambda _request: _failure(error))
    else:
        link.settle(event.delivery_id, None if event.presettled else Rejected(error))


def _failure(error: Error) -> Response:
    """A refusal in the words of `$management` and in those of `$cbs`."""
    status = Int(status_of(error))
    return Response(
        {
            "statusCode": status,
            "status-code": status,
            "statusDescription": error.description,
            "status-description": error.description,
            "errorCondition": Symbol(error.condition),
        }
    )


def _duplicate(client: Client, event: Any, _fault: Fault) -> None:
    """Confirmed as asked for, and yet the message comes again."""
    confirmed = Rejected() if isinstance(event.state, Rejected) else event.state or Accepted()
    link = _HeldLink(event.link, lambda answer: answer(), confirmed)
    client.perform(event._replace(link=link, state=Modified(True, False)))


def _expire_lock(client: Client, event: Any, _fault: Fault) -> None:
    queue = event.link.owner.queue
    tokens = {sent.subject for sent in event.deliveries}
    for message in queue.locked():
        if message.lock_token in tokens:
            _expire(queue, message, client.core.now())
    client.perform(event)


def _expire(queue: Queue, message: BrokerMessage, now: int) -> None:
    if message.lock_token is not None:
        queue.expire_lock(message.lock_token, now)


_AT_EVENTS: dict[str, Callable[[Client, Any, Fault], None]] = {
    "disconnect": _disconnect,
    "drop": _drop,
    "delay": _delay,
    "refuse": _refuse,
    "duplicate": _duplicate,
    "expire-lock": _expire_lock,
}


# Deliveries


def faulty(client: Client, link: OutgoingLink, queue: Queue) -> OutgoingLink:
    """Return the link with faults striking what is sent on it."""
    return cast(OutgoingLink, FaultyLink(client, link, queue))


class FaultyLink:
    """An outgoing link on which faults strike deliveries; everything else is the link's."""

    def __init__(self, client: Client, link: OutgoingLink, queue: Queue) -> None:
        self._client = client
        self._link = link
        self._queue = queue

    def send(self, tag: bytes, payload: bytes, *, settled: bool, subject: Any = None) -> None:
        client, link = self._client, self._link
        labels = partial(_labels, payload)
        occasion = Occasion(RECEIVE, self._queue.address, client.container_id, link.name, labels)
        fault = client.core.faults.strike(occasion)
        send = partial(link.send, tag, payload, settled=settled, subject=subject)
        if fault is None:
            send()
        else:
            _AT_DELIVERIES[fault.kind](self, send, fault, subject)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    def disconnect(self, send: Act, fault: Fault, _token: Any) -> None:
        if fault.takes_effect:
            send()
        self._client.cut(_last_words(fault))

    def drop(self, _send: Act, _fault: Fault, _token: Any) -> None:
        """The message stays locked for a receiver that has never heard of it."""

    def delay(self, send: Act, fault: Fault, token: Any) -> None:
        def deliver() -> None:
            if not self._link.open:
                return  # locked until its lock ends, as with any link that is lost
            if self._link.sendable > 0:
                send()
            elif token is not None:
                self._give_back(token)

        self._client.core.later(fault.delay_ms, lambda: self._client.do(deliver))

    def duplicate(self, send: Any, _fault: Fault, _token: Any) -> None:
        send()
        again = partial(self._link.send, uuid4().bytes_le, *send.args[1:], **send.keywords)
        if self._link.sendable > 0:
            again()
        else:
            self._client.with_credit(self._link, again)

    def expire_lock(self, send: Act, _fault: Fault, token: Any) -> None:
        send()
        if token is not None:
            self._queue.expire_lock(token, self._client.core.now())

    def _give_back(self, token: Any) -> None:
        try:
            self._queue.release(token, self._client.core.now())
        except BrokerError:
            return  # its lock has ended meanwhile
        self._client.core.committer.soon()


_AT_DELIVERIES: dict[str, Callable[[FaultyLink, Any, Fault, Any], None]] = {
    "disconnect": FaultyLink.disconnect,
    "drop": FaultyLink.drop,
    "delay": FaultyLink.delay,
    "duplicate": FaultyLink.duplicate,
    "expire-lock": FaultyLink.expire_lock,
}
