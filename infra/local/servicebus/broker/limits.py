"""What the service refuses as too much. The local bus refuses it only where that is asked for.

Sources: Microsoft's "Service Bus quotas" for Standard and Premium (of one messaging unit), its
"Overview of the Azure Service Bus emulator" and the emulator's Config-schema.json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.local.servicebus.amqp.encode import encode_value
from infra.local.servicebus.broker.errors import InvalidArgument, MessageTooLarge, QuotaExceeded
from infra.local.servicebus.broker.incoming import Incoming
from infra.local.servicebus.durations import format_duration
from infra.local.servicebus.filters import CorrelationFilterConfig, SqlFilterConfig
from infra.local.servicebus.filters.parser import Parser
from infra.local.servicebus.settings import EntityConfig, RuleConfig, SubscriptionConfig

KIB = 1024
MIB = 1024 * KIB
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

HEADER_SIZE_EXCEEDED = "HeaderSizeExceeded"

Range = tuple[int, int | None]
"""Least and most; None = no most."""

_AZURES: dict[str, tuple[str, Callable[[int], str]]] = {
    "lock_duration": ("LockDuration", format_duration),
    "duplicate_detection_window": ("DuplicateDetectionHistoryTimeWindow", format_duration),
    "auto_delete_on_idle": ("AutoDeleteOnIdle", format_duration),
    "default_time_to_live": ("DefaultMessageTimeToLive", format_duration),
    "max_size_megabytes": ("MaxSizeInMegabytes", str),
    "max_message_size_kilobytes": ("MaxMessageSizeInKilobytes", str),
    "max_delivery_count": ("MaxDeliveryCount", str),
}
"""How Azure names and writes the settings that have a range."""


@dataclass(frozen=True)
class Limits:
    """Sizes are bytes, lengths characters, durations ms. `message_bytes` is for entities that do
    not say their own, `entities` counts queues and topics, the filters are those of one topic,
    `entity_bytes` None = each entity's own maximum."""

    message_bytes: int
    entities: int
    batch_bytes: int = MIB
    entity_bytes: int | None = None
    subscriptions: int = 2_000
    sql_filters: int = 2_000
    correlation_filters: int = 100_000
    connections: int = 5_000
    path_length: int = 260
    name_length: int = 50
    id_length: int = 128
    properties_bytes: int = 64 * KIB
    session_state_bytes: int = 256 * KIB
    expression_length: int = KIB
    action_expressions: int = 32
    ranges: Mapping[str, Range] = field(default_factory=dict)

    # Entities

    def check_entity(self, address: str, config: EntityConfig) -> None:
        """Raises InvalidArgument for a name too long or a setting out of range."""
        most = self.name_length if isinstance(config, SubscriptionConfig) else self.path_length
        _check_length(f"The name '{config.name}'", config.name, most)
        for setting, (least, greatest) in self.ranges.items():
            value = getattr(config, setting, None)
            if value is None or value == getattr(type(config), setting):
                continue  # What is left out is always right.
            if value < least or (greatest is not None and value > greatest):
                name, say = _AZURES[setting]
                upper = "" if greatest is None else f" and at most {say(greatest)}"
                raise InvalidArgument(
                    f"'{address}': {name} must be at least {say(least)}{upper}, not {say(value)}."
                )

    def check_count(self, what: str, number: int) -> None:
        """`what` names the field of the limit; raises QuotaExceeded for more than that."""
        most = getattr(self, what)
        if number > most:
            raise QuotaExceeded(f"{most} {what.replace('_', ' ')} are the most there can be.")

    def check_rule(self, rule: RuleConfig) -> None:
        """Raises InvalidArgument for a rule that is too long."""
        _check_length(f"The name '{rule.name}'", rule.name, self.name_length)
        if isinstance(rule.filter, SqlFilterConfig):
            _check_length("A filter", rule.filter.expression, self.expression_length)
        if rule.action:
            _check_length("A rule action", rule.action, self.expression_length)
            if len(Parser(rule.action, rule.action_parameters).action()) > self.action_expressions:
                raise InvalidArgument(
                    f"A rule action has at most {self.action_expressions} expressions."
                )

    def check_filters(self, rules: Iterable[RuleConfig]) -> None:
        """`rules` are all of one topic. Raises QuotaExceeded."""
        kinds = [type(rule.filter) for rule in rules]
        self.check_count("sql_filters", kinds.count(SqlFilterConfig))
        self.check_count("correlation_filters", kinds.count(CorrelationFilterConfig))

    # Messages

    def check_messages(self, messages: Sequence[Incoming], config: EntityConfig) -> None:
        """Raises MessageTooLarge, or InvalidArgument for an id that is too long."""
        if len(messages) > 1:
            _check_size("The batch", sum(len(each.data) for each in messages), self.batch_bytes)
        own = config.max_message_size_kilobytes
        most = self.message_bytes if own is None else own * KIB
        for message in messages:
            _check_size("The message", len(message.data), most)
            size = encoded_size(message.parsed.application_properties)
            _check_size("The properties", size, self.properties_bytes)
            for what, value in (
                ("message id", message.duplicate_key),
                ("session id", message.session_id),
                ("partition key", message.partition_key),
            ):
                _check_length(f"The {what}", value or "", self.id_length)

    def check_state(self, state: bytes) -> None:
        """Raises MessageTooLarge for a session's state that is too large."""
        _check_size("The session state", len(state), self.session_state_bytes)

    def check_room(self, address: str, config: EntityConfig, held: int, more: int) -> None:
        """Raises QuotaExceeded when the entity is full."""
        most = self.entity_bytes or config.max_size_megabytes * MIB
        if held + more > most:
            raise QuotaExceeded(
                f"'{address}' holds {held} of {most} bytes: there is no room for {more} more."
            )


def encoded_size(properties: Mapping[str, Any] | None) -> int:
    return len(encode_value(dict(properties))) if properties else 0


def _check_length(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise InvalidArgument(f"{what} is longer than {most} characters.")


def _check_size(what: str, size: int, most: int) -> None:
    if size > most:
        raise MessageTooLarge(f"{what} of {size} bytes exceeds the {most} bytes allowed.")


_CLOUD_RANGES: dict[str, Range] = {
    "lock_duration": (5 * SECOND, 5 * MINUTE),
    "duplicate_detection_window": (20 * SECOND, 7 * DAY),
    "auto_delete_on_idle": (5 * MINUTE, None),
}

LIMITS: dict[str, Limits] = {
    "standard": Limits(
        message_bytes=256 * KIB,
        batch_bytes=256 * KIB,
        entities=10_000,
        ranges={
            **_CLOUD_RANGES,
            "max_size_megabytes": (1_024, 5_120),
            "max_message_size_kilobytes": (256, 256),
        },
    ),
    "premium": Limits(
        message_bytes=MIB,
        entities=1_000,
        session_state_bytes=100 * MIB,
        ranges={
            **_CLOUD_RANGES,
            "max_size_megabytes": (1_024, 81_920),
            "max_message_size_kilobytes": (1_024, 102_400),
        },
    ),
    "emulator": Limits(
        message_bytes=256 * KIB,
        batch_bytes=256 * KIB,
        entity_bytes=100 * MIB,
        entities=50,
        subscriptions=50,
        sql_filters=20,
        correlation_filters=1_000,
        connections=10,
        ranges={
            "lock_duration": (5 * SECOND, 5 * MINUTE),
            "duplicate_detection_window": (5 * SECOND, 5 * MINUTE),
            "default_time_to_live": (5 * MINUTE, HOUR),
            "max_delivery_count": (1, 10),
        },
    ),
}
