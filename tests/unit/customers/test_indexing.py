"""What a cold start pays for, and what the settings allow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.customers import function_app
from services.customers.wiring import CustomersSettings
from shared.bus import Topology
from tests.unit.customers.customers import COMPANY

TOPOLOGY = Path(__file__).resolve().parents[3] / "infra" / "topology.json"
HEAVY = ("httpx", "sqlalchemy", "alembic", "azure.identity", "aiohttp", "opentelemetry.sdk")


def test_indexing_the_service_leaves_the_heavy_libraries_to_the_first_delivery() -> None:
    script = (
        "import json, sys, services.customers.function_app as service; "
        "functions = [each.build().get_function_name() for each in service.app._function_builders];"
        f"print(json.dumps([functions, [name for name in {HEAVY!r} if name in sys.modules]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    functions, loaded = json.loads(done.stdout.splitlines()[-1])
    assert functions == [
        "register_customers",
        "update_customers",
        "book_points_earned",
        "book_points_redeemed",
        "book_gift_cards_sold",
        "book_gift_cards_redeemed",
        "note_feedback",
        "give_points_for_sales",
        "give_points_for_sales_backfill",
        "take_points_back_for_returns",
        "take_points_back_for_returns_backfill",
        "reverse_customer_effects",
        "return_parked_customers",
        "carry_out_decisions",
    ]
    assert loaded == []


def test_every_subscription_of_the_topology_has_its_function() -> None:
    triggers: list[Any] = [
        builder._function.get_trigger() for builder in function_app.app._function_builders
    ]
    bound = [
        (trigger.topic_name, trigger.subscription_name)
        for trigger in triggers
        if hasattr(trigger, "topic_name")
    ]
    topology = Topology.load(TOPOLOGY).topics
    wanted = [
        (topic, name)
        for topic, subscriptions in topology.items()
        for name in subscriptions
        if name.startswith("customers")
    ]
    assert sorted(bound) == sorted(wanted)


def settings(monkeypatch: pytest.MonkeyPatch, **values: Any) -> CustomersSettings:
    companies = {COMPANY: {"currencies": ["GBP"], **values.pop("company", {})}}
    for name, value in {"companies": companies, **values}.items():
        monkeypatch.setenv(name.upper(), json.dumps(value))
    return CustomersSettings()


def test_authority_is_read_from_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, authority={COMPANY: {"name": ["dynamics"], "*": "manual"}})
    assert read.authority[COMPANY]["name"].sources == ("dynamics",)
    assert read.authority[COMPANY]["*"].strategy == "manual"


def test_a_wrong_rule_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match=r"authority\.gbrt[\s\S]*is no field"):
        settings(monkeypatch, authority={COMPANY: {"shoe": "manual"}})


def test_customers_in_two_erps_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    both = ["finance-operations", "business-central"]
    with pytest.raises(ValidationError, match="company gbrt keeps customers in two ERPs"):
        settings(monkeypatch, company={"customers": both})
