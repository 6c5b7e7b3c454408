"""A topic: gives numbers, refuses duplicates, holds scheduled messages, fans out to subscriptions."""

from __future__ import annotations

from infra.local.servicebus.broker.queue import Subscription
from infra.local.servicebus.config import TopicConfig


class Topic:
    address: str
    config: TopicConfig
    subscriptions: dict[str, Subscription]  # by lower-case name

    @property
    def scheduled_count(self) -> int:
        raise NotImplementedError
