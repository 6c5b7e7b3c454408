"""What is where and why, as JSON documents: for people and tests, over HTTP and in Python.

Looking changes nothing. Every answer is bounded, because it is made in one turn of the bus's loop.
Times are ISO 8601 in UTC; a null says that there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from infra.local.servicebus.amqp import Message
from infra.local.servicebus.amqp.link import Link, OutgoingLink
from infra.local.servicebus.broker import BrokerMessage, InvalidArgument, Namespace, Queue, Topic
from infra.local.servicebus.broker.queue import DESCRIPTION, REASON

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

Document = dict[str, Any]

TOP, MOST = 100, 1000
"""Messages or connections in one answer: unless told otherwise, and at most."""


def overview(namespace: Namespace) -> Document:
    """Return counts per entity, by address in configuration order.

    Of a queue or subscription: active (locked ones included, as in Azure), locked, scheduled,
    deferred, deadLettered, transferDeadLettered. Of a topic: scheduled. `unconfigured` counts the
    stored messages of entities that are no longer configured; they wait until they are again."""
    entities: dict[str, dict[str, int]] = {}
    for entity in namespace.entities():
        if not isinstance(entity, Queue):
            entities[entity.address] = {"scheduled": entity.scheduled_count}
            continue
        counts = entity.counts()
        entities[entity.address] = {
            "active": counts.active,
            "locked": counts.locked,
            "scheduled": counts.scheduled,
            "deferred": counts.deferred,
            "deadLettered": counts.dead_letter,
            "transferDeadLettered": counts.transfer_dead_letter,
        }
    return {"entities": entities, "unconfigured": namespace.orphans}


def messages(
    entity: Queue | Topic, clients: Iterable[Client], *, skip: int = 0, top: int = TOP
) -> list[Document]:
    """Return the entity's messages by ascending sequence number, whatever their state.

    Each: sequenceNumber, messageId, sessionId, state (active, locked, deferred, scheduled),
    deliveryCount, enqueuedTime, expiresAt, scheduledTime, lockedUntil, lockHolder ({client, link};
    null also when its link has gone), deadLetterReason, deadLetterErrorDescription, bytes.
    Raises InvalidArgument for numbers out of range."""
    check_page(skip, top)
    found = entity.messages(skip, top)
    holders = _holders({each.lock_token for each in found if each.lock_token}, clients)
    return [_message(each, holders) for each in found]


def check_page(skip: int, top: int) -> None:
    if skip < 0 or not 1 <= top <= MOST:
        raise InvalidArgument(f"'skip' is 0 or more, 'top' from 1 to {MOST}.")


def _message(message: BrokerMessage, holders: dict[UUID, Document]) -> Document:
    sent = Message.check(message.payload)
    properties = message.application_properties or sent.application_properties or {}
    locked = message.lock_token
    return {
        "sequenceNumber": message.sequence_number,
        "messageId": _text(sent.properties.message_id if sent.properties else None),
        "sessionId": _text(sent.properties.group_id if sent.properties else None),
        "state": message.state.name.lower() if locked is None else "locked",
        "deliveryCount": message.delivery_count,
        "enqueuedTime": iso_time(message.enqueued_time),
        "expiresAt": iso_time(message.expires_at),
        "scheduledTime": iso_time(message.scheduled_enqueue_time),
        "lockedUntil": iso_time(message.locked_until),
        "lockHolder": None if locked is None else holders.get(locked),
        "deadLetterReason": _text(properties.get(REASON)),
        "deadLetterErrorDescription": _text(properties.get(DESCRIPTION)),
        "bytes": len(message.payload),
    }


def _holders(tokens: set[UUID], clients: Iterable[Client]) -> dict[UUID, Document]:
    """Return which link each of the locks was given to."""
    holders: dict[UUID, Document] = {}
    if not tokens:
        return holders
    for client in clients:
        for session in client.connection.sessions.values():
            for sent in session.unsettled.values():
                if sent.subject in tokens:
                    holder = {"client": client.container_id, "link": sent.link.name}
                    holders[sent.subject] = holder
    return holders


def connections(clients: Iterable[Client], *, skip: int = 0, top: int = TOP) -> list[Document]:
    """Return who is connected: client (container id), peer (address), links with name, direction
    (seen from the client), address, credit (what the client may still get or send) and unsettled
    (deliveries it has not settled). Raises InvalidArgument for numbers out of range."""
    check_page(skip, top)
    return [_connection(client) for client in islice(clients, skip, skip + top)]


def _connection(client: Client) -> Document:
    links: list[Document] = []
    for session in client.connection.sessions.values():
        unsettled: dict[Link, int] = {}
        for sent in session.unsettled.values():
            unsettled[sent.link] = unsettled.get(sent.link, 0) + 1
        links += [_link(link, unsettled.get(link, 0)) for link in session.links.values()]
    return {"client": client.container_id, "peer": client.peer, "links": links}


def _link(link: Link, unsettled: int) -> Document:
    receiving = isinstance(link, OutgoingLink)
    end = link.source if receiving else link.target
    return {
        "name": link.name,
        "direction": "receive" if receiving else "send",
        "address": getattr(end, "address", None),
        "credit": link.credit,
        "unsettled": unsettled,
    }


def links(clients: Iterable[Client]) -> Iterator[Link]:
    for client in clients:
        yield from client.connection.links()


def iso_time(ms: int | None) -> str | None:
    """Return ms since the epoch as ISO 8601; times beyond the year 9999 as that year's end."""
    if ms is None:
        return None
    latest = 253_402_300_799_999
    time = datetime.fromtimestamp(min(ms, latest) / 1000, timezone.utc)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
