"""Messages and namespaces the tests of the bus core are made of."""

from __future__ import annotations

from typing import Any

from infra.local.servicebus.amqp.message import Header, Message, Properties, encode_message
from infra.local.servicebus.amqp.values import Symbol, Timestamp
from infra.local.servicebus.broker import BrokerMessage, Delivery, Namespace, Queue, Subscription
from infra.local.servicebus.filters import SqlFilterConfig
from infra.local.servicebus.settings import (
    NamespaceConfig,
    QueueConfig,
    RuleConfig,
    SubscriptionConfig,
    TopicConfig,
)

SECOND = 1_000
MINUTE = 60 * SECOND


def message(
    name: str | None = None,
    *,
    ttl: int | None = None,
    at: int | None = None,
    properties: dict[str, Any] | None = None,
    **fields: Any,
) -> bytes:
    """Return one encoded message; `at` schedules it, `fields` are of the properties section."""
    return encode_message(
        header=None if ttl is None else Header(ttl=ttl),
        message_annotations=None
        if at is None
        else {Symbol("x-opt-scheduled-enqueue-time"): Timestamp(at)},
        properties=Properties(message_id=name, **fields),
        application_properties=properties,
        data=b"a body",
    )


def name_of(held: BrokerMessage | Delivery) -> Any:
    found = Message.parse(held.message.payload if isinstance(held, Delivery) else held.payload)
    assert found.properties is not None
    return found.properties.message_id


def names(held: list[BrokerMessage] | list[Delivery]) -> list[Any]:
    return [name_of(each) for each in held]


def one_queue(**settings: Any) -> tuple[Namespace, Queue]:
    namespace = Namespace(NamespaceConfig(queues=(QueueConfig("q", **settings),)))
    return namespace, queue_of(namespace, "q")


def queue_of(namespace: Namespace, address: str) -> Queue:
    entity = namespace.entity(address)
    assert isinstance(entity, Queue)
    return entity


def subscription_of(namespace: Namespace, address: str) -> Subscription:
    entity = namespace.entity(address)
    assert isinstance(entity, Subscription)
    return entity


def dead_letters(queue: Queue) -> list[BrokerMessage]:
    assert queue.dead_letter_queue is not None
    return queue.dead_letter_queue.peek(0, 1_000, 0)


def reason_of(held: BrokerMessage) -> tuple[Any, Any]:
    changed = held.application_properties or {}
    return changed.get("DeadLetterReason"), changed.get("DeadLetterErrorDescription")


def sql_rule(name: str, expression: str, action: str | None = None) -> RuleConfig:
    return RuleConfig(name, SqlFilterConfig(expression), action)


def one_topic(*subscriptions: SubscriptionConfig, **settings: Any) -> Namespace:
    return Namespace(
        NamespaceConfig(topics=(TopicConfig("t", subscriptions=subscriptions, **settings),))
    )
