"""A version of a fact only grows, and topics, facts and documents agree on what there is.

tests/unit/events/released holds the schema of every version as it was first released.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared import asyncapi
from shared.bus.topology import Topology
from shared.events import FACTS, json_schemas

from .compatibility import breaking_changes, named_with_consumers

ROOT = Path(__file__).resolve().parents[3]
TOPOLOGY = ROOT / "infra" / "topology.json"
RELEASED = sorted((Path(__file__).parent / "released").glob("*.json"))


@pytest.mark.parametrize("released", RELEASED, ids=lambda path: path.stem)
def test_released_version_of_a_fact_has_only_grown(released: Path) -> None:
    changes = breaking_changes(
        json.loads(released.read_text("utf-8")), json_schemas()[released.name]
    )

    topic = released.name.partition(".")[0]
    assert not changes, named_with_consumers(topic, changes, Topology.load(TOPOLOGY))


def test_every_fact_is_released() -> None:
    assert {path.name for path in RELEASED} >= set(json_schemas())


SALE = json.loads(
    (Path(__file__).parent / "released" / "sale-completed.v1.json").read_text("utf-8")
)


def _line(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"]["SaleLine"]["properties"]
    return found


def _rename(schema: dict[str, Any]) -> None:
    schema["properties"]["amount_due"] = schema["properties"].pop("total")


BREAKS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "removed": (lambda schema: schema["properties"].pop("receipt"), "receipt is gone"),
    "renamed": (_rename, "total is gone"),
    "removed below": (
        lambda schema: schema["$defs"]["TaxAmount"]["properties"].pop("code"),
        "lines[].taxes[].code is gone",
    ),
    "shorter": (lambda schema: _line(schema)["description"].update(maxLength=40), "maxLength 40"),
    "higher": (lambda schema: _line(schema)["number"].update(minimum=2), "lines[].number"),
    "another form": (
        lambda schema: _line(schema)["net_amount"]["anyOf"][0].update(pattern="^[0-9]+$"),
        "lines[].net_amount is narrowed: pattern",
    ),
    "one way of writing less": (
        lambda schema: schema["properties"]["total"]["anyOf"].pop(),
        "total no longer accepts integer",
    ),
    "one value less": (
        lambda schema: schema["$defs"]["Tender"]["properties"]["type"]["enum"].remove("voucher"),
        "tenders[].type is narrowed: without voucher",
    ),
    "fewer": (lambda schema: schema["properties"]["lines"].update(maxItems=10), "maxItems 10"),
    "required": (lambda schema: schema["required"].append("receipt"), "receipt is now required"),
    "new and required": (
        lambda schema: (
            schema["properties"].update(weather={"type": "string"}),
            schema["required"].append("weather"),
        ),
        "weather is now required",
    ),
    "required below": (
        lambda schema: schema["$defs"]["Tender"]["required"].append("exchange_rate"),
        "tenders[].exchange_rate is now required",
    ),
    "no longer absent": (
        lambda schema: schema["properties"].update(receipt={"type": "string"}),
        "receipt no longer accepts null",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_breaking_change_names_the_field_and_the_consumers_it_breaks(case: str) -> None:
    break_, said = BREAKS[case]
    schema = copy.deepcopy(SALE)
    break_(schema)

    changes = breaking_changes(SALE, schema)
    message = named_with_consumers("sale-completed", changes, Topology.load(TOPOLOGY))

    assert said in message
    assert message.endswith(
        "It breaks its publishers and: sales, inventory, customers, completeness"
    )


def test_added_field_and_wider_one_break_nobody() -> None:
    schema = copy.deepcopy(SALE)
    schema["properties"]["weather"] = {"type": "string", "default": ""}
    schema["properties"]["lines"]["maxItems"] = 5000
    schema["required"].remove("tenders")
    schema["$defs"]["Tender"]["properties"]["type"]["enum"].append("crypto")
    schema["properties"]["currency"] = {
        "anyOf": [{"type": "null"}, schema["properties"]["currency"]]
    }

    assert breaking_changes(SALE, schema) == []


def test_every_fact_has_a_topic_and_every_topic_a_fact() -> None:
    assert {model.TOPIC for model in FACTS.values()} == set(Topology.load(TOPOLOGY).topics)


def test_stored_asyncapi_document_is_that_of_facts_and_topology() -> None:
    """When this fails: python -m shared.asyncapi infra/topology.json infra/asyncapi.json."""
    stored = (ROOT / "infra" / "asyncapi.json").read_text("utf-8")

    assert stored == asyncapi.text(Topology.load(TOPOLOGY))


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for part in value.values() for found in _references(part)]
    return (
        [found for part in value for found in _references(part)] if isinstance(value, list) else []
    )


def test_asyncapi_document_is_whole() -> None:
    topology = Topology.load(TOPOLOGY)
    document = asyncapi.document(topology)

    for reference in _references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found, reference
    subscribed = {
        (operation["x-subscription"], operation["channel"]["$ref"].rpartition("/")[2])
        for operation in document["operations"].values()
        if operation["action"] == "receive"
    }
    assert subscribed == {
        (name, topic) for topic, names in topology.topics.items() for name in names
    }
    sent = [each for each in document["operations"].values() if each["action"] == "send"]
    assert len(sent) == len(asyncapi.PUBLISHED_BY_TILLBUS)


def test_asyncapi_document_is_written_to_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "asyncapi.json"

    assert asyncapi.main([str(TOPOLOGY), str(file)]) == 0
    assert json.loads(file.read_text("utf-8"))["asyncapi"] == "3.0.0"
    assert asyncapi.main([]) == 2
    assert asyncapi.main([str(tmp_path / "none.json"), str(file)]) == 2
    said = capsys.readouterr().err
    assert "usage: python -m shared.asyncapi TOPOLOGY FILE" in said
    assert "cannot write the document" in said
