"""Reading Config.json: what it means, and what it says about mistakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.local.servicebus.broker import Namespace
from infra.local.servicebus.config import ConfigError, load_config, parse_config
from infra.local.servicebus.durations import parse_duration
from infra.local.servicebus.filters import CorrelationFilterConfig, SqlFilterConfig
from infra.local.servicebus.settings import AuthorizationRule, EntityStatus, QueueConfig
from tests.shared_data import shared_data

TOPOLOGY = Path(__file__).resolve().parents[3] / "infra" / "topology.json"


def document(**subscription: Any) -> dict[str, Any]:
    topic = {"Name": "t", "Subscriptions": [{"Name": "s", **subscription}]}
    return {"UserConfig": {"Namespaces": [{"Name": "n", "Queues": [], "Topics": [topic]}]}}


def queues(**forwards: str) -> dict[str, Any]:
    """Return a document of queues, each with what it forwards to."""
    found = [
        {"Name": name, "Properties": {"ForwardTo": target}} for name, target in forwards.items()
    ]
    return {"UserConfig": {"Namespaces": [{"Name": "n", "Queues": found}]}}


def queue_with(**properties: Any) -> dict[str, Any]:
    return {
        "UserConfig": {
            "Namespaces": [{"Name": "n", "Queues": [{"Name": "q", "Properties": properties}]}]
        }
    }


def rule(**properties: Any) -> dict[str, Any]:
    return document(Rules=[{"Name": "r", "Properties": properties}])


def test_our_topology_is_served() -> None:
    namespace = Namespace(load_config(TOPOLOGY))

    assert namespace.entity("sale-completed/Subscriptions/sales/$DeadLetterQueue")


def test_the_official_sample_is_read_comments_and_all() -> None:
    config = load_config(shared_data("servicebus-emulator/Config.json"))

    (queue,) = config.queues
    assert (queue.name, queue.lock_duration, queue.max_delivery_count) == ("queue.1", 60_000, 3)
    assert queue.default_time_to_live == 3_600_000
    (topic,) = config.topics
    by_name = {each.name: each.rules for each in topic.subscriptions}
    assert by_name["subscription.1"][0].filter == CorrelationFilterConfig(
        {"content_type": "application/json"}
    )
    assert by_name["subscription.2"][0].filter == CorrelationFilterConfig({}, {"prop1": "value1"})
    assert by_name["subscription.3"] == ()
    (last,) = by_name["subscription.4"]
    assert isinstance(last.filter, SqlFilterConfig)
    assert last.action == "SET sys.To = 'Entity'"


def test_comments_are_no_content_and_texts_are_no_comments(tmp_path: Path) -> None:
    path = tmp_path / "Config.json"
    named = json.dumps(rule(FilterType="Sql", SqlFilter={"SqlExpression": "a = '//x' /*b*/"}))
    path.write_text(f"// first\n{named.replace('/*b*/', '')} /* last\n line */")

    (topic,) = load_config(path).topics

    assert topic.subscriptions[0].rules[0].filter == SqlFilterConfig("a = '//x' ")


def test_what_is_left_out_is_unlimited_or_azures_default() -> None:
    (topic,) = parse_config(document()).topics

    (subscription,) = topic.subscriptions
    assert topic.default_time_to_live is subscription.default_time_to_live is None
    assert (subscription.lock_duration, subscription.max_delivery_count) == (60_000, 10)


def test_every_property_azure_has_is_read() -> None:
    properties = {
        "Status": "SendDisabled", "AutoDeleteOnIdle": "PT5M", "UserMetadata": "ours",
        "MaxSizeInMegabytes": 2048, "MaxMessageSizeInKilobytes": 512, "EnablePartitioning": True,
        "EnableExpress": True, "EnableBatchedOperations": False,
        "AuthorizationRules": [{"KeyName": "k", "Rights": ["Send"], "PrimaryKey": "secret"}],
        "ForwardTo": "sb://here.example/other", "ForwardDeadLetteredMessagesTo": "OTHER",
    }  # fmt: skip
    namespace = queues(other="")["UserConfig"]
    namespace["Namespaces"][0]["Queues"].append({"Name": "q", "Properties": properties})

    _, queue = parse_config({"UserConfig": namespace}).queues

    assert queue == QueueConfig(
        "q", status=EntityStatus.SEND_DISABLED, auto_delete_on_idle=300_000, user_metadata="ours",
        max_size_megabytes=2048, max_message_size_kilobytes=512, enable_partitioning=True,
        enable_express=True, enable_batched_operations=False, forward_to="other",
        forward_dead_lettered_messages_to="OTHER",
        authorization_rules=(AuthorizationRule("k", frozenset({"Send"}), "secret", "secret"),),
    )  # fmt: skip


def test_azures_unlimited_duration_is_unlimited() -> None:
    settings = {"DefaultMessageTimeToLive": "P10675199DT2H48M5.4775807S"}

    (topic,) = parse_config(document(Properties=settings)).topics

    assert topic.subscriptions[0].default_time_to_live is None


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("PT1M", 60_000), ("PT0.5S", 500), ("P1DT2H3M4S", 93_784_000), ("P14D", 1_209_600_000)],
)
def test_durations_are_milliseconds(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "P", "PT", "1M", "PT1", "PT-1M", "P1W", "PT1M ", "P1H"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an ISO 8601 duration"):
        parse_duration(text)


SUBSCRIPTION = r"UserConfig\.Namespaces\[0\]\.Topics\[0\]\.Subscriptions\[0\]"
RULE = SUBSCRIPTION + r"\.Rules\[0\]\.Properties"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (rule(FilterType="SqlFilter"), RULE + r"\.FilterType: 'SqlFilter' is not allowed; allowed "
         "are 'Correlation', 'Sql'"),
        (rule(), RULE + r"\.FilterType: is missing"),
        (rule(FilterType="Sql"), RULE + r"\.SqlFilter: is missing"),
        (rule(FilterType="Sql", SqlFilter={"SqlExpression": "a ="}),
         RULE + r"\.SqlFilter\.SqlExpression: .*position 3"),
        (rule(FilterType="Sql", SqlFilter={"SqlExpression": "a = 1"},
              Action={"SqlExpression": "DROP a"}),
         RULE + r"\.Action\.SqlExpression: SET or REMOVE"),
        (rule(FilterType="Correlation", CorrelationFilter={}), "at least one condition"),
        (rule(FilterType="Correlation", CorrelationFilter={"Subject": "x"}),
         r"CorrelationFilter\.Subject: is not known; known are .*'Label'"),
        (rule(FilterType="Correlation", CorrelationFilter={"Properties": {"a": [1]}}),
         r"CorrelationFilter\.Properties\.a: must be a text, number or truth"),
        (document(Properties={"LockDuration": "1 minute"}),
         SUBSCRIPTION + r"\.Properties\.LockDuration: '1 minute' is not an ISO 8601 duration"),
        (document(Properties={"LockDuration": "PT0S"}), "LockDuration: must be longer"),
        (document(Properties={"MaxDeliveryCount": 0}), "MaxDeliveryCount: must be a whole number"),
        (document(Properties={"MaxDeliveryCount": "3"}), "MaxDeliveryCount: must be a whole"),
        (document(Properties={"RequiresSession": "yes"}), "RequiresSession: must be true or false"),
        (document(Properties={"ForwardTo": "q"}),
         SUBSCRIPTION + r"\.Properties\.ForwardTo: there is no queue or topic 'q'"),
        (document(Properties={"ForwardTo": "t", "RequiresSession": True}),
         "ForwardTo: an entity that requires sessions cannot forward"),
        (queues(a="b", b="a"), r"Queues\[0\]\.Properties\.ForwardTo: 'b' forwards back to 'a'"),
        (queues(a="A"), "ForwardTo: an entity cannot forward to itself"),
        (queue_with(AuthorizationRules=[{"KeyName": "k", "Rights": ["Read"]}]),
         r"Queues\[0\]\.Properties\.AuthorizationRules\[0\]\.Rights: \"Read\" is not allowed"),
        (document(Properties={"Status": "Off"}), "Status: 'Off' is not allowed; allowed are 'Act"),
        (document(Properties={"Typo": 1}), r"Properties\.Typo: is not known; known are"),
        (document(Rules=[{"Name": "r"}]), r"Rules\[0\]\.Properties: is missing"),
        (document(Rules={}), r"Rules: must be an array"),
        (document(Name="-s"), "Name: '-s' is not a name"),
        ([], "the document: must be an object"),
        ({"UserConfig": {"Namespaces": []}}, "exactly one"),
        ({"UserConfig": {"Namespaces": [{"Name": "n"}], "Logging": {"Type": "Syslog"}}},
         r"UserConfig\.Logging\.Type: 'Syslog'"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(wrong: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_config(wrong)


rule_entry = {"Properties": {"FilterType": "Sql", "SqlFilter": {"SqlExpression": "1 = 1"}}}


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (lambda space: space["Queues"].append({"Name": "T"}), "queues or topics"),
        (lambda space: space["Topics"][0]["Subscriptions"].append({"Name": "S"}), "subscriptions"),
        (lambda space: space["Topics"][0]["Subscriptions"][0].update(Rules=[
            {**rule_entry, "Name": name} for name in "rR"]), "rules"),
    ],
)  # fmt: skip
def test_names_must_differ_in_more_than_case(
    place: Callable[[dict[str, Any]], None], what: str
) -> None:
    wrong = document()
    place(wrong["UserConfig"]["Namespaces"][0])

    with pytest.raises(ConfigError, match=f"two {what} are named '[tTSR]'"):
        parse_config(wrong)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n  "UserConfig": }', r"Config\.json: line 2, column 17: not JSON"),
        ('{"a": 1, "a": 2}', r"Config\.json: the key 'a' stands twice"),
        ("// nothing", r"Config\.json: line 1, column \d+: not JSON"),
    ],
)
def test_a_file_that_is_no_json_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "Config.json"
    path.write_text(text)

    with pytest.raises(ConfigError, match=said):
        load_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.json: cannot be read"):
        load_config(tmp_path / "absent.json")
