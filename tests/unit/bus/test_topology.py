import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.servicebus.filters import MessageView, compile_sql_filter
from shared.bus import InvalidTopology, Topology
from shared.bus.topology import retry_rule
from shared.events import FACTS

TOPOLOGY = Path(__file__).parents[3] / "infra" / "topology.json"


def test_every_fact_has_its_topic() -> None:
    topics = Topology.load(TOPOLOGY).topics

    assert {model.TOPIC for model in FACTS.values()} <= set(topics)


def test_what_services_listen_to_exists() -> None:
    topology = Topology.load(TOPOLOGY)

    assert topology.has("sale-completed", "sales")
    assert topology.has("document-posted", "completeness")
    assert not topology.has("sale-completed", "nobody")
    assert not topology.has("nowhere", "sales")


LIVE = {"type": "x"}
LATE = {"type": "x", "lane": "backfill"}
SHAPES = {
    "alone": retry_rule("orders"),
    "beside its backfill": retry_rule("sales", has_backfill=True),
    "backfill": retry_rule("sales-backfill"),
}


@pytest.mark.parametrize(
    ("shape", "message", "passes"),
    [
        ("alone", LIVE, True),
        ("alone", LATE, True),
        ("alone", LIVE | {"retry-for": "orders"}, True),
        ("alone", LATE | {"retry-for": "orders"}, True),
        ("alone", LIVE | {"retry-for": "sales"}, False),
        ("beside its backfill", LIVE, True),
        ("beside its backfill", LATE, False),
        ("beside its backfill", LIVE | {"retry-for": "sales"}, True),
        ("beside its backfill", LATE | {"retry-for": "sales"}, True),
        ("beside its backfill", LATE | {"retry-for": "sales-backfill"}, False),
        ("backfill", LIVE, False),
        ("backfill", LATE, True),
        ("backfill", LATE | {"retry-for": "sales-backfill"}, True),
        ("backfill", LIVE | {"retry-for": "sales-backfill"}, True),
        ("backfill", LATE | {"retry-for": "sales"}, False),
        ("backfill", LATE | {"retry-for": "inventory-backfill"}, False),
    ],
)
def test_each_shape_of_rule_lets_through_what_is_for_its_subscription(
    shape: str, message: dict[str, str], passes: bool
) -> None:
    seen = MessageView(SimpleNamespace(properties=None, application_properties=message))

    assert compile_sql_filter(SHAPES[shape])(seen) is passes


def test_every_subscription_of_ours_has_the_rule_of_its_shape() -> None:
    topics = Topology.load(TOPOLOGY).topics

    assert topics["sale-completed"]["sales"] == (SHAPES["beside its backfill"],)
    assert topics["sale-completed"]["sales-backfill"] == (SHAPES["backfill"],)
    assert topics["order-placed"]["orders"] == (SHAPES["alone"],)


def test_a_live_subscription_that_takes_the_late_facts_of_its_backfill_too_is_refused(
    tmp_path: Path,
) -> None:
    subscriptions = [
        {"Name": "sales", "Rules": [sql(retry_rule("sales"))]},
        {"Name": "sales-backfill", "Rules": [sql(retry_rule("sales-backfill"))]},
    ]
    topic = {"Name": "sale-completed", "Subscriptions": subscriptions}
    path = tmp_path / "topology.json"
    path.write_text(json.dumps({"UserConfig": {"Namespaces": [{"Topics": [topic]}]}}))

    with pytest.raises(InvalidTopology, match="sale-completed/sales needs exactly the rule"):
        Topology.load(path)


def written(path: Path, rules: list[dict[str, Any]]) -> Path:
    subscription = {"Name": "sales", "Rules": rules}
    topic = {"Name": "sale-completed", "Subscriptions": [subscription]}
    path.write_text(json.dumps({"UserConfig": {"Namespaces": [{"Topics": [topic]}]}}))
    return path


def sql(expression: str) -> dict[str, Any]:
    return {
        "Name": "rule",
        "Properties": {"FilterType": "Sql", "SqlFilter": {"SqlExpression": expression}},
    }


CORRELATION = {
    "Name": "all-sales",
    "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"Label": "x"}},
}


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [sql("1 = 1")],
        [sql(retry_rule("completeness"))],
        [sql(retry_rule("sales")), sql("1 = 1")],
        [sql(retry_rule("sales")), CORRELATION],
    ],
)
def test_a_subscription_that_would_see_its_neighbours_retries_is_refused(
    tmp_path: Path, rules: list[dict[str, Any]]
) -> None:
    with pytest.raises(InvalidTopology, match="sale-completed/sales needs exactly the rule"):
        Topology.load(written(tmp_path / "topology.json", rules))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"UserConfig": {"Namespaces": [{}]}}'])
def test_a_file_that_is_no_topology_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "topology.json"
    path.write_text(text)

    with pytest.raises(InvalidTopology, match=r"topology\.json"):
        Topology.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidTopology, match=r"absent\.json"):
        Topology.load(tmp_path / "absent.json")
