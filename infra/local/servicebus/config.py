"""Reading the official emulator's Config.json, with errors that say where and what is allowed.

Shape: Azure/azure-service-bus-emulator-installer, Config-schema.json. Its ranges and limits are not
enforced here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from infra.local.servicebus.durations import parse_duration
from infra.local.servicebus.filters import (
    CorrelationFilterConfig,
    FilterConfig,
    FilterSyntaxError,
    SqlFilterConfig,
    compile_action,
    compile_filter,
)
from infra.local.servicebus.settings import (
    NamespaceConfig,
    QueueConfig,
    RuleConfig,
    SubscriptionConfig,
    TopicConfig,
)

__all__ = [
    "ConfigError",
    "NamespaceConfig",
    "QueueConfig",
    "RuleConfig",
    "SubscriptionConfig",
    "TopicConfig",
    "load_config",
    "parse_config",
]

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9](?:[\w\-./]*[A-Za-z0-9])?", re.ASCII)
_TEXT_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_KINDS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a text",
    bool: "true or false",
}

# Setting -> (key in the file, how it is read). What is missing keeps the default of settings.py.
Read = Callable[["_Object", str], Any]
_CORRELATION_FIELDS = {
    "ContentType": "content_type",
    "CorrelationId": "correlation_id",
    "Label": "subject",
    "MessageId": "message_id",
    "ReplyTo": "reply_to",
    "ReplyToSessionId": "reply_to_group_id",
    "SessionId": "group_id",
    "To": "to",
}


class ConfigError(ValueError):
    """The configuration cannot be served; the text names file, JSON path and what is allowed."""


def load_config(source: Path) -> NamespaceConfig:
    """Return the namespace of a Config.json file; `//` and `/* */` comments are allowed.

    Raises ConfigError for the first thing wrong."""
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{source}: cannot be read: {error}.") from error
    try:
        document = json.loads(_without_comments(text), object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{source}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}."
        ) from error
    except ValueError as error:
        raise ConfigError(f"{source}: {error}.") from error
    return parse_config(document, origin=str(source))


def parse_config(document: Any, *, origin: str = "configuration") -> NamespaceConfig:
    """Return the namespace of an already decoded Config.json; `origin` names it in errors."""
    root = _Object(document, f"{origin}: ", "")
    user = root.object("UserConfig")
    namespaces = user.objects("Namespaces")
    if len(namespaces) != 1:
        raise user.error("Namespaces", f"holds {len(namespaces)} namespaces; exactly one is served")
    logging = user.optional_object("Logging")
    if logging is not None:
        logging.choice("Type", "File", "Console")
        logging.end()
    user.end()
    root.end()
    return _namespace(namespaces[0])


def _without_comments(text: str) -> str:
    """Blank comments out, keeping every other character at its line and column."""

    def blank(match: re.Match[str]) -> str:
        found = match.group()
        return found if found.startswith('"') else re.sub(r"[^\n]", " ", found)

    return _TEXT_OR_COMMENT.sub(blank, text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key '{key}' stands twice in one object")
        found[key] = value
    return found


def _namespace(source: _Object) -> NamespaceConfig:
    queues = [_queue(queue) for queue in source.objects("Queues", optional=True)]
    topics = [_topic(topic) for topic in source.objects("Topics", optional=True)]
    source.unique(
        "queues or topics", [each.name for each in queues] + [each.name for each in topics]
    )
    namespace = NamespaceConfig(source.name(), tuple(queues), tuple(topics))
    source.end()
    return namespace


def _queue(source: _Object) -> QueueConfig:
    properties = source.optional_object("Properties") or source.empty("Properties")
    queue = QueueConfig(
        source.name(),
        **_settings(properties, _QUEUE_SETTINGS | _DUPLICATE_SETTINGS),
    )
    source.end()
    return queue


def _topic(source: _Object) -> TopicConfig:
    properties = source.optional_object("Properties") or source.empty("Properties")
    settings = _settings(properties, _TOPIC_SETTINGS | _DUPLICATE_SETTINGS)
    subscriptions = [_subscription(each) for each in source.objects("Subscriptions", optional=True)]
    source.unique("subscriptions", [subscription.name for subscription in subscriptions])
    topic = TopicConfig(source.name(), subscriptions=tuple(subscriptions), **settings)
    source.end()
    return topic


def _subscription(source: _Object) -> SubscriptionConfig:
    properties = source.optional_object("Properties") or source.empty("Properties")
    settings = _settings(properties, _QUEUE_SETTINGS)
    rules = [_rule(each) for each in source.objects("Rules", optional=True)]
    source.unique("rules", [rule.name for rule in rules])
    subscription = SubscriptionConfig(source.name(), rules=tuple(rules), **settings)
    source.end()
    return subscription


def _settings(properties: _Object, table: dict[str, tuple[str, Read]]) -> dict[str, Any]:
    settings = {
        setting: read(properties, key)
        for setting, (key, read) in table.items()
        if properties.has(key)
    }
    for key in ("ForwardTo", "ForwardDeadLetteredMessagesTo"):
        if "lock_duration" in table and properties.optional_text(key):
            raise properties.error(key, "forwarding is not served; leave it out or empty")
    properties.end()
    return settings


def _rule(source: _Object) -> RuleConfig:
    properties = source.object("Properties")
    kind = properties.choice("FilterType", "Correlation", "Sql")
    filter_ = _FILTERS[kind](properties)
    action = None
    holder = properties.optional_object("Action")
    if holder is not None:
        action = _compiled(holder, compile_action)
    properties.end()
    rule = RuleConfig(source.name(), filter_, action)
    source.end()
    return rule


def _sql_filter(properties: _Object) -> FilterConfig:
    expression = _compiled(
        properties.object("SqlFilter"), lambda text: compile_filter(SqlFilterConfig(text))
    )
    return SqlFilterConfig(expression)


def _compiled(holder: _Object, compile_: Callable[[str], object]) -> str:
    """Return the object's SqlExpression, having seen that it compiles."""
    expression = holder.text("SqlExpression")
    try:
        compile_(expression)
    except FilterSyntaxError as error:
        raise holder.error("SqlExpression", str(error)) from error
    holder.end()
    return expression


def _correlation_filter(properties: _Object) -> FilterConfig:
    source = properties.object("CorrelationFilter")
    system = {
        field: source.text(key) for key, field in _CORRELATION_FIELDS.items() if source.has(key)
    }
    wanted = source.optional_object("Properties")
    user = wanted.scalars() if wanted is not None else {}
    source.end()
    if not system and not user:
        raise properties.error("CorrelationFilter", "needs at least one condition")
    return CorrelationFilterConfig(system, user)


_FILTERS = {"Sql": _sql_filter, "Correlation": _correlation_filter}


class _Object:
    """A JSON object being read key by key; end() refuses what nobody asked for."""

    def __init__(self, value: Any, origin: str, path: str) -> None:
        self._origin = origin
        self._path = path
        self._asked: set[str] = set()
        if not isinstance(value, dict):
            raise ConfigError(
                f"{origin}{path or 'the document'}: must be an object, not {value!r}."
            )
        self._values: dict[str, Any] = value

    def error(self, key: str, problem: str) -> ConfigError:
        where = ".".join(part for part in (self._path, key) if part)
        return ConfigError(f"{self._origin}{where}: {problem}.")

    def has(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._values

    def empty(self, key: str) -> _Object:
        return _Object({}, self._origin, f"{self._path}.{key}")

    def _get(self, key: str, kind: type[T]) -> T:
        if not self.has(key):
            raise self.error(key, "is missing")
        value = self._values[key]
        if not isinstance(value, kind):
            raise self.error(key, f"must be {_KINDS[kind]}, not {json.dumps(value)}")
        return value

    def object(self, key: str) -> _Object:
        path = ".".join(part for part in (self._path, key) if part)
        return _Object(self._get(key, dict), self._origin, path)

    def optional_object(self, key: str) -> _Object | None:
        return self.object(key) if self.has(key) else None

    def objects(self, key: str, *, optional: bool = False) -> list[_Object]:
        if optional and not self.has(key):
            return []
        path = ".".join(part for part in (self._path, key) if part)
        return [
            _Object(value, self._origin, f"{path}[{index}]")
            for index, value in enumerate(self._get(key, list))
        ]

    def text(self, key: str) -> str:
        return self._get(key, str)

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if self.has(key) else None

    def boolean(self, key: str) -> bool:
        return self._get(key, bool)

    def positive(self, key: str) -> int:
        value = self._values[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.error(key, f"must be a whole number from 1, not {json.dumps(value)}")
        return value

    def time_to_live(self, key: str) -> int | None:
        """ms, None = unlimited."""
        try:
            duration = parse_duration(self.text(key))
        except ValueError as error:
            raise self.error(key, str(error)) from error
        if duration == 0:
            raise self.error(key, "must be longer than nothing")
        return duration

    def duration(self, key: str) -> int:
        """ms."""
        duration = self.time_to_live(key)
        if duration is None:
            raise self.error(key, "must be limited")
        return duration

    def choice(self, key: str, *allowed: str) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.error(key, f"'{value}' is not allowed; allowed are {_listed(allowed)}")
        return value

    def name(self) -> str:
        name = self.text("Name")
        if not _NAME.fullmatch(name):
            raise self.error(
                "Name",
                f"'{name}' is not a name: letters, digits, '_', '-', '.' and '/' are allowed, "
                "a letter or digit first and last",
            )
        return name

    def scalars(self) -> dict[str, Any]:
        for key, value in self._values.items():
            if not isinstance(value, str | int | float):
                raise self.error(key, f"must be a text, number or truth, not {json.dumps(value)}")
        return dict(self._values)

    def unique(self, what: str, names: Iterable[str]) -> None:
        """Names differ in more than case."""
        seen: set[str] = set()
        for name in names:
            if name.lower() in seen:
                raise ConfigError(f"{self._origin}{self._path}: two {what} are named '{name}'.")
            seen.add(name.lower())

    def end(self) -> None:
        for key in self._values:
            if key not in self._asked:
                raise self.error(key, f"is not known; known are {_listed(sorted(self._asked))}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


_TOPIC_SETTINGS: dict[str, tuple[str, Read]] = {
    "default_time_to_live": ("DefaultMessageTimeToLive", _Object.time_to_live),
}
_DUPLICATE_SETTINGS: dict[str, tuple[str, Read]] = {
    "requires_duplicate_detection": ("RequiresDuplicateDetection", _Object.boolean),
    "duplicate_detection_window": ("DuplicateDetectionHistoryTimeWindow", _Object.duration),
}
_QUEUE_SETTINGS: dict[str, tuple[str, Read]] = {
    **_TOPIC_SETTINGS,
    "lock_duration": ("LockDuration", _Object.duration),
    "max_delivery_count": ("MaxDeliveryCount", _Object.positive),
    "dead_lettering_on_message_expiration": (
        "DeadLetteringOnMessageExpiration",
        _Object.boolean,
    ),
    "requires_session": ("RequiresSession", _Object.boolean),
}
