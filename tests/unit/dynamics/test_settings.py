"""Settings of the connector, as app settings give them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

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


def test_every_public_name_is_there() -> None:
    assert all(getattr(shared.dynamics, name) for name in shared.dynamics.__all__)
