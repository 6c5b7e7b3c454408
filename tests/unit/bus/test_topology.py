import json
from pathlib import Path
from typing import Any

import pytest

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
