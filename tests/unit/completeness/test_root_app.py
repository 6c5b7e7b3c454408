"""The root app and its neighbours, indexed by the worker that runs on Azure."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]

# One process per app: the worker's registry is a module global.
_INDEX = """
import asyncio, json, sys
from pathlib import Path
from infra.local.functions.worker import Worker

async def main(app):
    functions = await Worker(app, settlement_port=1, max_message_bytes=1 << 20).start()
    return {each.name: [json.loads(raw) for raw in each.raw_bindings] for each in functions}

print(json.dumps(asyncio.run(main(Path(sys.argv[1])))))
"""

HTTP_AND_TIMERS = {
    "evaluate_store_days": ("timerTrigger", "*/20 * * * * *"),
    "forget_what_is_over": ("timerTrigger", "0 15 3 * * *"),
    "get_certificate": ("httpTrigger", "certificates/{company}/{store}/{day}"),
    "list_certificates": ("httpTrigger", "certificates"),
    "list_half_booked": ("httpTrigger", "half-booked"),
}


def _indexed(app: Path) -> dict[str, dict[str, Any]]:
    """Return each function's trigger binding by the function's name."""
    done = subprocess.run(
        [sys.executable, "-c", _INDEX, str(app)],
        cwd=app,
        env={"PYTHONPATH": f"{app}:{ROOT}", "PATH": "/usr/bin:/bin", "HOME": str(app)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    bindings: dict[str, list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    return {
        name: next(each for each in those if each["direction"] == "IN")
        for name, those in bindings.items()
    }


def _subscriptions(functions: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted(
        (trigger["topicName"], trigger["subscriptionName"])
        for trigger in functions.values()
        if trigger["type"] == "serviceBusTrigger"
    )


def _topology() -> list[tuple[str, str]]:
    [namespace] = json.loads((ROOT / "infra/topology.json").read_text())["UserConfig"]["Namespaces"]
    return sorted(
        (topic["Name"], subscription["Name"])
        for topic in namespace["Topics"]
        for subscription in topic["Subscriptions"]
    )


def test_every_subscription_of_the_topology_has_exactly_one_function() -> None:
    functions = _indexed(ROOT)

    assert _subscriptions(functions) == _topology()
    for name, (kind, where) in HTTP_AND_TIMERS.items():
        trigger = functions[name]
        assert (trigger["type"], trigger.get("route", trigger.get("schedule"))) == (kind, where)
    assert {trigger["authLevel"] for trigger in functions.values() if "route" in trigger} == {
        "FUNCTION"
    }
    for trigger in functions.values():
        if trigger["type"] == "serviceBusTrigger":
            assert trigger["connection"] == "ServiceBusConnection"
            assert trigger["cardinality"] == "MANY"
            assert trigger["autoCompleteMessages"] is True


@pytest.mark.parametrize("service", ["completeness", "sales"])
def test_a_package_with_one_service_registers_that_one_by_the_same_file(
    service: str, tmp_path: Path
) -> None:
    for name in ("function_app.py", "host.json"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "shared").symlink_to(ROOT / "shared")
    (tmp_path / "services").mkdir()
    shutil.copy(ROOT / "services/__init__.py", tmp_path / "services")
    shutil.copytree(ROOT / "services" / service, tmp_path / "services" / service)

    subscriptions = _subscriptions(_indexed(tmp_path))

    mine = {service, f"{service}-backfill"}
    assert subscriptions == [each for each in _topology() if each[1] in mine]


def test_the_host_file_is_what_the_services_count_on() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    bus = host["extensions"]["serviceBus"]

    assert host["telemetryMode"] == "OpenTelemetry"
    # 1,000 sales in at most 12 Dynamics calls: one call a batch, and two to spare.
    assert 1000 / bus["maxMessageBatchSize"] <= 12
    # Nothing renews the locks of a batch, and a prefetched message's lock is already running.
    assert bus["prefetchCount"] == 0


def test_the_example_settings_name_every_setting_the_services_read() -> None:
    example = json.loads((ROOT / "local.settings.example.json").read_text())

    assert example["IsEncrypted"] is False
    values = example["Values"]
    assert all(isinstance(value, str) for value in values.values())
    assert {"usrt", "gbrt", "dert", "aert", "kwrt", "jprt"} <= set(json.loads(values["COMPANIES"]))
    assert {
        "FUNCTIONS_WORKER_RUNTIME",
        "AzureWebJobsStorage",
        "PYTHON_ENABLE_OPENTELEMETRY",
        "ServiceBusConnection",
        "STORE_URL",
        "RETRY_DELAYS",
        "DYNAMICS_URL",
        "DYNAMICS_TENANT_ID",
        "DYNAMICS_CLIENT_ID",
        "DYNAMICS_CLIENT_SECRET",
        "DYNAMICS_AUTHORITY",
        "DYNAMICS_CA_FILE",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
    } <= values.keys()


def test_the_example_settings_build_the_settings_of_the_services(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from shared.bus import BusSettings
    from shared.companies import CompaniesSettings
    from shared.dynamics import DynamicsSettings
    from shared.service import StoreSettings

    example = json.loads((ROOT / "local.settings.example.json").read_text())
    for name, value in example["Values"].items():
        monkeypatch.setenv(name, value)

    assert StoreSettings().store_url.startswith("sqlite+aiosqlite:///")
    assert CompaniesSettings().companies["kwrt"].currencies == ("KWD",)
    assert BusSettings().connection_string
    assert DynamicsSettings().authority == "https://localhost:7443"
