"""The lists of the administration API."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.local.servicebus.broker import Subscription
from infra.local.servicebus.server.administration.atom import Entry
from infra.local.servicebus.server.administration.descriptions import Described
from infra.local.servicebus.server.administration.resources import (
    Place,
    described_entry,
    rule_entry,
    subscription_of,
    topic_of,
)
from infra.local.servicebus.server.security import MANAGE
from infra.local.servicebus.settings import RuleConfig


class Collection(ABC):
    methods = frozenset({"GET"})
    rights = (MANAGE,)

    @property
    @abstractmethod
    def title(self) -> str: ...

    @abstractmethod
    def everything(self) -> Sequence[Any]:
        """Return what there is, in its order. Raises EntityNotFound."""

    @abstractmethod
    def entry(self, found: Any) -> Entry: ...


@dataclass(frozen=True)
class Entities(Collection):
    """`kind`: 'queues' or 'topics', in any case."""

    place: Place
    kind: str

    @property
    def title(self) -> str:
        return self.kind.capitalize()

    def everything(self) -> Sequence[Described]:
        namespace = self.place.namespace
        return list(namespace.queues() if self.title == "Queues" else namespace.topics())

    def entry(self, found: Described) -> Entry:
        return described_entry(self.place, found)


@dataclass(frozen=True)
class Subscriptions(Collection):
    title = "Subscriptions"
    place: Place
    topic: str

    def everything(self) -> Sequence[Subscription]:
        subscriptions = topic_of(self.place, self.topic).subscriptions
        return [subscriptions[name] for name in sorted(subscriptions)]

    def entry(self, found: Subscription) -> Entry:
        return described_entry(self.place, found)


@dataclass(frozen=True)
class Rules(Collection):
    title = "Rules"
    place: Place
    topic: str
    subscription: str

    def everything(self) -> Sequence[RuleConfig]:
        return subscription_of(self.place, self.topic, self.subscription).rules()

    def entry(self, found: RuleConfig) -> Entry:
        return rule_entry(subscription_of(self.place, self.topic, self.subscription), found)
