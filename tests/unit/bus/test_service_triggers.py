"""Every service listens to subscriptions that exist, by the trigger's own registration."""

import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

import services
from shared.bus import Topology
from shared.bus.topology import BACKFILL_SUFFIX

TOPOLOGY = Path(__file__).parents[3] / "infra" / "topology.json"
SERVICES = sorted(each.name for each in pkgutil.iter_modules(services.__path__))


def blueprint(service: str) -> func.Blueprint:
    found: func.Blueprint = import_module(f"services.{service}.function_app").app
    return found


def triggers(blueprint: func.Blueprint) -> Iterator[dict[str, Any]]:
    app = func.FunctionApp()
    app.register_functions(blueprint)
    for function in app.get_functions():
        for binding in map(json.loads, function.get_raw_bindings()):
            if binding["type"] == "serviceBusTrigger":
                yield binding


@pytest.mark.parametrize("service", SERVICES)
def test_service_triggers_name_subscriptions_of_the_topology(service: str) -> None:
    topology = Topology.load(TOPOLOGY)
    bindings = list(triggers(blueprint(service)))

    assert bindings
    for binding in bindings:
        assert topology.has(binding["topicName"], binding["subscriptionName"]), binding
        assert binding["cardinality"] == "MANY"
        assert binding["autoCompleteMessages"] is True


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_listens_to_subscriptions_of_its_own(service: str) -> None:
    names = {binding["subscriptionName"] for binding in triggers(blueprint(service))}

    assert names <= {service, service + BACKFILL_SUFFIX}


def test_no_subscription_is_left_without_a_listener() -> None:
    listening = {
        (binding["topicName"], binding["subscriptionName"])
        for service in SERVICES
        for binding in triggers(blueprint(service))
    }

    assert listening == {
        (topic, name)
        for topic, subscriptions in Topology.load(TOPOLOGY).topics.items()
        for name in subscriptions
    }


def test_all_services_fit_into_one_host() -> None:
    app = func.FunctionApp()
    for service in SERVICES:
        app.register_functions(blueprint(service))

    names = [function.get_function_name() for function in app.get_functions()]

    assert len(names) == len(set(names))
