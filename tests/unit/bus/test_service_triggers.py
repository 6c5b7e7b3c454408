"""Every service listens to subscriptions that exist, by the trigger's own registration."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from services.completeness import function_app as completeness
from services.sales import function_app as sales
from shared.bus import Topology

TOPOLOGY = Path(__file__).parents[3] / "infra" / "topology.json"


def triggers(blueprint: func.Blueprint) -> Iterator[dict[str, Any]]:
    app = func.FunctionApp()
    app.register_functions(blueprint)
    for function in app.get_functions():
        for binding in map(json.loads, function.get_raw_bindings()):
            if binding["type"] == "serviceBusTrigger":
                yield binding


@pytest.mark.parametrize("service", [sales, completeness])
def test_service_triggers_name_subscriptions_of_the_topology(service: Any) -> None:
    topology = Topology.load(TOPOLOGY)
    bindings = list(triggers(service.app))

    assert bindings
    for binding in bindings:
        assert topology.has(binding["topicName"], binding["subscriptionName"]), binding
        assert binding["cardinality"] == "MANY"
        assert binding["autoCompleteMessages"] is True


def test_no_subscription_is_left_without_a_listener() -> None:
    listening = {
        (binding["topicName"], binding["subscriptionName"])
        for service in (sales, completeness)
        for binding in triggers(service.app)
    }

    assert listening == {
        (topic, name)
        for topic, subscriptions in Topology.load(TOPOLOGY).topics.items()
        for name in subscriptions
    }
