"""What an event of a connection is to the faults that are ordered: an operation at an entity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from infra.local.servicebus.amqp import BATCH_FORMAT, AmqpError, Message, split_batch
from infra.local.servicebus.amqp.events import Arrived, Attached, Disposed, Event
from infra.local.servicebus.amqp.link import IncomingLink
from infra.local.servicebus.broker import Queue
from infra.local.servicebus.server.addresses import node_of
from infra.local.servicebus.server.faults import ATTACH, MANAGEMENT, SEND, SETTLE, Occasion
from infra.local.servicebus.server.requests import RequestNode

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

Labels = Iterator[tuple[str | None, str | None]]
"""(message id, session id) of each message, as texts."""


def parts_of(event: Event) -> Iterable[Event]:
    """One settlement at a time: each of a range can have a fate of its own."""
    if isinstance(event, Disposed) and len(event.deliveries) > 1:
        return [event._replace(deliveries=[sent]) for sent in event.deliveries]
    return (event,)


def occasion_of(client: Client, event: Event) -> Occasion | None:
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
        operation, labels = SEND, partial(labels_of, event.payload, batch=batch)
    entity = address_of(event.link)
    return Occasion(operation, entity, client.container_id, event.link.name, labels)


def address_of(link: Any) -> str:
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


def labels_of(payload: bytes, *, batch: bool = False) -> Labels:
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
            yield from labels_of(message.payload)
