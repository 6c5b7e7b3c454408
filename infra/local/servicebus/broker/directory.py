"""Making, changing and removing entities while the bus runs, and finding them after a restart."""

from __future__ import annotations

from collections.abc import Iterable

from infra.local.servicebus.broker.catalog import (
    SUBSCRIPTIONS,
    Catalog,
    is_part,
    parts,
    with_subscriptions,
)
from infra.local.servicebus.broker.changes import EntityPut, EntityRemoved
from infra.local.servicebus.broker.definitions import (
    check,
    check_update,
    is_update,
    own_settings,
)
from infra.local.servicebus.broker.errors import (
    EntityAlreadyExists,
    EntityNotFound,
    NotAllowed,
)
from infra.local.servicebus.broker.queue import Queue
from infra.local.servicebus.broker.rules import Rule
from infra.local.servicebus.broker.runtime import Runtime
from infra.local.servicebus.broker.timers import Timer
from infra.local.servicebus.broker.topic import Subscription, Topic
from infra.local.servicebus.settings import (
    DEFAULT_RULE_NAME,
    EntityConfig,
    NamespaceConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)


class Directory(Catalog):
    """`now` is int ms since the epoch, UTC.

    Creating raises EntityAlreadyExists, updating and deleting EntityNotFound; both raise
    InvalidArgument for settings no entity can have (a bad name, a forward target that is missing,
    itself or a way back, what the limits do not allow), creating QuotaExceeded for too many, and an
    update NotAllowed for what only creation decides.

    What was said last of an entity counts: the configuration file when it says something new,
    or else the latest of these calls. So what is created here is there after a restart, and an
    entity of the file that is changed or deleted here stays so until the file's settings for it
    change. A file that no longer names an entity leaves it, with its messages, in storage until
    it, or one of these calls, does again."""

    def __init__(self, config: NamespaceConfig, runtime: Runtime, now: int) -> None:
        super().__init__(runtime)
        self.config = config
        self._began = now
        self._idle: dict[str, Timer] = {}  # by address
        self._configured: dict[str, EntityConfig] = {}  # what the file says, by lower-case address
        for queue in config.queues:
            self._make_queue(queue, now)
        self._check_count("entities", len(config.queues) + len(config.topics))
        for topic in config.topics:
            self._check_count("subscriptions", len(topic.subscriptions))
            made = self._make_topic(topic, now)
            for subscription in topic.subscriptions:
                self._make_subscription(made, subscription, now)
        for entity in self._managed():
            self._check(entity.address, entity.config)
            if isinstance(entity, Subscription):
                entity.check_rules()
            self._configured[entity.address.lower()] = entity.config

    # Creating

    def create_queue(self, config: QueueConfig, now: int) -> Queue:
        self._check_new_entity(config)
        queue = self._make_queue(config, now)
        self._said(queue)
        self._hand_on(queue, now)
        return queue

    def create_topic(self, config: TopicConfig, now: int) -> Topic:
        """With the subscriptions of `config`."""
        self._check_new_entity(config)
        topic = self._make_topic(config, now)
        self._said(topic)
        for subscription in config.subscriptions:
            self.create_subscription(topic.address, subscription, now)
        self._hand_on(topic, now)
        return topic

    def create_subscription(self, topic: str, config: SubscriptionConfig, now: int) -> Subscription:
        """`config.rules` replace the default rule."""
        parent = self._topic(topic)
        self._check_count("subscriptions", len(parent.subscriptions) + 1)
        self._check_new(f"{parent.address}/{SUBSCRIPTIONS}/{config.name}", config)
        for rule in config.rules:
            Rule(rule)  # raises what would leave the subscription half made
        subscription = self._make_subscription(parent, own_settings(config), now)
        self._said(subscription)
        if config.rules:
            subscription.remove_rule(DEFAULT_RULE_NAME)
        for rule in config.rules:
            subscription.add_rule(rule)
        self._hand_on(subscription, now)
        return subscription

    def _check_new(self, address: str, config: EntityConfig) -> None:
        if address.lower() in self._entities:
            raise EntityAlreadyExists(f"The messaging entity '{address}' already exists.")
        self._check(address, config)

    def _check_new_entity(self, config: EntityConfig) -> None:
        self._check_new(config.name, config)
        if self._runtime.limits is not None:
            whole = sum(not is_part(each) for each in self._entities.values())
            self._check_count("entities", whole + 1)

    def _check(self, address: str, config: EntityConfig) -> None:
        check(address, config, self._settings)
        if self._runtime.limits is not None:
            self._runtime.limits.check_entity(address, config)

    def _check_count(self, what: str, number: int) -> None:
        if self._runtime.limits is not None:
            self._runtime.limits.check_count(what, number)

    # Changing

    def update_queue(self, config: QueueConfig, now: int) -> Queue:
        queue = self.entity(config.name)
        if not isinstance(queue, Queue) or is_part(queue):
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
        self._check(entity.address, config)
        self._apply(entity, config)
        entity.updated_at = entity.accessed_at = now
        self._said(entity)
        self._hand_on(entity, now)

    # Deleting

    def delete(self, address: str, now: int) -> None:
        """Remove a queue, a topic with its subscriptions, or a subscription, with everything it
        holds."""
        entity = self.entity(address)
        if isinstance(entity, Queue) and entity.dead_letter_queue is None:
            raise NotAllowed(f"'{entity.address}' goes with its entity only.")
        for each in with_subscriptions(entity):
            self._remove(each, now)
        self._runtime.wake(now)

    def _remove(self, entity: Queue | Topic, now: int) -> None:
        self._leave(entity)
        for part in parts(entity):
            part.discard(EntityNotFound(part.address))
            self._runtime.changes.append(EntityRemoved(part.address))
        configured = self._configured.get(entity.address.lower())
        if configured is not None:
            self._runtime.changes.append(
                EntityPut(entity.address, None, entity.created_at, now, configured)
            )

    # Idleness

    def _enter(self, entity: Queue | Topic, now: int) -> None:
        super()._enter(entity, now)
        self._watch_idle(entity)

    def _apply(self, entity: Queue | Topic, config: EntityConfig) -> None:
        super()._apply(entity, config)
        self._watch_idle(entity)

    def _leave(self, entity: Queue | Topic) -> None:
        super()._leave(entity)
        self._cancel_idle(entity)

    def _watch_idle(self, entity: Queue | Topic) -> None:
        """See that the entity goes once it was idle for as long as it may be."""
        self._cancel_idle(entity)
        idle = entity.config.auto_delete_on_idle
        if idle is not None:
            due = entity.accessed_at + idle
            self._idle[entity.address] = self._runtime.timers.at(due, self._maybe_idle, entity)

    def _cancel_idle(self, entity: Queue | Topic) -> None:
        timer = self._idle.pop(entity.address, None)
        if timer is not None:
            self._runtime.timers.cancel(timer)

    def _maybe_idle(self, entity: Queue | Topic, now: int) -> None:
        """Links, scheduled messages and forwarding are use (Microsoft: message expiration,
        "Idleness", and autoforwarding); so is every send, receive, peek and update."""
        forwards = isinstance(entity, Queue) and entity.config.forward_to is not None
        linked = any(part.senders or part.receivers for part in parts(entity))
        if forwards or linked or entity.scheduled_count:
            entity.accessed_at = now
        entity.accessed_at = max(part.accessed_at for part in parts(entity))
        if entity.accessed_at + (entity.config.auto_delete_on_idle or 0) <= now:
            self.delete(entity.address, now)
        else:
            self._watch_idle(entity)

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
            if said == row.configured:
                self._readopt(row)
                new.pop(key, None)
            elif said is not None and key in self._entities:
                self._entities[key].created_at = row.created_at
        for key in new:
            if key in self._entities:
                self._said(self._entities[key])
        if any(isinstance(each, Queue) and each.config.forward_to for each in self.entities()):
            # Once their messages are back: some may have got there before their queue forwarded.
            self._runtime.timers.at(
                self._began, lambda _, now: self._forward(self.entities(), now), None
            )

    def _readopt(self, row: EntityPut) -> None:
        """Make an entity what our calls had made of it before the restart."""
        entity = self._entities.get(row.entity.lower())
        if entity is not None and row.config and is_update(entity.config, row.config):
            self._apply(entity, row.config)
        else:
            if entity is not None:
                for each in with_subscriptions(entity):
                    self._leave(each)
            entity = self._made_again(row.entity, row.config)
        if entity is not None:
            entity.created_at, entity.updated_at = row.created_at, row.updated_at

    def _made_again(self, address: str, config: EntityConfig | None) -> Queue | Topic | None:
        if isinstance(config, SubscriptionConfig):
            topic = self._entities.get(address.rpartition(f"/{SUBSCRIPTIONS}/")[0].lower())
            if not isinstance(topic, Topic):
                return None  # The file no longer names it; both wait in storage.
            return self._make_subscription(topic, config, self._began)
        if isinstance(config, QueueConfig):
            return self._make_queue(config, self._began)
        if isinstance(config, TopicConfig):
            return self._make_topic(config, self._began)
        return None
