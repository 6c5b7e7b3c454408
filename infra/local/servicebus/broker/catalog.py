"""The entities a namespace has: found by address, put in and taken out with all their parts."""

from __future__ import annotations

from collections.abc import Iterable

from infra.local.servicebus.broker.definitions import (
    dead_letter_settings,
    own_settings,
    transfer_settings,
)
from infra.local.servicebus.broker.errors import EntityNotFound
from infra.local.servicebus.broker.queue import Queue
from infra.local.servicebus.broker.restore import Absent
from infra.local.servicebus.broker.runtime import Runtime
from infra.local.servicebus.broker.topic import Subscription, Topic
from infra.local.servicebus.settings import (
    DEAD_LETTER_QUEUE,
    TRANSFER_DEAD_LETTER_QUEUE,
    EntityConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)

SUBSCRIPTIONS = "Subscriptions"


class Catalog:
    """Names and addresses are case-insensitive."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._entities = runtime.entities  # by lower-case address
        self.absent = Absent()

    # Finding

    def entity(self, address: str) -> Queue | Topic:
        """Return the entity of an address: 'q', 't', 't/Subscriptions/s', and these (not the
        topic) with '/$DeadLetterQueue' or '/$Transfer/$DeadLetterQueue'. Raises EntityNotFound."""
        found: Queue | Topic | None = self._entities.get(address.strip("/").lower())
        if found is None:
            raise EntityNotFound(address)
        return found

    def entities(self) -> Iterable[Queue | Topic]:
        """Every queue, topic, subscription and dead-letter queue, in order of creation."""
        return self._entities.values()

    def queues(self) -> list[Queue]:
        """Return the queues proper, in order of their names."""
        found = (each for each in self._managed() if isinstance(each, Queue))
        return sorted((each for each in found if not is_part(each)), key=_by_name)

    def topics(self) -> list[Topic]:
        """Return the topics in order of their names."""
        return sorted((each for each in self._managed() if isinstance(each, Topic)), key=_by_name)

    def _managed(self) -> list[Queue | Topic]:
        """Everything but dead-letter queues, which come and go with their entity."""
        return [
            each
            for each in self._entities.values()
            if isinstance(each, Topic) or each.dead_letter_queue is not None
        ]

    def _topic(self, address: str) -> Topic:
        found = self.entity(address)
        if not isinstance(found, Topic):
            raise EntityNotFound(address)
        return found

    def _settings(self, path: str) -> EntityConfig | None:
        """Return the settings of the queue or topic of that path."""
        found = self._entities.get(path.lower())
        return None if found is None or is_part(found) else found.config

    # Putting in

    def _make_queue(self, config: QueueConfig, now: int) -> Queue:
        queue = Queue(
            config.name, config, self._runtime, *self._dead_letter_queues(config.name, config)
        )
        self._enter(queue, now)
        return queue

    def _make_topic(self, config: TopicConfig, now: int) -> Topic:
        topic = Topic(config.name, own_settings(config), self._runtime)
        self._enter(topic, now)
        return topic

    def _make_subscription(
        self, topic: Topic, config: SubscriptionConfig, now: int
    ) -> Subscription:
        address = f"{topic.address}/{SUBSCRIPTIONS}/{config.name}"
        subscription = Subscription(
            address, config, self._runtime, *self._dead_letter_queues(address, config)
        )
        topic.subscriptions[config.name.lower()] = subscription
        self._enter(subscription, now)
        return subscription

    def _dead_letter_queues(self, address: str, config: QueueConfig) -> tuple[Queue, Queue]:
        dead_letters, transfer = (
            Queue(f"{address}/{name}", settings(config), self._runtime, None)
            for name, settings in (
                (DEAD_LETTER_QUEUE, dead_letter_settings),
                (TRANSFER_DEAD_LETTER_QUEUE, transfer_settings),
            )
        )
        return dead_letters, transfer

    def _enter(self, entity: Queue | Topic, now: int) -> None:
        for part in parts(entity):
            self._entities[part.address.lower()] = part
            part.created_at = part.updated_at = part.accessed_at = now
            self.absent.give_back(part)

    # Changing

    def _apply(self, entity: Queue | Topic, config: EntityConfig) -> None:
        """Take on other settings; links that are not allowed any more end."""
        entity.set_config(own_settings(config))
        if isinstance(entity, Queue):
            for part, settings in (
                (entity.dead_letter_queue, dead_letter_settings),
                (entity.transfer_dead_letter_queue, transfer_settings),
            ):
                if part is not None:
                    part.set_config(settings(entity.config))

    def _hand_on(self, entity: Queue | Topic, now: int) -> None:
        """Forward what waits where it is not to stay: in the entity, which is new or changed and
        may have messages from before, and where no target took it, which may do so now."""
        stuck, self._runtime.stuck = self._runtime.stuck, {}
        self._forward([*parts(entity), *stuck], now)

    def _forward(self, sources: Iterable[Queue | Topic], now: int) -> None:
        for entity in tuple(sources):
            if isinstance(entity, Queue) and entity.config.forward_to is not None:
                entity.forward_waiting(now)
        self._runtime.wake(now)

    # Taking out

    def _leave(self, entity: Queue | Topic) -> None:
        """Without a topic's subscriptions."""
        for part in parts(entity):
            del self._entities[part.address.lower()]
        if isinstance(entity, Subscription):
            address, _, name = entity.address.rpartition(f"/{SUBSCRIPTIONS}/")
            self._topic(address).subscriptions.pop(name.lower())


def with_subscriptions(entity: Queue | Topic) -> list[Queue | Topic]:
    """Return the entity, after its subscriptions where it is a topic."""
    return [*entity.subscriptions.values(), entity] if isinstance(entity, Topic) else [entity]


def parts(entity: Queue | Topic) -> list[Queue | Topic]:
    """Return the entity and the dead-letter queues that come and go with it."""
    if isinstance(entity, Topic):
        return [entity]
    found = (entity, entity.dead_letter_queue, entity.transfer_dead_letter_queue)
    return [part for part in found if part is not None]


def is_part(entity: Queue | Topic) -> bool:
    """Answer whether it belongs to another: a subscription or dead-letter queue."""
    return isinstance(entity, Subscription) or (
        isinstance(entity, Queue) and entity.dead_letter_queue is None
    )


def _by_name(entity: Queue | Topic) -> str:
    return entity.address.lower()
