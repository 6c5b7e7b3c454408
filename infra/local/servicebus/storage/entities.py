"""Settings of entities as stored bytes: an AMQP map, setting by setting."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from typing import Any

from infra.local.servicebus.amqp.decode import decode_value
from infra.local.servicebus.amqp.encode import encode_value
from infra.local.servicebus.settings import (
    AuthorizationRule,
    EntityConfig,
    EntityStatus,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)

_KINDS: dict[str, type[EntityConfig]] = {
    "queue": QueueConfig,
    "topic": TopicConfig,
    "subscription": SubscriptionConfig,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
# Stored in tables of their own.
_ELSEWHERE = frozenset({"subscriptions", "rules"})


def encode_entity(config: EntityConfig) -> bytes:
    row: dict[str, Any] = {"kind": _NAMES[type(config)]}
    for field in fields(config):
        if field.name not in _ELSEWHERE:
            row[field.name] = _written(getattr(config, field.name))
    return encode_value(row)


def _written(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_written(each) for each in value]
    if isinstance(value, AuthorizationRule):
        return [value.name, sorted(value.rights), value.primary_key, value.secondary_key]
    return value


def decode_entity(data: bytes) -> EntityConfig:
    """Settings not stored, because they are newer, have their defaults. Raises ValueError for
    bytes that are no entity's settings."""
    row, _ = decode_value(data)
    try:
        settings = dict(row)
        kind = _KINDS[settings.pop("kind")]
        settings["status"] = EntityStatus(settings["status"])
        settings["authorization_rules"] = tuple(
            AuthorizationRule(name, frozenset(rights), primary, secondary)
            for name, rights, primary, secondary in settings["authorization_rules"]
        )
        return kind(**settings)
    except (KeyError, TypeError) as error:
        raise ValueError(f"a stored entity cannot be read ({error!r})") from error
