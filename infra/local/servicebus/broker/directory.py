"""The entities of a namespace: found by address, made, changed and removed while it runs."""

from __future__ import annotations

from collections.abc import Iterable

from infra.local.servicebus.broker.changes import EntityPut, EntityRemoved
from infra.local.servicebus.broker.definitions import (
    check,
    check_update,
    dead_letter_settings,
    is_update,
    own_settings,
    transfer_settings,
)
from infra.local.servicebus.broker.errors import (
    EntityAlreadyExists,
    EntityNotFound,
    NotAllowed,
)
from infra.local.servicebus.broker.queue import Queue
from infra.local.servicebus.broker.runtime import Runtime
from infra.local.servicebus.broker.topic import Subscription, Topic
from infra.local.servicebus.settings import (
    DEAD_LETTER_QUEUE,
    DEFAULT_RULE_NAME,
    TRANSFER_DEAD_LETTER_QUEUE,
    EntityConfig,
    NamespaceConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)

SUBSCRIPTIONS = "Subscriptions"


class Directory:
    """`now` is int ms since the epoch, UTC. Names and addresses are case-insensitive.

    Creating raises EntityAlreadyExists, updating and deleting EntityNotFound; both raise
    InvalidArgument for settings no entity can have (a bad name, a forward target that is missing,
    itself or a way back), and an update NotAllowed for what only creation decides.

    What was said last of an entity counts: the configuration file when it says something new,
    or else the latest of these calls. So what is created here is there after a restart, and an
    entity of the file that is changed or deleted here stays so until the file's settings for it
    change. A file that no longer names an entity leaves it, with its messages, in storage until
    it does again."""

    def __init__(self, config: NamespaceConfig, runtime: Runtime, now: int) -> None:
        self.config = config
        self._runtime = runtime
        self._began = now
        self._entities = runtime.entities  # by lower-case address
        self._configured: dict[str, EntityConfig] = {}  # what the file says, by lower-case address
        for queue in config.queues:
            self._make_queue(queue, now)
        for topic in config.topics:
            made = self._make_topic(topic, now)
            for subscription in topic.subscriptions:
                self._make_subscription(made, subscription, now)
        for entity in self._managed():
            check(entity.address, entity.config, self._settings)
            self._configured[entity.address.lower()] = entity.config

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
        return sorted(
            (each for each in self._managed() if isinstance(each, Queue) and not _within(each)),
            key=_by_name,
        )

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

    def _settings(self, path: str) -> EntityConfig | None:
        found = self._entities.get(path.lower())
        return None if found is None or _within(found) else found.config

    # Creating

    def create_queue(self, config: QueueConfig, now: int) -> Queue:
        self._vacant(config.name)
        check(config.name, config, self._settings)
        queue = self._make_queue(config, now)
        self._said(queue)
        self._forward_all(None, now)
        return queue

    def create_topic(self, config: TopicConfig, now: int) -> Topic:
        """With the subscriptions of `config`."""
        self._vacant(config.name)
        check(config.name, config, self._settings)
        topic = self._make_topic(config, now)
        self._said(topic)
        for subscription in config.subscriptions:
            self.create_subscription(topic.address, subscription, now)
        self._forward_all(None, now)
        return topic

    def create_subscription(self, topic: str, config: SubscriptionConfig, now: int) -> Subscription:
        """`config.rules` replace the default rule."""
        parent = self._topic(topic)
        address = f"{parent.address}/{SUBSCRIPTIONS}/{config.name}"
        self._vacant(address)
        check(address, config, self._settings)
        subscription = self._make_subscription(parent, own_settings(config), now)
        self._said(subscription)
        if config.rules:
            subscription.remove_rule(DEFAULT_RULE_NAME)
        for rule in config.rules:
            subscription.add_rule(rule)
        return subscription

    def _vacant(self, address: str) -> None:
        if address.lower() in self._entities:
            raise EntityAlreadyExists(f"The messaging entity '{address}' already exists.")

    def _topic(self, address: str) -> Topic:
        found = self.entity(address)
        if not isinstance(found, Topic):
            raise EntityNotFound(address)
        return found

    def _make_queue(self, config: QueueConfig, now: int) -> Queue:
        queue = Queue(
            config.name,
            config,
            self._runtime,
            *self._dead_letter_queues(config.name, config),
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
        transfer = Queue(
            f"{address}/{TRANSFER_DEAD_LETTER_QUEUE}",
            transfer_settings(config),
            self._runtime,
            None,
        )
        dead_letters = Queue(
            f"{address}/{DEAD_LETTER_QUEUE}",
            dead_letter_settings(config),
            self._runtime,
            None,
        )
        return dead_letters, transfer

    def _enter(self, entity: Queue | Topic, now: int) -> None:
        for part in _parts(entity):
            self._entities[part.address.lower()] = part
            part.created_at = part.updated_at = part.accessed_at = now

    # Changing

    def update_queue(self, config: QueueConfig, now: int) -> Queue:
        queue = self.entity(config.name)
        if not isinstance(queue, Queue) or _within(queue):
            raise EntityNotFound(config.name)
        self._update(queue, config, now)
        return queue

    def update_topic(self, config: TopicConfig, now: int) -> Topic:
        """Leaves the subscriptions alone."""
        topic = self._topic(config.name)
        self._update(topic, config, now)
        return topic

    def update_subscription(self, topic: str, config: SubscriptionConfig, now: int) -> Subscription:
        """Leaves the rules alone."""
        parent = self._topic(topic)
        subscription = parent.subscriptions.get(config.name.lower())
        if subscription is None:
            raise EntityNotFound(f"{parent.address}/{SUBSCRIPTIONS}/{config.name}")
        self._update(subscription, config, now)
        return subscription

    def _update(self, entity: Queue | Topic, config: EntityConfig, now: int) -> None:
        check_update(entity.address, entity.config, config)
        check(entity.address, config, self._settings)
        self._apply(entity, config)
        entity.updated_at = entity.accessed_at = now
        self._said(entity)
        self._forward_all(None, now)

    def _forward_all(self, _: object, now: int) -> None:
        """Hand on what waits where it is not to stay: its target may be there now."""
        for entity in tuple(self._entities.values()):
            if isinstance(entity, Queue) and entity.config.forward_to is not None:
                entity.forward_waiting(now)
        self._runtime.wake(now)

    def _apply(self, entity: Queue | Topic, config: EntityConfig) -> None:
        """Take on other settings, and end the links that are not allowed any more."""
        entity.set_config(own_settings(config))
        if isinstance(entity, Queue):
            for part, settings in (
                (entity.dead_letter_queue, dead_letter_settings),
                (entity.transfer_dead_letter_queue, transfer_settings),
            ):
                if part is not None:
                    part.set_config(settings(entity.config))

    # Deleting

    def delete(self, address: str, now: int) -> None:
        """Remove a queue, a topic with its subscriptions, or a subscription, with everything it
        holds."""
        entity = self.entity(address)
        if isinstance(entity, Queue) and entity.dead_letter_queue is None:
            raise NotAllowed(f"'{entity.address}' goes with its entity only.")
        if isinstance(entity, Topic):
            for subscription in tuple(entity.subscriptions.values()):
                self._remove(subscription, now)
        self._remove(entity, now)
        self._runtime.wake(now)

    def _remove(self, entity: Queue | Topic, now: int) -> None:
        self._leave(entity)
        for part in _parts(entity):
            part.discard(EntityNotFound(part.address))
            self._runtime.changes.append(EntityRemoved(part.address))
        configured = self._configured.get(entity.address.lower())
        if configured is not None:
            self._runtime.changes.append(
                EntityPut(entity.address, None, entity.created_at, now, configured)
            )

    def _leave(self, entity: Queue | Topic) -> None:
        for part in _parts(entity):
            del self._entities[part.address.lower()]
        if isinstance(entity, Subscription):
            topic_address, _, name = entity.address.rpartition(f"/{SUBSCRIPTIONS}/")
            self._topic(topic_address).subscriptions.pop(name.lower())

    # Durability

    def _said(self, entity: Queue | Topic) -> None:
        """Journal the entity as it is now, and what the file says of it."""
        self._runtime.changes.append(
            EntityPut(
                entity.address,
                entity.config,
                entity.created_at,
                entity.updated_at,
                self._configured.get(entity.address.lower()),
            )
        )

    def adopt(self, stored: Iterable[EntityPut]) -> None:
        """Take over what storage knows of entities; see the class for which word counts."""
        new = dict(self._configured)
        # Topics first: subscriptions need theirs.
        for row in sorted(stored, key=lambda row: isinstance(row.config, SubscriptionConfig)):
            key = row.entity.lower()
            said = self._configured.get(key)
            entity = self._entities.get(key)
            if said is None:
                if row.configured is None:
                    self._readopt(row)
                continue
            if said != row.configured:
                if entity is not None:
                    entity.created_at = row.created_at
                continue
            del new[key]
            if entity is not None and row.config and is_update(entity.config, row.config):
                self._apply(entity, row.config)
                entity.created_at, entity.updated_at = row.created_at, row.updated_at
                continue
            if entity is not None:
                self._leave_all(entity)
            self._readopt(row)
        for key in new:
            if key in self._entities:
                self._said(self._entities[key])
        if any(isinstance(each, Queue) and each.config.forward_to for each in self.entities()):
            # Once their messages are back: some may have got there before their queue forwarded.
            self._runtime.timers.at(self._began, self._forward_all, None)

    def _leave_all(self, entity: Queue | Topic) -> None:
        if isinstance(entity, Topic):
            for subscription in tuple(entity.subscriptions.values()):
                self._leave(subscription)
        self._leave(entity)

    def _readopt(self, row: EntityPut) -> None:
        """Make an entity again that one of our calls made before the restart."""
        if isinstance(row.config, SubscriptionConfig):
            address, _, _ = row.entity.rpartition(f"/{SUBSCRIPTIONS}/")
            topic = self._entities.get(address.lower())
            if not isinstance(topic, Topic):
                return  # the file no longer names it; the subscription waits in storage, too
            entity: Queue | Topic = self._make_subscription(topic, row.config, self._began)
        elif isinstance(row.config, QueueConfig):
            entity = self._make_queue(row.config, self._began)
        elif isinstance(row.config, TopicConfig):
            entity = self._make_topic(row.config, self._began)
        else:
            return
        entity.created_at, entity.updated_at = row.created_at, row.updated_at


def _parts(entity: Queue | Topic) -> list[Queue | Topic]:
    """The entity and the dead-letter queues that come and go with it."""
    if isinstance(entity, Topic):
        return [entity]
    parts = (entity, entity.dead_letter_queue, entity.transfer_dead_letter_queue)
    return [part for part in parts if part is not None]


def _within(entity: Queue | Topic) -> bool:
    """Answer whether it is part of another: a subscription or dead-letter queue."""
    return isinstance(entity, Subscription) or (
        isinstance(entity, Queue) and entity.dead_letter_queue is None
    )


def _by_name(entity: Queue | Topic) -> str:
    return entity.address.lower()
