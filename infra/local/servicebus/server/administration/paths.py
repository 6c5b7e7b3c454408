"""Which path leads to which resource or list."""

from __future__ import annotations

import re
from typing import Any

from infra.local.servicebus.broker import EntityNotFound
from infra.local.servicebus.server.administration.lists import (
    Collection,
    Entities,
    Rules,
    Subscriptions,
)
from infra.local.servicebus.server.administration.resources import (
    EntityResource,
    NamespaceInfo,
    Place,
    Resource,
    RuleResource,
    SubscriptionResource,
)

_TOPIC, _OF_TOPIC = r"(?P<topic>.+)/subscriptions", r"(?P<subscription>[^/]+)/rules"
_PATHS: tuple[tuple[re.Pattern[str], type[Any]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), kind)
    for pattern, kind in (
        (r"\$namespaceinfo", NamespaceInfo),
        (r"\$resources/(?P<kind>queues|topics)", Entities),
        (rf"{_TOPIC}/{_OF_TOPIC}/(?P<name>[^/]+)", RuleResource),
        (rf"{_TOPIC}/{_OF_TOPIC}", Rules),
        (rf"{_TOPIC}/(?P<name>[^/]+)", SubscriptionResource),
        (_TOPIC, Subscriptions),
        (r"(?P<name>.+)", EntityResource),
    )
)


def resource_of(path: str, place: Place) -> Resource | Collection:
    """`path` is decoded and without outer slashes. Raises EntityNotFound for the empty one."""
    for pattern, kind in _PATHS:
        match = pattern.fullmatch(path)
        if match is not None:
            made: Resource | Collection = kind(place, **match.groupdict())
            return made
    raise EntityNotFound(path)
