"""What a service is started with under Core Tools, from a folder that is not the clone's."""

from __future__ import annotations

import json

from infra.local.platform.platform import PRODUCTS
from tools import start
from tools.package import REPOSITORY

EXAMPLE = REPOSITORY / "local.settings.example.json"


def test_every_path_of_the_settings_leads_into_the_clone() -> None:
    values = json.loads(start.settings(EXAMPLE))["Values"]

    data = REPOSITORY / ".tillbus"
    assert values["STORE_URL"] == f"sqlite+aiosqlite:///{data / 'store.sqlite'}"
    for product in PRODUCTS:
        assert values[f"{product}_CA_FILE"] == str(data / "dynamics" / "tls" / "ca.pem")


def test_all_other_settings_are_those_of_the_file() -> None:
    example, started = json.loads(EXAMPLE.read_text()), json.loads(start.settings(EXAMPLE))

    values = started["Values"].items()
    changed = {name for name, value in values if value != example["Values"][name]}
    assert changed == {"STORE_URL", *(f"{product}_CA_FILE" for product in PRODUCTS)}
    assert {**started, "Values": {}} == {**example, "Values": {}}
