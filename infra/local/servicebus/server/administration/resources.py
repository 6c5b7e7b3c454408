"""The single resources of the administration API, and what can be done with each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from infra.local.servicebus.broker import (
    EntityNotFound,
    InvalidArgument,
    Namespace,
    Queue,
    Subscription,
    Topic,
)
from infra.local.servicebus.broker.definitions import IMMUTABLE
from infra.local.servicebus.broker.limits import LIMITS
from infra.local.servicebus.server.administration.atom import Entry, instant
from infra.local.servicebus.server.administration.descriptions import (
    QUEUE,
    SUBSCRIPTION,
    TOPIC,
    Described,
    Description,
    description_of,
    read,
    write,
)
from infra.local.servicebus.server.administration.rules import RULE, read_rule, write_rule
from infra.local.servicebus.server.administration.xml import element, find, local_name
from infra.local.servicebus.server.security import MANAGE, RIGHTS
from infra.local.servicebus.settings import DEFAULT_RULE_NAME, RuleConfig


class Place(NamedTuple):
    """Where a request is answered. `host` is what the client calls us, `now` and `since`, the
    namespace's beginning, are ms since the epoch."""

    namespace: Namespace
    host: str
    now: int
    since: int


class Resource(ABC):
    """One entry; every method raises BrokerError."""

    methods: frozenset[str] = frozenset({"GET", "PUT", "DELETE"})
    rights: tuple[str, ...] = (MANAGE,)  # any of these is enough

    @abstractmethod
    def get(self) -> Entry: ...

    def put(self, described: Element, *, update: bool) -> Entry:
        raise NotImplementedError

    def delete(self) -> None:
        raise NotImplementedError


def described_entry(place: Place, entity: Described) -> Entry:
    description = description_of(entity)
    return Entry(
        entity.address,
        entity.config.name,
        entity.created_at,
        entity.updated_at,
        description.root,
        write(description, entity, place.host),
    )


def _need(described: Element, *descriptions: Description) -> Description:
    for description in descriptions:
        if local_name(described) == description.root:
            return description
    wanted = " or ".join(description.root for description in descriptions)
    raise InvalidArgument(f"The entry has to hold a {wanted}, not a {local_name(described)}.")


def _unchangeable(entity: Described) -> dict[str, Any]:
    """What an update may leave out: it stays."""
    config = entity.config
    return {
        field: getattr(config, field) for field in ("name", *IMMUTABLE) if hasattr(config, field)
    }


_Change = Callable[[Namespace, Any, int], object]
_CHANGES: dict[str, tuple[_Change, _Change]] = {
    QUEUE.root: (Namespace.create_queue, Namespace.update_queue),
    TOPIC.root: (Namespace.create_topic, Namespace.update_topic),
}
"""By description: what creates and what updates."""


@dataclass(frozen=True)
class EntityResource(Resource):
    """A queue or a topic."""

    place: Place
    name: str

    def _entity(self) -> Described:
        found = self.place.namespace.entity(self.name)
        is_queue = isinstance(found, Queue) and found.dead_letter_queue is not None
        if isinstance(found, Subscription) or not (is_queue or isinstance(found, Topic)):
            raise EntityNotFound(self.name)
        return found

    def get(self) -> Entry:
        return described_entry(self.place, self._entity())

    def put(self, described: Element, *, update: bool) -> Entry:
        namespace, now = self.place.namespace, self.place.now
        description = _need(described, QUEUE, TOPIC)
        known: dict[str, Any] = {"name": self.name}
        if update:
            entity = self._entity()
            _need(described, description_of(entity))
            known = _unchangeable(entity)
        config = read(description, described, known)
        create, change = _CHANGES[description.root]
        (change if update else create)(namespace, config, now)
        return self.get()

    def delete(self) -> None:
        self.place.namespace.delete(self._entity().address, self.place.now)


def topic_of(place: Place, name: str) -> Topic:
    found = place.namespace.entity(name)
    if not isinstance(found, Topic):
        raise EntityNotFound(name)
    return found


def subscription_of(place: Place, topic: str, name: str) -> Subscription:
    found = topic_of(place, topic).subscriptions.get(name.lower())
    if found is None:
        raise EntityNotFound(f"{topic}/Subscriptions/{name}")
    return found


@dataclass(frozen=True)
class SubscriptionResource(Resource):
    place: Place
    topic: str
    name: str

    def get(self) -> Entry:
        return described_entry(self.place, subscription_of(self.place, self.topic, self.name))

    def put(self, described: Element, *, update: bool) -> Entry:
        namespace, now = self.place.namespace, self.place.now
        _need(described, SUBSCRIPTION)
        if update:
            entity = subscription_of(self.place, self.topic, self.name)
            config = read(SUBSCRIPTION, described, _unchangeable(entity))
            namespace.update_subscription(self.topic, config, now)
        else:
            rules = _first_rules(described)
            config = read(SUBSCRIPTION, described, {"name": self.name, "rules": rules})
            namespace.create_subscription(self.topic, config, now)
        return self.get()

    def delete(self) -> None:
        entity = subscription_of(self.place, self.topic, self.name)
        self.place.namespace.delete(entity.address, self.place.now)


def _first_rules(described: Element) -> tuple[RuleConfig, ...]:
    source = find(described, "DefaultRuleDescription")
    if source is None:
        return ()
    name = find(source, "Name")
    return (read_rule((name is not None and name.text) or DEFAULT_RULE_NAME, source),)


@dataclass(frozen=True)
class RuleResource(Resource):
    place: Place
    topic: str
    subscription: str
    name: str

    def _subscription(self) -> Subscription:
        return subscription_of(self.place, self.topic, self.subscription)

    def get(self) -> Entry:
        subscription = self._subscription()
        for rule in subscription.rules():
            if rule.name.lower() == self.name.lower():
                return rule_entry(subscription, rule)
        raise EntityNotFound(f"{subscription.address}/Rules/{self.name}")

    def put(self, described: Element, *, update: bool) -> Entry:
        if local_name(described) != RULE:
            raise InvalidArgument(f"The entry has to hold a {RULE}.")
        subscription = self._subscription()
        if update:
            subscription.update_rule(read_rule(self.get().title, described))
        else:
            subscription.add_rule(read_rule(self.name, described))
        return self.get()

    def delete(self) -> None:
        self._subscription().remove_rule(self.name)


def rule_entry(subscription: Subscription, rule: RuleConfig) -> Entry:
    # Nobody keeps when a rule was made; its subscription cannot be younger.
    made = subscription.created_at
    path = f"{subscription.address}/Rules/{rule.name}"
    return Entry(path, rule.name, made, made, RULE, write_rule(rule, made))


@dataclass(frozen=True)
class NamespaceInfo(Resource):
    methods = frozenset({"GET"})
    rights = RIGHTS
    place: Place

    def get(self) -> Entry:
        namespace, since = self.place.namespace, self.place.since
        name = namespace.config.name
        # Without limits Premium is the closest, for the size of its messages.
        premium = namespace.limits is None or namespace.limits == LIMITS["premium"]
        rows = {
            "CreatedTime": instant(since),
            "MessagingSKU": "Premium" if premium else "Standard",
            "MessagingUnits": "1" if premium else "0",
            "ModifiedTime": instant(since),
            "Name": name,
            "NamespaceType": "Messaging",
        }
        info = [element(tag, text) for tag, text in rows.items()]
        return Entry("$namespaceinfo", name, since, since, "NamespaceInfo", info)
