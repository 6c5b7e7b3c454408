"""How the value of one setting is read from an element's text and written into it."""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from collections.abc import Callable
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from infra.local.servicebus.durations import format_duration, parse_duration
from infra.local.servicebus.server.administration.xml import (
    Content,
    element,
    find,
    find_all,
    text_of,
)
from infra.local.servicebus.settings import AuthorizationRule, EntityStatus, path_of

RIGHTS = ("Listen", "Send", "Manage")


class Kind(NamedTuple):
    """`read` raises ValueError; `write` gets the value and the client's host, and returns None to
    leave the element out."""

    read: Callable[[Element], Any]
    write: Callable[[Any, str], Content | None]


def parse_truth(text: str) -> bool:
    text = text.strip().lower()
    if text not in ("true", "false", "1", "0"):
        raise ValueError(f"'{text[:40]}' is neither true nor false")
    return text in ("true", "1")


def truth(value: bool) -> str:
    return "true" if value else "false"


def _positive(source: Element) -> int:
    text = text_of(source).strip()
    if not re.fullmatch(r"0*[1-9]\d{0,17}", text, re.ASCII):
        raise ValueError(f"'{text[:40]}' is no whole number from 1")
    return int(text)


def _duration(source: Element) -> int:
    milliseconds = _life(source)
    if milliseconds is None:
        raise ValueError("it has to be limited")
    return milliseconds


def _life(source: Element) -> int | None:
    milliseconds = parse_duration(text_of(source).strip())
    if milliseconds == 0:
        raise ValueError("it has to be longer than nothing")
    return milliseconds


def _status(source: Element) -> EntityStatus:
    text = text_of(source).strip()
    try:
        return EntityStatus(text)
    except ValueError as error:
        raise ValueError(f"'{text}' is none of {', '.join(EntityStatus)}") from error


def _target(source: Element) -> str | None:
    """SDKs send the whole address, 'sb://host/entity'; what is kept is the entity's path."""
    return path_of(text_of(source).strip()) or None


def _authorization_rules(source: Element) -> tuple[AuthorizationRule, ...]:
    return tuple(_authorization_rule(each) for each in find_all(source, "AuthorizationRule"))


def _authorization_rule(source: Element) -> AuthorizationRule:
    def key(name: str) -> str:
        # Azure makes up the keys a client leaves out.
        return _text_in(source, name) or b64encode(secrets.token_bytes(32)).decode()

    holder = find(source, "Rights")
    found = [] if holder is None else find_all(holder, "AccessRights")
    rights = [text_of(right) for right in found]
    name = _text_in(source, "KeyName")
    if not name:
        raise ValueError("a rule has no KeyName")
    if not rights or not set(rights) <= set(RIGHTS):
        raise ValueError(f"the rights of '{name}' have to be some of {', '.join(RIGHTS)}")
    return AuthorizationRule(name, frozenset(rights), key("PrimaryKey"), key("SecondaryKey"))


def _text_in(parent: Element, name: str) -> str:
    found = find(parent, name)
    return "" if found is None else text_of(found)


def _write_authorization_rules(rules: tuple[AuthorizationRule, ...], _host: str) -> Content:
    return [
        element(
            "AuthorizationRule",
            [
                element("ClaimType", "SharedAccessKey"),
                element("ClaimValue", "None"),
                element(
                    "Rights",
                    [element("AccessRights", right) for right in RIGHTS if right in rule.rights],
                ),
                element("KeyName", rule.name),
                element("PrimaryKey", rule.primary_key),
                element("SecondaryKey", rule.secondary_key),
            ],
            {"i:type": "SharedAccessAuthorizationRule"},
        )
        for rule in rules
    ]


BOOLEAN = Kind(lambda source: parse_truth(text_of(source)), lambda value, _: truth(value))
POSITIVE = Kind(_positive, lambda value, _: None if value is None else str(value))
DURATION = Kind(_duration, lambda value, _: format_duration(value))
LIFE = Kind(_life, lambda value, _: format_duration(value))
TEXT = Kind(text_of, lambda value, _: value)
STATUS = Kind(_status, lambda value, _: str(value))
TARGET = Kind(_target, lambda value, host: None if value is None else f"sb://{host}/{value}")
AUTHORIZATION_RULES = Kind(_authorization_rules, _write_authorization_rules)
