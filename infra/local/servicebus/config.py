"""Reading the official emulator's Config.json, with errors that say where and what is allowed.

Shape: Azure/azure-service-bus-emulator-installer, Config-schema.json; its ranges and limits are not
enforced here. Beyond its keys, an entity's Properties may hold every other property Azure has, by
the names of the administration API.

The file is read at every start. What it says of an entity that it did not say at the start before
counts; where it says the same, what the administration API changed or deleted since stays so
(broker.directory tells the whole rule). Rules added or removed through the API always stay so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local.servicebus.broker.definitions import forwarding_problem
from infra.local.servicebus.filters import (
    CORRELATION_FIELDS,
    CorrelationFilterConfig,
    FilterConfig,
    FilterSyntaxError,
    SqlFilterConfig,
    compile_action,
    compile_filter,
)
from infra.local.servicebus.jsonobject import ConfigError, JsonObject
from infra.local.servicebus.settings import (
    AuthorizationRule,
    EntityConfig,
    EntityStatus,
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

_TEXT_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


def _authorization_rules(source: JsonObject, key: str) -> tuple[AuthorizationRule, ...]:
    rules = []
    for each in source.objects(key):
        rights = frozenset(each.texts("Rights", "Listen", "Send", "Manage"))
        name, primary = each.text("KeyName"), each.text("PrimaryKey")
        secondary = each.optional_text("SecondaryKey")
        each.end()
        rules.append(AuthorizationRule(name, rights, primary, secondary or primary))
    return tuple(rules)


# Setting -> (key in the file, how it is read). What is missing keeps the default of settings.py.
Read = Callable[[JsonObject, str], Any]
_ENTITY_SETTINGS: dict[str, tuple[str, Read]] = {
    "default_time_to_live": ("DefaultMessageTimeToLive", JsonObject.time_to_live),
    "status": (
        "Status",
        lambda source, key: EntityStatus(
            source.choice(key, *(each.value for each in EntityStatus))
        ),
    ),
    "auto_delete_on_idle": ("AutoDeleteOnIdle", JsonObject.time_to_live),
    "user_metadata": ("UserMetadata", JsonObject.optional_text),
    "enable_batched_operations": ("EnableBatchedOperations", JsonObject.boolean),
}
# What a subscription has from its topic.
_TOP_LEVEL_SETTINGS: dict[str, tuple[str, Read]] = {
    **_ENTITY_SETTINGS,
    "requires_duplicate_detection": ("RequiresDuplicateDetection", JsonObject.boolean),
    "duplicate_detection_window": ("DuplicateDetectionHistoryTimeWindow", JsonObject.duration),
    "max_size_megabytes": ("MaxSizeInMegabytes", JsonObject.positive),
    "max_message_size_kilobytes": ("MaxMessageSizeInKilobytes", JsonObject.positive),
    "enable_partitioning": ("EnablePartitioning", JsonObject.boolean),
    "enable_express": ("EnableExpress", JsonObject.boolean),
    "authorization_rules": ("AuthorizationRules", _authorization_rules),
}
_RECEIVING_SETTINGS: dict[str, tuple[str, Read]] = {
    "lock_duration": ("LockDuration", JsonObject.duration),
    "max_delivery_count": ("MaxDeliveryCount", JsonObject.positive),
    "dead_lettering_on_message_expiration": (
        "DeadLetteringOnMessageExpiration",
        JsonObject.boolean,
    ),
    "requires_session": ("RequiresSession", JsonObject.boolean),
    "forward_to": ("ForwardTo", JsonObject.entity_path),
    "forward_dead_lettered_messages_to": (
        "ForwardDeadLetteredMessagesTo",
        JsonObject.entity_path,
    ),
}
_QUEUE_SETTINGS = {**_TOP_LEVEL_SETTINGS, **_RECEIVING_SETTINGS}
_TOPIC_SETTINGS = {
    **_TOP_LEVEL_SETTINGS,
    "support_ordering": ("SupportOrdering", JsonObject.boolean),
}
_SUBSCRIPTION_SETTINGS: dict[str, tuple[str, Read]] = {
    **_ENTITY_SETTINGS,
    **_RECEIVING_SETTINGS,
    "dead_lettering_on_filter_evaluation_exceptions": (
        "DeadLetteringOnFilterEvaluationExceptions",
        JsonObject.boolean,
    ),
}


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
    root = JsonObject(document, f"{origin}: ", "")
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


def _namespace(source: JsonObject) -> NamespaceConfig:
    queues = [(each, _queue(each)) for each in source.objects("Queues", optional=True)]
    topics = [(each, _topic(each)) for each in source.objects("Topics", optional=True)]
    namespace = NamespaceConfig(
        source.name(), tuple(queue for _, queue in queues), tuple(topic for _, topic in topics)
    )
    names = [each.name for each in (*namespace.queues, *namespace.topics)]
    source.unique("queues or topics", names)
    source.end()
    known = {each.name.lower(): each for each in (*namespace.queues, *namespace.topics)}
    for place, queue in queues:
        _check_forwarding(place, queue.name, queue, known)
    for place, topic in topics:
        for holder, each in zip(
            place.objects("Subscriptions", optional=True), topic.subscriptions, strict=True
        ):
            _check_forwarding(holder, f"{topic.name}/Subscriptions/{each.name}", each, known)
    return namespace


def _check_forwarding(
    place: JsonObject, address: str, config: QueueConfig, known: dict[str, EntityConfig]
) -> None:
    problem = forwarding_problem(address, config, lambda path: known.get(path.lower()))
    if problem is not None:
        setting, text = problem
        raise place.object("Properties").error(_QUEUE_SETTINGS[setting][0], text)


def _queue(source: JsonObject) -> QueueConfig:
    queue = QueueConfig(source.name(), **_settings(source, _QUEUE_SETTINGS))
    source.end()
    return queue


def _topic(source: JsonObject) -> TopicConfig:
    settings = _settings(source, _TOPIC_SETTINGS)
    subscriptions = [_subscription(each) for each in source.objects("Subscriptions", optional=True)]
    source.unique("subscriptions", [subscription.name for subscription in subscriptions])
    topic = TopicConfig(source.name(), subscriptions=tuple(subscriptions), **settings)
    source.end()
    return topic


def _subscription(source: JsonObject) -> SubscriptionConfig:
    settings = _settings(source, _SUBSCRIPTION_SETTINGS)
    rules = [_rule(each) for each in source.objects("Rules", optional=True)]
    source.unique("rules", [rule.name for rule in rules])
    subscription = SubscriptionConfig(source.name(), rules=tuple(rules), **settings)
    source.end()
    return subscription


def _settings(source: JsonObject, table: dict[str, tuple[str, Read]]) -> dict[str, Any]:
    """Return what the entity's Properties say."""
    properties = source.optional_object("Properties") or source.empty("Properties")
    settings = {
        setting: read(properties, key)
        for setting, (key, read) in table.items()
        if properties.has(key)
    }
    properties.end()
    return settings


def _rule(source: JsonObject) -> RuleConfig:
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


def _sql_filter(properties: JsonObject) -> FilterConfig:
    expression = _compiled(
        properties.object("SqlFilter"), lambda text: compile_filter(SqlFilterConfig(text))
    )
    return SqlFilterConfig(expression)


def _compiled(holder: JsonObject, compile_: Callable[[str], object]) -> str:
    """Return the object's SqlExpression, having seen that it compiles."""
    expression = holder.text("SqlExpression")
    try:
        compile_(expression)
    except FilterSyntaxError as error:
        raise holder.error("SqlExpression", str(error)) from error
    holder.end()
    return expression


def _correlation_filter(properties: JsonObject) -> FilterConfig:
    source = properties.object("CorrelationFilter")
    system = {
        field: source.text(key) for key, field in CORRELATION_FIELDS.items() if source.has(key)
    }
    wanted = source.optional_object("Properties")
    user = wanted.scalars() if wanted is not None else {}
    source.end()
    if not system and not user:
        raise properties.error("CorrelationFilter", "needs at least one condition")
    return CorrelationFilterConfig(system, user)


_FILTERS = {"Sql": _sql_filter, "Correlation": _correlation_filter}
