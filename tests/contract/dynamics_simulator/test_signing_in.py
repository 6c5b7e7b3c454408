"""Tokens as the real azure-identity obtains them, and what they open."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential, ManagedIdentityCredential
from azure.identity import aio as azure_aio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from infra.local.dynamics import DynamicsSimulator, ManualClock
from infra.local.platform.ports import kept_port
from tests.contract.dynamics_simulator.talking import access_token, api_client

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running() -> AsyncIterator[DynamicsSimulator]:
    """On the machine's clock: azure-identity dates its assertions by that."""
    async with DynamicsSimulator() as simulator:
        yield simulator


def _connection(simulator: DynamicsSimulator) -> dict[str, object]:
    return {
        "authority": simulator.identity_url,
        "disable_instance_discovery": True,
        "connection_verify": str(simulator.ca_file),
    }


def _scope(simulator: DynamicsSimulator) -> str:
    return f"{simulator.api_url}/.default"


async def _opens(simulator: DynamicsSimulator, token: str) -> bool:
    async with api_client(simulator) as client:
        answer = await client.get("/data/Companies", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code == 200


def _certificate(directory: Path) -> tuple[Path, bytes]:
    """A PEM file with key and certificate for the client, and the certificate alone."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "till")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = directory / "client.pem"
    path.write_bytes(private + certificate)
    return path, certificate


async def test_client_secret_credential_gets_a_token_that_opens_the_api(
    simulator: DynamicsSimulator,
) -> None:
    known = simulator.registration
    credential = ClientSecretCredential(
        known.tenant_id, known.client_id, known.client_secret, **_connection(simulator)
    )

    token = await asyncio.to_thread(credential.get_token, _scope(simulator))

    assert await _opens(simulator, token.token)


async def test_async_client_secret_credential_gets_a_token_that_opens_the_api(
    simulator: DynamicsSimulator,
) -> None:
    known = simulator.registration
    async with azure_aio.ClientSecretCredential(
        known.tenant_id, known.client_id, known.client_secret, **_connection(simulator)
    ) as credential:
        token = await credential.get_token(_scope(simulator))

    assert await _opens(simulator, token.token)


async def test_registered_certificate_gets_a_token_both_ways(
    simulator: DynamicsSimulator, tmp_path: Path
) -> None:
    path, certificate = _certificate(tmp_path)
    (simulator.certificates / "till.pem").write_bytes(certificate)
    known = simulator.registration
    credential = CertificateCredential(
        known.tenant_id, known.client_id, str(path), **_connection(simulator)
    )

    token = await asyncio.to_thread(credential.get_token, _scope(simulator))
    async with azure_aio.CertificateCredential(
        known.tenant_id, known.client_id, str(path), **_connection(simulator)
    ) as async_credential:
        async_token = await async_credential.get_token(_scope(simulator))

    assert await _opens(simulator, token.token)
    assert await _opens(simulator, async_token.token)


async def test_unregistered_certificate_is_refused(
    simulator: DynamicsSimulator, tmp_path: Path
) -> None:
    path, _ = _certificate(tmp_path)
    known = simulator.registration
    async with azure_aio.CertificateCredential(
        known.tenant_id, known.client_id, str(path), **_connection(simulator)
    ) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
            await credential.get_token(_scope(simulator))


async def test_managed_identity_gets_a_token_that_opens_the_api(
    simulator: DynamicsSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", simulator.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", simulator.registration.identity_header)

    token = await asyncio.to_thread(ManagedIdentityCredential().get_token, _scope(simulator))
    async with azure_aio.ManagedIdentityCredential() as credential:
        async_token = await credential.get_token(_scope(simulator))

    assert await _opens(simulator, token.token)
    assert await _opens(simulator, async_token.token)


@pytest.mark.parametrize(
    ("tenant", "client", "secret", "code"),
    [
        (None, None, "wrong", "AADSTS7000215"),
        (None, "33333333-3333-3333-3333-333333333333", None, "AADSTS700016"),
        ("44444444-4444-4444-4444-444444444444", None, None, "AADSTS90002"),
    ],
)
async def test_wrong_credentials_are_refused_with_the_code_entra_gives(
    simulator: DynamicsSimulator,
    tenant: str | None,
    client: str | None,
    secret: str | None,
    code: str,
) -> None:
    known = simulator.registration
    async with azure_aio.ClientSecretCredential(
        tenant or known.tenant_id,
        client or known.client_id,
        secret or known.client_secret,
        **_connection(simulator),
    ) as credential:
        with pytest.raises(ClientAuthenticationError, match=code):
            await credential.get_token(_scope(simulator))


@pytest.mark.parametrize(
    "scope", ["", "api", "/.default", "http://one/.default http://two/.default"]
)
async def test_scope_that_names_no_one_resource_is_refused(
    simulator: DynamicsSimulator, scope: str
) -> None:
    known = simulator.registration
    form = {
        "grant_type": "client_credentials",
        "client_id": known.client_id,
        "client_secret": known.client_secret,
        "scope": scope,
    }
    url = f"{simulator.identity_url}/{known.tenant_id}/oauth2/v2.0/token"
    async with httpx.AsyncClient(verify=_trusting(simulator)) as client:
        answer = await client.post(url, data=form)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("invalid_")


def _trusting(simulator: DynamicsSimulator) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=simulator.ca_file)


async def test_missing_expired_and_foreign_tokens_are_refused_with_a_challenge() -> None:
    clock = ManualClock()
    async with DynamicsSimulator(clock=clock) as simulator:
        foreign = await access_token(simulator, "https://another.operations.dynamics.com")
        expired = await access_token(simulator)
        clock.advance(timedelta(hours=1))
        fresh = await access_token(simulator)
        async with api_client(simulator) as client:
            answers = [
                await client.get("/data/Companies", headers=headers)
                for headers in (
                    {},
                    {"Authorization": "Bearer nonsense"},
                    {"Authorization": f"Bearer {fresh[:-8]}AAAAAAAA"},
                    {"Authorization": f"Bearer {foreign}"},
                    {"Authorization": f"Bearer {expired}"},
                )
            ]
        opens = await _opens(simulator, fresh)

    assert [answer.status_code for answer in answers] == [401] * 5
    assert all(answer.headers["www-authenticate"].startswith("Bearer") for answer in answers)
    assert opens


async def test_token_outlives_a_restart(tmp_path: Path) -> None:
    with kept_port() as port:
        async with DynamicsSimulator(tmp_path, api_port=port) as first:
            token = await access_token(first)
            ca = first.ca_file.read_bytes()
        async with DynamicsSimulator(tmp_path, api_port=port) as second:
            assert await _opens(second, token)
            assert second.ca_file.read_bytes() == ca
