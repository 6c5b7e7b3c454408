"""The kinds of filter a rule can have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CORRELATION_FIELDS = {
    "CorrelationId": "correlation_id",
    "MessageId": "message_id",
    "To": "to",
    "ReplyTo": "reply_to",
    "Label": "subject",
    "SessionId": "group_id",
    "ReplyToSessionId": "reply_to_group_id",
    "ContentType": "content_type",
}
"""Condition of a correlation filter -> field of the properties section, in Azure's order."""


@dataclass(frozen=True)
class SqlFilterConfig:
    """`parameters`: values of the expression's `@names`."""

    expression: str
    parameters: dict[str, Any] = field(default_factory=dict)


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
