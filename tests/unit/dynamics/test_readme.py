"""The page a developer reads names every setting, as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.dynamics import DynamicsSettings
from shared.dynamics.business_central import BusinessCentralSettings
from shared.dynamics.commerce import CommerceSettings
from shared.dynamics.dataverse import DataverseSettings
from shared.dynamics.inventory_visibility import InventoryVisibilitySettings
from shared.dynamics.settings import ConnectionSettings

README = (Path(__file__).parents[3] / "shared" / "dynamics" / "README.md").read_text()
PRODUCTS = (
    DynamicsSettings,
    BusinessCentralSettings,
    DataverseSettings,
    InventoryVisibilitySettings,
    CommerceSettings,
)


def documented() -> dict[str, str]:
    """Return the second cell of each row that names settings, by setting."""
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|([^|]*)\|", README, re.MULTILINE)
    return {name: cell.strip() for names, cell in rows for name in re.findall(r"[A-Z_]+", names)}


def test_every_setting_that_all_products_have_is_named() -> None:
    assert {name.upper() for name in ConnectionSettings.model_fields} <= documented().keys()


@pytest.mark.parametrize("settings", PRODUCTS, ids=lambda settings: settings.__name__)
def test_every_setting_of_a_product_is_named_with_its_default(
    settings: type[ConnectionSettings],
) -> None:
    prefix = str(settings.model_config["env_prefix"])
    assert f"| `{prefix}` |" in README
    cells = documented()
    for name, field in settings.model_fields.items():
        if name in ConnectionSettings.model_fields:
            continue
        cell = cells[f"{prefix}{name}".upper()]
        if field.is_required():
            assert cell == "needed"
        elif isinstance(field.default, str | int):
            assert cell == (f"`{field.default}`" if field.default != "" else "")


def test_no_setting_is_named_that_there_is_not() -> None:
    there = {
        f"{settings.model_config['env_prefix']}{name}".upper()
        for settings in PRODUCTS
        for name in settings.model_fields
    } | {name.upper() for name in ConnectionSettings.model_fields}
    prefixes = {str(settings.model_config["env_prefix"]) for settings in PRODUCTS}

    assert documented().keys() - there - prefixes == set()
