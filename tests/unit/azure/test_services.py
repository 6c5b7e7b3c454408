"""What is deployed is what there is, and each service is told no more than it reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from shared.companies import Company
from shared.dynamics import DynamicsSettings
from shared.dynamics.business_central import BusinessCentralSettings
from shared.dynamics.commerce import CommerceSettings
from shared.dynamics.dataverse import DataverseSettings
from shared.dynamics.inventory_visibility import InventoryVisibilitySettings
from tools.package import REPOSITORY, services

AZURE = REPOSITORY / "infra" / "azure"
MAIN = (AZURE / "main.bicep").read_text()
PRODUCTS: dict[str, type[Any]] = {
    "DYNAMICS": DynamicsSettings,
    "BUSINESS_CENTRAL": BusinessCentralSettings,
    "DATAVERSE": DataverseSettings,
    "INVENTORY_VISIBILITY": InventoryVisibilitySettings,
    "COMMERCE": CommerceSettings,
}
DEPLOYED: list[dict[str, Any]] = json.loads((AZURE / "services.json").read_text())


def sources(service: str) -> str:
    files = (REPOSITORY / "services" / service).rglob("*.py")
    return "\n".join(path.read_text() for path in files)


def test_every_service_is_deployed_from_what_is_staged_for_it() -> None:
    text = (REPOSITORY / "azure.yaml").read_text()
    _, _, listed = text.partition("\nservices:\n")
    projects = re.findall(r"^  (\w+):\n    project: (\S+)$", listed, re.MULTILINE)
    assert [each["name"] for each in DEPLOYED] == services()
    assert projects == [(name, f"dist/{name}") for name in services()]
    assert "run: make package SERVICE=all\n" in text


@pytest.mark.parametrize("deployed", DEPLOYED, ids=lambda each: each["name"])
def test_a_service_is_told_of_the_products_it_uses_and_of_no_others(
    deployed: dict[str, Any],
) -> None:
    code = sources(deployed["name"])
    used = {name for name, settings in PRODUCTS.items() if f"{settings.__name__}(" in code}
    assert set(deployed["products"]) == used
    assert deployed["readsCompanies"] == ("CompaniesSettings" in code)


@pytest.mark.parametrize("prefix", PRODUCTS)
def test_every_setting_of_a_product_is_one_that_its_connector_reads(prefix: str) -> None:
    block = re.search(rf"\n  {prefix}: empty\(\w+\) \? \{{\}} : \{{\n(.*?)\n  \}}", MAIN, re.DOTALL)
    assert block is not None
    named = re.findall(r"^    (\w+):", block[1], re.MULTILINE)
    known = {f"{prefix}_{field}".upper() for field in PRODUCTS[prefix].model_fields}
    assert set(named) <= known
    assert f"{prefix}_URL" in named


def test_every_subscription_of_the_topology_has_one_function_in_its_service() -> None:
    document = json.loads((AZURE.parent / "topology.json").read_text())
    wanted = [
        (topic["Name"], subscription["Name"])
        for topic in document["UserConfig"]["Namespaces"][0]["Topics"]
        for subscription in topic["Subscriptions"]
    ]
    found = [pair for service in services() for pair in subscriptions_of(service)]
    assert sorted(found) == sorted(wanted)


def subscriptions_of(service: str) -> Iterator[tuple[str, str]]:
    """Yield topic and subscription of each function of a service that messages trigger."""
    app: Any = import_module(f"services.{service}.function_app").app
    for builder in app._function_builders:
        trigger = builder.build().get_trigger().get_dict_repr()
        if "subscriptionName" in trigger:
            assert trigger["subscriptionName"].removesuffix("-backfill") == service
            yield trigger["topicName"], trigger["subscriptionName"]


def test_waits_and_retries_are_settings_of_every_service() -> None:
    for name in ("RETRY_DELAYS", "PARKING_PATIENCE"):
        assert f"            {name}:" in MAIN
        assert name in (REPOSITORY / "shared" / "bus" / "collaborators.py").read_text()


@pytest.mark.parametrize("path", sorted(AZURE.glob("*.bicepparam")), ids=lambda path: path.name)
def test_the_companies_of_parameter_files_are_what_services_accept(path: Path) -> None:
    companies = companies_of(path)
    assert companies
    for company in companies.values():
        Company.model_validate(company)


def companies_of(path: Path) -> dict[str, Any]:
    """Read the object literal of a parameter file as the JSON it is close to."""
    block = re.search(r"^param companies = (\{.*?^\})", path.read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None
    text = re.sub(r"(\w+):", r'"\1":', block[1]).replace("'", '"')
    text = re.sub(r'(?<=["\]}])\s*\n\s*(?=")', ",", text)
    found = json.loads(text)
    assert isinstance(found, dict)
    return found
