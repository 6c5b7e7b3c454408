"""The namespace to serve.

What is left out has Azure's default, not the official emulator's narrower one, and the emulator's
ranges and limits do not apply: time to live is unlimited, for one. `config` reads these from the
official emulator's Config.json.
"""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import Any

from infra.local.servicebus.filters import FilterConfig, TrueFilterConfig

MINUTE_MS = 60_000
ENTITY_NAME = re.compile(r"[A-Za-z0-9](?:[\w\-./]*[A-Za-z0-9])?", re.ASCII)
_SCHEME_AND_HOST = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*")
ENTITY_NAME_RULE = (
    "letters, digits, '_', '-', '.' and '/' are allowed, a letter or digit first and last"
)
DEFAULT_RULE_NAME = "$Default"
DEAD_LETTER_QUEUE = "$DeadLetterQueue"
TRANSFER_DEAD_LETTER_QUEUE = "$Transfer/$DeadLetterQueue"


def path_of(address: str) -> str:
    """Return the path of an entity's address without scheme, host and outer slashes."""
    return _SCHEME_AND_HOST.sub("", address).strip("/")


@dataclass(frozen=True)
class RuleConfig:
    """One rule; `action` is a SQL action (`SET …; REMOVE …`), None for none; `action_parameters`
    are the values of its `@names`."""

    name: str
    filter: FilterConfig = field(default_factory=TrueFilterConfig)
    action: str | None = None
    action_parameters: dict[str, Any] = field(default_factory=dict)


class EntityStatus(StrEnum):
    """What may be done with an entity; the values are Azure's."""

    ACTIVE = "Active"
    DISABLED = "Disabled"
    SEND_DISABLED = "SendDisabled"
    RECEIVE_DISABLED = "ReceiveDisabled"


@dataclass(frozen=True)
class AuthorizationRule:
    """A shared access policy; `rights` are of "Listen", "Send" and "Manage"."""

    name: str
    rights: frozenset[str]
    primary_key: str
    secondary_key: str


@dataclass(frozen=True)
class EntityConfig:
    """What queues, topics and subscriptions have in common. Durations are int ms, None = unlimited.

    `auto_delete_on_idle`: None = never. `max_message_size_kilobytes`: None = the bus's own limit.
    `enable_batched_operations`, `enable_partitioning` and `enable_express` are kept for the
    administration clients and change nothing here."""

    name: str
    _: KW_ONLY
    status: EntityStatus = EntityStatus.ACTIVE
    default_time_to_live: int | None = None
    requires_duplicate_detection: bool = False
    duplicate_detection_window: int = 10 * MINUTE_MS
    auto_delete_on_idle: int | None = None
    user_metadata: str | None = None
    max_size_megabytes: int = 1024
    max_message_size_kilobytes: int | None = None
    enable_batched_operations: bool = True
    enable_partitioning: bool = False
    enable_express: bool = False
    authorization_rules: tuple[AuthorizationRule, ...] = ()


@dataclass(frozen=True)
class QueueConfig(EntityConfig):
    """A queue or the queue-like part of a subscription.

    `forward_to`, `forward_dead_lettered_messages_to`: paths of a queue or topic of the namespace.
    """

    _: KW_ONLY
    lock_duration: int = MINUTE_MS
    max_delivery_count: int = 10
    dead_lettering_on_message_expiration: bool = False
    requires_session: bool = False
    forward_to: str | None = None
    forward_dead_lettered_messages_to: str | None = None


@dataclass(frozen=True)
class SubscriptionConfig(QueueConfig):
    """`rules` empty stands for one `$Default` rule that selects everything."""

    _: KW_ONLY
    rules: tuple[RuleConfig, ...] = ()
    dead_lettering_on_filter_evaluation_exceptions: bool = True


@dataclass(frozen=True)
class TopicConfig(EntityConfig):
    _: KW_ONLY
    support_ordering: bool = True
    subscriptions: tuple[SubscriptionConfig, ...] = ()


@dataclass(frozen=True)
class NamespaceConfig:
    name: str = "sbemulatorns"
    queues: tuple[QueueConfig, ...] = ()
    topics: tuple[TopicConfig, ...] = ()
