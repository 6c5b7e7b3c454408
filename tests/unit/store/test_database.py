from __future__ import annotations

import ssl
from typing import Any

import azure.identity.aio
import pytest
from sqlalchemy import event

from shared.store.database import Database

AZURE = "tillbus-sales@shop.postgres.database.azure.com:5432/tillbus"


class _Reached(Exception):
    """Raised instead of connecting."""


async def _arguments_of_a_connection(url: str) -> dict[str, Any]:
    database = Database(url)
    arguments: dict[str, Any] = {}

    def instead(_dialect: object, _record: object, _given: object, named: dict[str, Any]) -> None:
        arguments.update(named)
        raise _Reached

    event.listen(database.engine.sync_engine, "do_connect", instead)
    with pytest.raises(_Reached):
        async with database.reading():
            pass
    await database.aclose()
    return arguments


class _Credential:
    def __init__(self, **named: Any) -> None:
        self.client_id = named["managed_identity_client_id"]
        self.issued = 0

    async def get_token(self, scope: str) -> Any:
        self.issued += 1
        text = f"{self.client_id} for {scope}, number {self.issued}"
        return type("AccessToken", (), {"token": text})


async def test_without_a_password_each_connection_signs_in_with_a_token_over_verified_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(azure.identity.aio, "DefaultAzureCredential", _Credential)
    monkeypatch.setenv("AZURE_CLIENT_ID", "our identity")

    arguments = await _arguments_of_a_connection(
        f"postgresql+asyncpg://{AZURE}?ssl=require&role=azure_pg_admin"
    )

    scope = "https://ossrdbms-aad.database.windows.net/.default"
    assert await arguments["password"]() == f"our identity for {scope}, number 1"
    assert await arguments["password"]() == f"our identity for {scope}, number 2"
    assert arguments["ssl"].verify_mode is ssl.CERT_REQUIRED
    assert arguments["ssl"].check_hostname
    assert arguments["server_settings"] == {"role": "azure_pg_admin"}
    assert "role" not in arguments


async def test_a_password_in_the_url_is_used_as_it_is() -> None:
    arguments = await _arguments_of_a_connection(
        "postgresql+asyncpg://tillbus:secret@db.example.com/tillbus"
    )

    assert arguments["password"] == "secret"
    assert "ssl" not in arguments


async def test_a_local_server_needs_no_password() -> None:
    arguments = await _arguments_of_a_connection("postgresql+asyncpg://tillbus@localhost/tillbus")

    assert "password" not in arguments
