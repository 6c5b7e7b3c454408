"""Deciding on a link: which node it leads to, or why it is refused.

Service Bus protocol guide, "Links"; refusals as the SDKs map them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.local.servicebus.amqp.events import Attached
from infra.local.servicebus.amqp.link import IncomingLink, OutgoingLink
from infra.local.servicebus.amqp.performatives import Coordinator, Source, Target
from infra.local.servicebus.broker import BrokerError, Queue, Subscription, Topic
from infra.local.servicebus.server.addresses import CBS, MANAGEMENT, node_of
from infra.local.servicebus.server.errors import NOT_ALLOWED, error_of, refused
from infra.local.servicebus.server.management import Management
from infra.local.servicebus.server.nodes import Node
from infra.local.servicebus.server.receiving import ReceivingNode
from infra.local.servicebus.server.requests import Answer, ReplyNode, RequestNode
from infra.local.servicebus.server.security import SEND
from infra.local.servicebus.server.sending import SendingNode
from infra.local.servicebus.server.sessions import AcceptingNode, wants_session
from infra.local.servicebus.server.transactions import CoordinatorNode

if TYPE_CHECKING:
    from infra.local.servicebus.server.client import Client

TRANSFER_DESTINATION = "com.microsoft:transfer-destination-address"
_SETTLED = 1  # snd-settle-mode: the sender settles on sending (AMQP 1.0, 2.8.2)


def attach(client: Client, event: Attached) -> None:
    """Accept the link and give it its node, or refuse it; one that waits for a session is answered
    later."""
    link = event.link
    if link.gone:
        return
    try:
        client.claims.authorize(link)
        client.core.link_names.take(client, link)
        node = _node(client, link)
    except BrokerError as refusal:
        client.refuse(link, error_of(refusal))
        return
    link.owner = node
    limit = client.core.max_message_bytes
    if isinstance(node, AcceptingNode):
        node.accept()
    elif isinstance(link, IncomingLink):
        batch, limit = limit, node.message_bytes if isinstance(node, SendingNode) else limit
        properties: dict[str, Any] = {"com.microsoft:max-message-batch-size": min(batch, limit)}
        if TRANSFER_DESTINATION in link.properties:
            properties[TRANSFER_DESTINATION] = link.properties[TRANSFER_DESTINATION]
        link.accept(properties=properties, max_message_size=limit)
    else:
        link.accept(max_message_size=limit)


def _node(client: Client, link: Any) -> Node:
    incoming = isinstance(link, IncomingLink)
    terminus = link.target if incoming else link.source
    if incoming and isinstance(terminus, Coordinator):
        return CoordinatorNode(client, link)
    if not isinstance(terminus, Target if incoming else Source) or not terminus.address:
        raise refused("amqp:invalid-field", "A link needs the address of an entity.")
    path, special = node_of(terminus.address)
    if special is not None:
        return _request_node(client, link, path, special)
    entity = client.core.namespace.entity(path)
    if incoming:
        return _sending_node(client, link, _sendable(entity))
    return _receiving_node(client, link, entity)


def _receiving_node(
    client: Client, link: OutgoingLink, entity: Queue | Topic
) -> ReceivingNode | AcceptingNode:
    if isinstance(entity, Topic):
        raise refused(
            NOT_ALLOWED, f"'{entity.address}' is a topic: receive from one of its subscriptions."
        )
    entity.check_receive()
    client.transactions.enter(link, entity.address)
    settle_on_delivery = link.snd_settle_mode == _SETTLED
    if not wants_session(link.source):
        if entity.sessions is not None:
            raise refused(
                NOT_ALLOWED, f"'{entity.address}' requires sessions: accept one to receive."
            )
        return ReceivingNode(client, link, entity, settle_on_delivery=settle_on_delivery)
    if entity.sessions is None:
        raise refused(NOT_ALLOWED, f"'{entity.address}' has no sessions to receive from.")
    return AcceptingNode(
        client, link, entity, entity.sessions, settle_on_delivery=settle_on_delivery
    )


def _request_node(client: Client, link: Any, path: str, special: str) -> Node:
    answer: Answer = client.claims.put_token
    if special == MANAGEMENT:
        answer = Management(client.core, client.core.namespace.entity(path), client.claims).answer
        client.transactions.enter(link, path)
    name = CBS if special == CBS else f"{path}/{MANAGEMENT}".lower()
    if isinstance(link, OutgoingLink):
        return ReplyNode(client, link, name)
    return RequestNode(client, link, name, answer)


def _sending_node(client: Client, link: IncomingLink, address: str) -> SendingNode:
    """`address` is the via entity where the link names another as its destination."""
    via = client.transactions.enter(link, address, sending=True)
    destination = link.properties.get(TRANSFER_DESTINATION)
    if isinstance(destination, str):
        client.claims.require(node_of(destination)[0], SEND)
        address = _sendable(client.core.namespace.entity(node_of(destination)[0]))
    return SendingNode(client, link, address, via)


def _sendable(entity: Queue | Topic) -> str:
    entity.check_send()
    if isinstance(entity, Subscription) or (
        isinstance(entity, Queue) and entity.dead_letter_queue is None
    ):
        raise refused(NOT_ALLOWED, f"'{entity.address}' cannot be sent to.")
    return entity.address
