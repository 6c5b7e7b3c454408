"""The namespace to serve.

What is left out has Azure's default, not the official emulator's narrower one, and the emulator's
ranges and limits do not apply: time to live is unlimited, for one. `config` reads these from the
official emulator's Config.json.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from infra.local.servicebus.filters import FilterConfig, TrueFilterConfig

MINUTE_MS = 60_000
DEFAULT_RULE_NAME = "$Default"


@dataclass(frozen=True)
class RuleConfig:
    """One rule; `action` is a SQL action (`SET …; REMOVE …`), None for none."""

    name: str
    filter: FilterConfig = field(default_factory=TrueFilterConfig)
    action: str | None = None


@dataclass(frozen=True)
class QueueConfig:
    """A queue or the queue-like part of a subscription. Durations are int ms, None = unlimited."""

    name: str
    lock_duration: int = MINUTE_MS
    max_delivery_count: int = 10
    default_time_to_live: int | None = None
    dead_lettering_on_message_expiration: bool = False
    requires_session: bool = False
    requires_duplicate_detection: bool = False
    duplicate_detection_window: int = 10 * MINUTE_MS


@dataclass(frozen=True)
class SubscriptionConfig(QueueConfig):
    """`rules` empty stands for one `$Default` rule that selects everything."""

    rules: tuple[RuleConfig, ...] = ()
    dead_lettering_on_filter_evaluation_exceptions: bool = True


@dataclass(frozen=True)
class TopicConfig:
    name: str
    default_time_to_live: int | None = None
    requires_duplicate_detection: bool = False
    duplicate_detection_window: int = 10 * MINUTE_MS
    subscriptions: tuple[SubscriptionConfig, ...] = ()


@dataclass(frozen=True)
class NamespaceConfig:
    name: str = "sbemulatorns"
    queues: tuple[QueueConfig, ...] = ()
    topics: tuple[TopicConfig, ...] = ()
