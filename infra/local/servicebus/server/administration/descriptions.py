"""What describes a queue, a topic and a subscription: one table each, in the order of the elements.

The order is that of Azure's data contracts; clients' documents are read in any order. Elements that
Azure does not let anybody set are shown and otherwise ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from infra.local.servicebus.broker import InvalidArgument, Queue, Subscription, Topic
from infra.local.servicebus.filters import CorrelationFilterConfig, SqlFilterConfig
from infra.local.servicebus.server.administration import kinds
from infra.local.servicebus.server.administration.atom import instant
from infra.local.servicebus.server.administration.kinds import Kind, truth
from infra.local.servicebus.server.administration.xml import (
    COUNTS,
    Content,
    element,
    find,
)
from infra.local.servicebus.settings import (
    EntityConfig,
    QueueConfig,
    SubscriptionConfig,
    TopicConfig,
)

Described = Queue | Topic


class Setting(NamedTuple):
    element: str
    field: str
    kind: Kind


class Shown(NamedTuple):
    element: str
    show: Callable[[Any], Content]


class Description(NamedTuple):
    root: str
    config: type[EntityConfig]
    rows: tuple[Setting | Shown, ...]


def read(description: Description, source: Element, known: Mapping[str, Any]) -> Any:
    """Return the configuration `source` describes; what it leaves out is as in `known`, else the
    default. Raises InvalidArgument naming the element."""
    found: dict[str, Any] = dict(known)
    for row in description.rows:
        given = find(source, row.element) if isinstance(row, Setting) else None
        if given is None or isinstance(row, Shown):
            continue
        try:
            found[row.field] = row.kind.read(given)
        except ValueError as error:
            raise InvalidArgument(f"{description.root}, {row.element}: {error}.") from error
    return description.config(**found)


def write(description: Description, entity: Described, host: str) -> list[Element]:
    """Return the elements that describe an entity to a client that calls us `host`."""
    rows: list[Element] = []
    for row in description.rows:
        content = (
            row.show(entity)
            if isinstance(row, Shown)
            else row.kind.write(getattr(entity.config, row.field), host)
        )
        if content is not None:
            attributes = {"xmlns:d2p1": COUNTS} if row.element == "CountDetails" else None
            rows.append(element(row.element, content, attributes))
    return rows


def _count_details(entity: Described) -> Content:
    """Azure counts deferred messages as active (paolosalvatori/ServiceBusExplorer #662)."""
    counted = {"Active": 0, "DeadLetter": 0, "Scheduled": entity.scheduled_count}
    transfer = {"TransferDeadLetter": 0, "Transfer": 0}
    if isinstance(entity, Queue):
        counts = entity.counts()
        counted["Active"] = counts.active + counts.deferred
        counted["DeadLetter"] = counts.dead_letter
        transfer["TransferDeadLetter"] = counts.transfer_dead_letter
        transfer["Transfer"] = counts.transfer
    # The SDK for Node wants the prefix declared on CountDetails, as its only attribute.
    return [
        element(f"d2p1:{name}MessageCount", str(count))
        for name, count in {**counted, **transfer}.items()
    ]


def _message_count(queue: Queue) -> str:
    counts = queue.counts()
    here = counts.active + counts.deferred + counts.scheduled
    return str(here + counts.dead_letter + counts.transfer + counts.transfer_dead_letter)


def _filters(kind: type) -> Callable[[Topic], str]:
    return lambda topic: str(
        sum(
            isinstance(rule.filter, kind)
            for subscription in topic.subscriptions.values()
            for rule in subscription.rules()
        )
    )


_TIMES = (
    Shown("CreatedAt", lambda entity: instant(entity.created_at)),
    Shown("UpdatedAt", lambda entity: instant(entity.updated_at)),
    Shown("AccessedAt", lambda entity: instant(entity.accessed_at)),
)
_NOT_ANONYMOUS = Shown("IsAnonymousAccessible", lambda _: truth(False))
_AVAILABLE = Shown("EntityAvailabilityStatus", lambda _: "Available")
_COUNT_DETAILS = Shown("CountDetails", _count_details)
_MESSAGE_COUNT = Shown("MessageCount", _message_count)
_SIZE = Shown("SizeInBytes", lambda entity: str(entity.size_bytes))

_LOCK = Setting("LockDuration", "lock_duration", kinds.DURATION)
_MAX_SIZE = Setting("MaxSizeInMegabytes", "max_size_megabytes", kinds.POSITIVE)
_DUPLICATES = Setting("RequiresDuplicateDetection", "requires_duplicate_detection", kinds.BOOLEAN)
_SESSION = Setting("RequiresSession", "requires_session", kinds.BOOLEAN)
_LIFE = Setting("DefaultMessageTimeToLive", "default_time_to_live", kinds.LIFE)
_DEAD_LETTERING = Setting(
    "DeadLetteringOnMessageExpiration", "dead_lettering_on_message_expiration", kinds.BOOLEAN
)
_WINDOW = Setting(
    "DuplicateDetectionHistoryTimeWindow", "duplicate_detection_window", kinds.DURATION
)
_DELIVERIES = Setting("MaxDeliveryCount", "max_delivery_count", kinds.POSITIVE)
_BATCHED = Setting("EnableBatchedOperations", "enable_batched_operations", kinds.BOOLEAN)
_RULES = Setting("AuthorizationRules", "authorization_rules", kinds.AUTHORIZATION_RULES)
_STATUS = Setting("Status", "status", kinds.STATUS)
_IDLE = Setting("AutoDeleteOnIdle", "auto_delete_on_idle", kinds.LIFE)
_PARTITIONING = Setting("EnablePartitioning", "enable_partitioning", kinds.BOOLEAN)
_EXPRESS = Setting("EnableExpress", "enable_express", kinds.BOOLEAN)
_FORWARD = Setting("ForwardTo", "forward_to", kinds.TARGET)
_METADATA = Setting("UserMetadata", "user_metadata", kinds.TEXT)
_DEAD_LETTERS_TO = Setting(
    "ForwardDeadLetteredMessagesTo", "forward_dead_lettered_messages_to", kinds.TARGET
)
_MESSAGE_SIZE = Setting("MaxMessageSizeInKilobytes", "max_message_size_kilobytes", kinds.POSITIVE)

QUEUE = Description(
    "QueueDescription",
    QueueConfig,
    (
        _LOCK,
        _MAX_SIZE,
        _DUPLICATES,
        _SESSION,
        _LIFE,
        _DEAD_LETTERING,
        _WINDOW,
        _DELIVERIES,
        _BATCHED,
        _SIZE,
        _MESSAGE_COUNT,
        _NOT_ANONYMOUS,
        _RULES,
        _STATUS,
        *_TIMES,
        Shown("SupportOrdering", lambda _: truth(True)),
        _COUNT_DETAILS,
        _IDLE,
        _PARTITIONING,
        _AVAILABLE,
        _EXPRESS,
        _FORWARD,
        _METADATA,
        _DEAD_LETTERS_TO,
        _MESSAGE_SIZE,
    ),
)

TOPIC = Description(
    "TopicDescription",
    TopicConfig,
    (
        _LIFE,
        _MAX_SIZE,
        _DUPLICATES,
        _WINDOW,
        _BATCHED,
        _SIZE,
        Shown("FilteringMessagesBeforePublishing", lambda _: truth(False)),
        _NOT_ANONYMOUS,
        _RULES,
        _STATUS,
        *_TIMES,
        Setting("SupportOrdering", "support_ordering", kinds.BOOLEAN),
        _COUNT_DETAILS,
        Shown("SubscriptionCount", lambda topic: str(len(topic.subscriptions))),
        Shown("SqlFilterCount", _filters(SqlFilterConfig)),
        Shown("CorrelationFilterCount", _filters(CorrelationFilterConfig)),
        _IDLE,
        _PARTITIONING,
        _AVAILABLE,
        Shown("EnableSubscriptionPartitioning", lambda _: truth(False)),
        _EXPRESS,
        _METADATA,
        _MESSAGE_SIZE,
    ),
)

SUBSCRIPTION = Description(
    "SubscriptionDescription",
    SubscriptionConfig,
    (
        _LOCK,
        _SESSION,
        _LIFE,
        _DEAD_LETTERING,
        Setting(
            "DeadLetteringOnFilterEvaluationExceptions",
            "dead_lettering_on_filter_evaluation_exceptions",
            kinds.BOOLEAN,
        ),
        _MESSAGE_COUNT,
        _DELIVERIES,
        _BATCHED,
        _STATUS,
        _FORWARD,
        *_TIMES,
        _COUNT_DETAILS,
        _METADATA,
        _DEAD_LETTERS_TO,
        _IDLE,
        _AVAILABLE,
    ),
)


def description_of(entity: Described) -> Description:
    if isinstance(entity, Subscription):
        return SUBSCRIPTION
    return QUEUE if isinstance(entity, Queue) else TOPIC
