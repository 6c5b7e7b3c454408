"""What a connection tells its owner, in the order it happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from infra.local.servicebus.amqp.link import IncomingLink, Link, OutgoingLink, Sent
    from infra.local.servicebus.amqp.performatives import Attach


class Attached(NamedTuple):
    """The peer wants a link: answer with link.accept(...) or link.refuse(...), now or later."""

    link: Link
    attach: Attach


class Arrived(NamedTuple):
    """A whole delivery came in: answer with link.settle(delivery_id, outcome). `state` is the
    sender's: the transaction the delivery belongs to, or None."""

    link: IncomingLink
    delivery_id: int
    message_format: int
    presettled: bool
    payload: bytes
    state: Any = None


class Oversize(NamedTuple):
    """A delivery grew beyond the link's maximum; its bytes are dropped as they come."""

    link: IncomingLink
    delivery_id: int
    presettled: bool
    state: Any = None


class Credited(NamedTuple):
    """The peer restated its credit; when link.draining, end with link.drained()."""

    link: OutgoingLink


class Disposed(NamedTuple):
    """The peer told the state of deliveries we sent, all of one link. Unless `settled`, it waits
    for link.echo(delivery_id, outcome).

    An outcome that only holds once its transaction is discharged leaves the deliveries unsettled
    (4.4.3): the peer may tell another one after a rollback. Echo it unsettled, and again, settled,
    when it holds."""

    link: OutgoingLink
    deliveries: list[Sent]
    state: Any
    settled: bool


class Detached(NamedTuple):
    """The link is gone, by detach, end or close; nothing may be sent on it any more."""

    link: Link


class Closed(NamedTuple):
    """The connection is over; write the output that is left and close the transport."""

    reason: str


Event = Attached | Arrived | Oversize | Credited | Disposed | Detached | Closed
