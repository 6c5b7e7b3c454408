"""What ordered faults do to a client's traffic; `faults.py` says which and when.

Every event of a connection passes through `inject` while a fault is in force, and every delivery
through `faulty_link.py`. Answers are held by giving a node a link that does not answer by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from infra.local.servicebus.amqp import Int, Symbol
from infra.local.servicebus.amqp.events import Attached, Disposed, Event
from infra.local.servicebus.amqp.performatives import Accepted, Error, Modified, Rejected
from infra.local.servicebus.broker import BrokerMessage, Namespace, Queue
from infra.local.servicebus.server.errors import status_of
from infra.local.servicebus.server.faults import NOW, Fault, Occasion, Ordered
from infra.local.servicebus.server.occasions import address_of, labels_of, occasion_of, parts_of
from infra.local.servicebus.server.requests import RequestNode, Response

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

Act = Callable[[], None]
Hold = Callable[[Act], None]
"""Takes what would answer the peer, to be called later, or never."""


def inject(client: Client, event: Event) -> None:
    """Act on the event, or do what the fault says that strikes it."""
    for part in parts_of(event):
        occasion = occasion_of(client, part)
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
            places = [(address_of(link), link.name) for link in links] or [("", "")]
            for entity, name in places:
                occasion = Occasion(NOW, entity, client.container_id, name, lambda: iter(()))
                if ordered.strikes(occasion):
                    client.cut(fault.last_words)
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
            labels = partial(labels_of, message.payload)
            if ordered.strikes(Occasion(NOW, queue.address, "", "", labels)):
                _expire(queue, message, now)


# What happens instead


class _HeldLink:
    """A link whose answers are held; everything else is the link's."""

    def __init__(self, link: Any, hold: Hold, outcome: Any = None) -> None:
        self._link = link
        self._hold = hold
        self._outcome = outcome

    def settle(self, delivery_id: int, outcome: Any) -> None:
        self._hold(lambda: self._link.settle(delivery_id, outcome))

    def echo(self, delivery_id: int, outcome: Any, *, settled: bool = True) -> None:
        failed = isinstance(outcome, Rejected) and outcome.error is not None
        told = outcome if failed or self._outcome is None else self._outcome
        self._hold(lambda: self._link.echo(delivery_id, told, settled=settled))

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
        _perform_holding(client, event, lambda _answer: client.cut(fault.last_words))
    else:
        client.cut(fault.last_words)


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
        node.carry_out(event, answer=lambda _request, _transaction: _failure(error))
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
