"""The namespace to serve, read from the official emulator's Config.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MINUTE_MS = 60_000
DEFAULT_LOCK_MS = MINUTE_MS
DEFAULT_MAX_DELIVERY_COUNT = 10
DEFAULT_DUPLICATE_WINDOW_MS = 10 * MINUTE_MS
DEFAULT_RULE_NAME = "$Default"


class ConfigError(ValueError):
    """The configuration cannot be served; the text names file, JSON path, cause and what is allowed."""


@dataclass(frozen=True)
class SqlFilterConfig:
    expression: str


@dataclass(frozen=True)
class CorrelationFilterConfig:
    """Conditions that must all hold. `system` maps properties-section fields (`subject`, `to`,
    `message_id`, `correlation_id`, `reply_to`, `group_id`, `reply_to_group_id`, `content_type`) to
    the value wanted, `user` application properties."""

    system: dict[str, Any] = field(default_factory=dict)
    user: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrueFilterConfig:
    """Selects every message."""


@dataclass(frozen=True)
class FalseFilterConfig:
    """Selects no message."""


FilterConfig = SqlFilterConfig | CorrelationFilterConfig | TrueFilterConfig | FalseFilterConfig


@dataclass(frozen=True)
class RuleConfig:
    """One rule; `action` is a SQL action (`SET …; REMOVE …`), None for none."""

    name: str
    filter: FilterConfig = TrueFilterConfig()
    action: str | None = None


@dataclass(frozen=True)
class QueueConfig:
    """A queue or the queue-like part of a subscription. Durations are int ms, None = unlimited."""

    name: str
    lock_duration: int = DEFAULT_LOCK_MS
    max_delivery_count: int = DEFAULT_MAX_DELIVERY_COUNT
    default_time_to_live: int | None = None
    dead_lettering_on_message_expiration: bool = False
    requires_session: bool = False
    requires_duplicate_detection: bool = False
    duplicate_detection_window: int = DEFAULT_DUPLICATE_WINDOW_MS


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
    duplicate_detection_window: int = DEFAULT_DUPLICATE_WINDOW_MS
    subscriptions: tuple[SubscriptionConfig, ...] = ()


@dataclass(frozen=True)
class NamespaceConfig:
    name: str = "sbemulatorns"
    queues: tuple[QueueConfig, ...] = ()
    topics: tuple[TopicConfig, ...] = ()


def load_config(source: Path) -> NamespaceConfig:
    """Return the namespace of a Config.json file; `//` and `/* */` comments are allowed.

    Raises ConfigError for the first thing wrong."""
    raise NotImplementedError


def parse_config(document: dict[str, Any], *, origin: str = "configuration") -> NamespaceConfig:
    """Return the namespace of an already decoded Config.json; `origin` names it in errors."""
    raise NotImplementedError
