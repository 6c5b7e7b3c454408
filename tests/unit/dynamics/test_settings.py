"""Settings of the connector, as app settings give them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

import shared.dynamics
from shared.dynamics import DynamicsSettings, SetUpWrong
from shared.dynamics.auth import credential


@pytest.fixture(autouse=True)
def _url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMICS_URL", "https://contoso.operations.dynamics.com/")


def test_the_scope_is_that_of_the_environment() -> None:
    settings = DynamicsSettings()
    assert settings.base_url == "https://contoso.operations.dynamics.com"
    assert settings.token_scope == "https://contoso.operations.dynamics.com/.default"


def test_an_empty_setting_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMICS_CLIENT_SECRET", "")
    monkeypatch.setenv("DYNAMICS_CERTIFICATE_PATH", "")
    settings = DynamicsSettings()
    assert settings.client_secret is None
    assert type(credential(settings)).__name__ == "ManagedIdentityCredential"


def test_the_secret_shows_in_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMICS_CLIENT_SECRET", "hunter2")
    assert "hunter2" not in repr(DynamicsSettings())


def test_a_secret_without_tenant_names_the_missing_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMICS_CLIENT_SECRET", "hunter2")
    with pytest.raises(SetUpWrong, match="DYNAMICS_TENANT_ID"):
        credential(DynamicsSettings())


def test_a_timeout_is_written_as_an_iso_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMICS_TIMEOUT", "PT30S")
    assert DynamicsSettings().timeout == timedelta(seconds=30)


@pytest.mark.parametrize("operations", ["0", "5001", "many"])
def test_a_batch_size_dynamics_refuses_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, operations: str
) -> None:
    monkeypatch.setenv("DYNAMICS_BATCH_OPERATIONS", operations)
    with pytest.raises(ValidationError, match="batch_operations"):
        DynamicsSettings()


def test_further_principals_sign_in_each_in_their_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNAMICS_TENANT_ID", "t")
    monkeypatch.setenv("DYNAMICS_CLIENT_ID", "app-1")
    monkeypatch.setenv("DYNAMICS_CLIENT_SECRET", "hunter2")
    principals = [
        {"client_id": "app-2", "client_secret": "swordfish"},
        {"client_id": "app-3", "certificate_path": "/certificates/app-3.pem"},
        {"client_id": "app-4", "federated_token_file": "/tokens/app-4"},
        {"client_id": "app-5"},
    ]
    monkeypatch.setenv("DYNAMICS_PRINCIPALS", json.dumps(principals))
    settings = DynamicsSettings()
    sign_ins = settings.sign_ins()

    assert [each.client_id for each in sign_ins] == [f"app-{n}" for n in range(1, 6)]
    assert {each.tenant_id for each in sign_ins} == {"t"}
    ways = ("client_secret", "certificate_path", "federated_token_file")
    used = [[way for way in ways if getattr(each, way)] for each in sign_ins]
    assert used == [
        ["client_secret"],
        ["client_secret"],
        ["certificate_path"],
        ["federated_token_file"],
        [],
    ], "nobody signs in with another's secret"
    assert "swordfish" not in repr(settings) + repr(sign_ins)
    assert type(credential(sign_ins[3])).__name__ == "WorkloadIdentityCredential"


@pytest.mark.parametrize("principals", ["app-2", "[{}]", '[{"client_id": ""}]'])
def test_principals_that_are_none_are_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, principals: str
) -> None:
    monkeypatch.setenv("DYNAMICS_PRINCIPALS", principals)
    with pytest.raises((ValidationError, SettingsError), match="principals"):
        DynamicsSettings()


def test_every_public_name_is_there() -> None:
    assert all(getattr(shared.dynamics, name) for name in shared.dynamics.__all__)
