"""What may be said of an entity: names, forwarding, what an update may not change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from infra.local.servicebus.broker.errors import InvalidArgument, NotAllowed
from infra.local.servicebus.settings import (
    ENTITY_NAME,
    ENTITY_NAME_RULE,
    EntityConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)

Find = Callable[[str], EntityConfig | None]
"""Return the settings of the queue or topic of that path, None when there is none."""

Config = TypeVar("Config", bound=EntityConfig)

IMMUTABLE = ("requires_session", "requires_duplicate_detection", "enable_partitioning")
FORWARDING = ("forward_to", "forward_dead_lettered_messages_to")


def own_settings(config: Config) -> Config:
    """Leave out what the entity itself keeps: a topic's subscriptions, a subscription's rules."""
    if isinstance(config, TopicConfig):
        return replace(config, subscriptions=())
    if isinstance(config, SubscriptionConfig):
        return replace(config, rules=())
    return config


def dead_letter_settings(config: QueueConfig) -> QueueConfig:
    """Return the settings of a queue's dead-letter queue: its messages have no end of life, never
    need a session, and go on to where the queue's dead letters are forwarded."""
    return replace(
        config,
        default_time_to_live=None,
        requires_session=False,
        requires_duplicate_detection=False,
        auto_delete_on_idle=None,
        forward_to=config.forward_dead_lettered_messages_to,
        forward_dead_lettered_messages_to=None,
    )


def transfer_settings(config: QueueConfig) -> QueueConfig:
    """As dead_letter_settings, for the queue of what could not be transferred: the last stop."""
    return replace(dead_letter_settings(config), forward_to=None)


def check(address: str, config: EntityConfig, find: Find) -> None:
    """Raises InvalidArgument when no entity can be like that."""
    if not ENTITY_NAME.fullmatch(config.name):
        raise InvalidArgument(f"'{config.name}' is not a name: {ENTITY_NAME_RULE}.")
    problem = forwarding_problem(address, config, find)
    if problem is not None:
        setting, text = problem
        raise InvalidArgument(f"'{address}', {setting}: {text}.")


def check_update(address: str, old: EntityConfig, new: EntityConfig) -> None:
    """Raises NotAllowed when the update changes what only creation decides."""
    for setting in IMMUTABLE:
        if getattr(old, setting, None) != getattr(new, setting, None):
            raise NotAllowed(f"'{address}': {setting} cannot be changed after creation.")


def is_update(old: EntityConfig, new: EntityConfig) -> bool:
    """Answer whether one entity can have had both settings, one after the other."""
    if type(old) is not type(new):
        return False
    return all(getattr(old, each, None) == getattr(new, each, None) for each in IMMUTABLE)


def forwarding_problem(address: str, config: EntityConfig, find: Find) -> tuple[str, str] | None:
    """Return the setting that cannot be and why; None when messages can be forwarded like that.

    Circles of queues alone are found here. Those through topics may end at a filter; if they do
    not, they end at the most hops a message may make."""
    for setting in FORWARDING:
        target = getattr(config, setting, None)
        if target is None:
            continue
        if find(target) is None:
            return setting, f"there is no queue or topic '{target}'"
        if target.lower() == address.lower():
            return setting, "an entity cannot forward to itself"
        if setting == "forward_to" and getattr(config, "requires_session", False):
            return setting, "an entity that requires sessions cannot forward"
        if setting == "forward_to" and _leads_to(address, target, find):
            return setting, f"'{target}' forwards back to '{address}'"
    return None


def _leads_to(address: str, start: str, find: Find) -> bool:
    seen: set[str] = set()
    path: str | None = start
    while path is not None and path.lower() not in seen:
        if path.lower() == address.lower():
            return True
        seen.add(path.lower())
        path = getattr(find(path), "forward_to", None)
    return False
