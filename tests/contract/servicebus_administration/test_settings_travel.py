"""Whatever can be set comes back from its XML as it was: settings -> XML -> settings."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from xml.etree.ElementTree import Element

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.servicebus.amqp import Described, Timestamp
from infra.local.servicebus.broker import BrokerError, Namespace, Queue, Topic
from infra.local.servicebus.filters import (
    CORRELATION_FIELDS,
    CorrelationFilterConfig,
    FalseFilterConfig,
    SqlFilterConfig,
    TrueFilterConfig,
)
from infra.local.servicebus.server.administration.atom import Entry, entry_document
from infra.local.servicebus.server.administration.descriptions import (
    QUEUE,
    SUBSCRIPTION,
    TOPIC,
    Description,
    description_of,
    read,
    write,
)
from infra.local.servicebus.server.administration.rules import RULE, read_rule, write_rule
from infra.local.servicebus.server.administration.values import TIME_SPAN
from infra.local.servicebus.server.administration.xml import (
    INSTANCE,
    SERVICE_BUS,
    description,
    document,
)
from infra.local.servicebus.settings import (
    AuthorizationRule,
    EntityStatus,
    NamespaceConfig,
    QueueConfig,
    RuleConfig,
    SubscriptionConfig,
    TopicConfig,
)

NOW = 1_780_000_000_000
DURATIONS = st.integers(1, 10**12)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=20)
NAMES = st.from_regex(r"[A-Za-z0-9][\w.-]{0,8}[A-Za-z0-9]", fullmatch=True).filter(str.isascii)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(EntityStatus),
    "default_time_to_live": st.none() | DURATIONS,
    "auto_delete_on_idle": st.none() | DURATIONS,
    "user_metadata": st.none() | TEXTS,
    "enable_batched_operations": st.booleans(),
}
OF_ENTITIES: dict[str, st.SearchStrategy[Any]] = {
    **COMMON,
    "requires_duplicate_detection": st.booleans(),
    "duplicate_detection_window": DURATIONS,
    "max_size_megabytes": st.integers(1, 80 * 1024),
    "max_message_size_kilobytes": st.none() | st.integers(1, 102_400),
    "enable_partitioning": st.booleans(),
    "enable_express": st.booleans(),
    "authorization_rules": st.lists(
        st.builds(
            AuthorizationRule,
            NAMES,
            st.frozensets(st.sampled_from(["Listen", "Send", "Manage"]), min_size=1),
            NAMES,
            NAMES,
        ),
        max_size=3,
    ).map(tuple),
}
OF_QUEUES: dict[str, st.SearchStrategy[Any]] = {
    "lock_duration": DURATIONS,
    "max_delivery_count": st.integers(1, 2**31),
    "dead_lettering_on_message_expiration": st.booleans(),
    "requires_session": st.just(False),
    "forward_to": st.sampled_from([None, "target"]),
    "forward_dead_lettered_messages_to": st.sampled_from([None, "target"]),
}
VALUES = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.integers(0, 4 * 10**12).map(Timestamp),
    st.integers(0, 10**9).map(lambda ms: Described(TIME_SPAN, ms * 10_000)),
)
PAIRS = st.dictionaries(TEXTS, VALUES, max_size=4)
FILTERS = st.one_of(
    st.just(TrueFilterConfig()),
    st.just(FalseFilterConfig()),
    st.builds(SqlFilterConfig, TEXTS, PAIRS),
    st.builds(
        CorrelationFilterConfig,
        st.dictionaries(st.sampled_from(sorted(CORRELATION_FIELDS.values())), TEXTS),
        PAIRS,
    ),
)
ACTIONS: st.SearchStrategy[Any] = st.just((None, {})) | st.tuples(TEXTS, PAIRS)


def over_the_wire(root: str, rows: list[Element]) -> Element:
    made = entry_document(Entry("e", "e", NOW, NOW, root, rows), "http://host", "api-version=1")
    return description(document(made))


def comes_back(entity: Queue | Topic) -> None:
    described = description_of(entity)
    source = over_the_wire(described.root, write(described, entity, "host:5300"))
    assert read(described, source, {"name": entity.config.name}) == entity.config


def namespace() -> Namespace:
    return Namespace(NamespaceConfig(queues=(QueueConfig("target"),)))


@settings(max_examples=60, deadline=None)
@given(st.builds(QueueConfig, st.just("q"), **OF_ENTITIES, **OF_QUEUES))
def test_queue_settings_come_back(config: QueueConfig) -> None:
    comes_back(namespace().create_queue(config, NOW))


@settings(max_examples=60, deadline=None)
@given(st.builds(TopicConfig, st.just("t"), **OF_ENTITIES, support_ordering=st.booleans()))
def test_topic_settings_come_back(config: TopicConfig) -> None:
    comes_back(namespace().create_topic(config, NOW))


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        SubscriptionConfig,
        st.just("s"),
        **COMMON,
        **OF_QUEUES,
        dead_lettering_on_filter_evaluation_exceptions=st.booleans(),
    )
)
def test_subscription_settings_come_back(config: SubscriptionConfig) -> None:
    topics = namespace()
    topics.create_topic(TopicConfig("t"), NOW)
    comes_back(topics.create_subscription("t", config, NOW))


@settings(max_examples=150, deadline=None)
@given(NAMES, FILTERS, ACTIONS)
def test_rules_come_back(name: str, filter_: Any, action: Any) -> None:
    rule = RuleConfig(name, filter_, *action)
    assert read_rule(name, over_the_wire(RULE, write_rule(rule, NOW))) == rule


ODD_VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(Timestamp),
    st.integers(-(2**63), 2**63 - 1).map(lambda ticks: Described(TIME_SPAN, ticks)),
    st.just(Described(TIME_SPAN, "soon")),
    st.floats(),
    st.none(),
    st.binary(),
    st.text(),
    st.uuids(),
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), ODD_VALUES, max_size=3))
def test_rules_added_over_amqp_can_always_be_shown(pairs: dict[str, Any]) -> None:
    rule = RuleConfig("r", CorrelationFilterConfig({}, pairs), "SET a = 1", pairs)
    over_the_wire(RULE, write_rule(rule, NOW))


NAMES_IN_USE = [row.element for each in (QUEUE, TOPIC, SUBSCRIPTION) for row in each.rows] + [
    *("Filter", "Action", "SqlExpression", "Parameters", "Properties", "CorrelationId"),
    *("KeyValueOfstringanyType", "Key", "Value", "AuthorizationRule", "Rights", "AccessRights"),
    *("KeyName", "DefaultRuleDescription", "Name"),
]
TYPES = "SqlFilter TrueFilter CorrelationFilter SqlRuleAction int long double boolean dateTime"
STRANGE_TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        "P1D",
        "PT",
        "P9999999999999999999D",
        "-1",
        "1e999",
        "9" * 5000,
        "true",
        "0001-01-01",
        "Active",
    ]
)


def _tree(children: st.SearchStrategy[list[Element]]) -> st.SearchStrategy[Element]:
    def made(name: str, text: str, kind: str, inner: list[Element]) -> Element:
        element = Element(f"{{{SERVICE_BUS}}}{name}", {f"{{{INSTANCE}}}type": f"x:{kind}"})
        element.text = text
        element.extend(inner)
        return element

    types = st.sampled_from(f"{TYPES} duration string nonsense".split())
    return st.builds(made, st.sampled_from(NAMES_IN_USE), STRANGE_TEXTS, types, children)


TREES = st.recursive(
    _tree(st.just([])), lambda inner: _tree(st.lists(inner, max_size=4)), max_leaves=12
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TREES, max_size=8), st.sampled_from([QUEUE, TOPIC, SUBSCRIPTION]))
def test_whatever_is_described_is_read_or_refused(rows: list[Element], kind: Description) -> None:
    source = Element(kind.root)
    source.extend(rows)
    for attempt in (
        lambda: read(kind, source, {"name": "n"}),
        lambda: namespace().create_queue(read(QUEUE, source, {"name": "n"}), NOW),
        lambda: read_rule("n", source),
    ):
        with suppress(BrokerError):
            attempt()
