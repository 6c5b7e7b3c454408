"""The settings a clone runs with: those of the example, with the addresses of the run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from infra.local.platform.addresses import Addresses
from infra.local.platform.platform import EXAMPLE_SETTINGS, PRODUCTS, dynamics_settings
from shared.companies import Company
from shared.dynamics import DynamicsSettings
from shared.dynamics.business_central import BusinessCentralSettings
from shared.dynamics.commerce import CommerceSettings
from shared.dynamics.dataverse import DataverseSettings
from shared.dynamics.inventory_visibility import InventoryVisibilitySettings

SETTINGS: dict[str, type[Any]] = {
    "DYNAMICS": DynamicsSettings,
    "BUSINESS_CENTRAL": BusinessCentralSettings,
    "DATAVERSE": DataverseSettings,
    "INVENTORY_VISIBILITY": InventoryVisibilitySettings,
    "COMMERCE": CommerceSettings,
}
VALUES: dict[str, str] = json.loads(EXAMPLE_SETTINGS.read_text())["Values"]
WHERE = Addresses(
    amqp="127.0.0.1:1",
    bus_admin="http://127.0.0.1:2",
    dynamics="http://127.0.0.1:3",
    identity="https://localhost:4",
    identity_ca="/tls/ca.pem",
    appinsights="http://127.0.0.1:5",
    functions="http://127.0.0.1:6",
)


@pytest.mark.parametrize("prefix", PRODUCTS)
def test_every_product_is_found_where_the_simulator_listens(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**VALUES, **dynamics_settings(WHERE)}.items():
        monkeypatch.setenv(name, value)
    settings = SETTINGS[prefix]()
    assert settings.base_url == WHERE.dynamics
    assert settings.authority == WHERE.identity
    assert str(settings.ca_file) == WHERE.identity_ca
    assert settings.client_secret.get_secret_value() == VALUES["DYNAMICS_CLIENT_SECRET"]


def test_no_address_of_the_example_is_left_in_the_settings_of_a_run() -> None:
    local = {name for name, value in VALUES.items() if ":7080" in value or ":7443" in value}
    assert local
    assert local <= dynamics_settings(WHERE).keys()


def test_the_example_names_only_settings_that_are_read() -> None:
    named = {name for name in VALUES if name.startswith(tuple(f"{each}_" for each in PRODUCTS))}
    known = {
        f"{prefix}_{field}".upper()
        for prefix, settings in SETTINGS.items()
        for field in settings.model_fields
    }
    assert named <= known


def test_the_companies_of_the_example_keep_their_books_in_different_products() -> None:
    companies = TypeAdapter(dict[str, Company]).validate_json(VALUES["COMPANIES"])
    assert {company.ledger for company in companies.values()} == {
        "finance-operations",
        "business-central",
        "commerce",
    }
    assert {company.orders for company in companies.values()} == {
        "finance-operations",
        "business-central",
    }
    assert "aggregate" in {company.grain for company in companies.values()}
