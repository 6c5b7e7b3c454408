"""What ordered faults do to deliveries; `faults.py` says which and when."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from infra.local.servicebus.amqp.link import OutgoingLink
from infra.local.servicebus.broker import BrokerError, Queue
from infra.local.servicebus.server.faults import RECEIVE, Fault, Occasion
from infra.local.servicebus.server.occasions import labels_of

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

Act = Callable[[], None]


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
        labels = partial(labels_of, payload)
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
        self._client.cut(fault.last_words)

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
