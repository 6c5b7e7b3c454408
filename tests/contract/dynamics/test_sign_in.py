"""Signing in over real HTTPS: secret, certificate, managed identity; one refresh on a 401."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind, ManualClock, Target
from shared.dynamics import Booked, Failed, SetUpWrong, TryLater, finance_operations
from tests.contract.dynamics.conftest import settings_for
from tests.contract.dynamics.sales import sale


def _certificate(directory: Path) -> tuple[bytes, Path]:
    """Return a self-signed certificate, and the path of it together with its key."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tillbus")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = directory / "tillbus.pem"
    path.write_bytes(private + certificate)
    return certificate, path


async def test_a_certificate_signs_in(simulator: DynamicsSimulator, tmp_path: Path) -> None:
    public, path = _certificate(tmp_path)
    (simulator.certificates / "tillbus.pem").write_bytes(public)
    settings = settings_for(simulator, client_secret=None, certificate_path=path)
    async with finance_operations(settings) as dynamics:
        assert isinstance((await dynamics.transactions.post([sale(1)]))[0], Booked)


def _federated_token(path: Path, simulator: DynamicsSimulator, **claims: object) -> str:
    """Return a token as the platform of a workload gives it, signed with the key of `path`."""
    registered = simulator.registration
    usual = {
        "iss": registered.federated_issuer,
        "sub": registered.federated_subject,
        "aud": ["api://AzureADTokenExchange"],
        "exp": int(datetime.now(UTC).timestamp()) + 600,
    }
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return jwt.encode(usual | claims, key, "RS256")


async def test_a_workload_signs_in_with_the_token_its_platform_keeps_in_a_file(
    simulator: DynamicsSimulator, tmp_path: Path
) -> None:
    public, path = _certificate(tmp_path)
    (simulator.certificates / "issuer.pem").write_bytes(public)
    token_file = tmp_path / "token"
    token_file.write_text(_federated_token(path, simulator))
    settings = settings_for(simulator, client_secret=None, federated_token_file=token_file)
    async with finance_operations(settings) as dynamics:
        assert isinstance((await dynamics.transactions.post([sale(1)]))[0], Booked)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "https://elsewhere"}, "AADSTS700211"),
        ({"aud": "https://elsewhere"}, "AADSTS700212"),
        ({"sub": "system:serviceaccount:other"}, "AADSTS700213"),
        ({"exp": 1_000_000_000}, "AADSTS700024"),
        (None, "AADSTS50027"),
    ],
)
async def test_a_workload_nobody_registered_is_a_matter_of_set_up(
    simulator: DynamicsSimulator, tmp_path: Path, claims: dict[str, object] | None, code: str
) -> None:
    public, path = _certificate(tmp_path)
    if claims is not None:
        (simulator.certificates / "issuer.pem").write_bytes(public)
    token_file = tmp_path / "token"
    token_file.write_text(_federated_token(path, simulator, **(claims or {})))
    settings = settings_for(simulator, client_secret=None, federated_token_file=token_file)
    async with finance_operations(settings) as dynamics:
        [posting] = await dynamics.transactions.post([sale(1)])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, SetUpWrong)
    assert code in posting.error.message


@pytest.mark.parametrize("client_id", ["33333333-3333-3333-3333-333333333333", None])
async def test_a_managed_identity_signs_in(
    simulator: DynamicsSimulator, monkeypatch: pytest.MonkeyPatch, client_id: str | None
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", simulator.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", simulator.registration.identity_header)
    settings = settings_for(
        simulator, client_secret=None, tenant_id=None, client_id=client_id, authority=None
    )
    async with finance_operations(settings) as dynamics:
        assert isinstance((await dynamics.transactions.post([sale(1)]))[0], Booked)


async def test_many_calls_share_one_token(simulator: DynamicsSimulator) -> None:
    async with finance_operations(settings_for(simulator)) as dynamics:
        await asyncio.gather(*(dynamics.transactions.post([sale(n)]) for n in range(8)))
        await dynamics.transactions.post([sale(9)])
    assert simulator.counts.listing()["token"] == 1


async def test_a_token_dynamics_no_longer_takes_is_replaced_once() -> None:
    clock = ManualClock()
    async with DynamicsSimulator(clock=clock) as simulator:
        async with finance_operations(settings_for(simulator)) as dynamics:
            await dynamics.transactions.post([sale(1)])
            clock.advance(timedelta(hours=2))  # for Dynamics only: our own copy still looks valid
            postings = await asyncio.gather(
                *(dynamics.transactions.post([sale(n)]) for n in range(2, 6))
            )
        assert all(isinstance(posting, Booked) for [posting] in postings)
        assert simulator.counts.listing()["token"] == 2


async def test_a_wrong_secret_is_a_matter_of_set_up(simulator: DynamicsSimulator) -> None:
    async with finance_operations(settings_for(simulator, client_secret="guess")) as dynamics:
        [posting] = await dynamics.transactions.post([sale(1)])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, SetUpWrong)
    assert "AADSTS7000215" in posting.error.message
    assert "guess" not in posting.error.describe()


async def test_a_token_for_another_environment_is_a_matter_of_set_up(
    simulator: DynamicsSimulator,
) -> None:
    settings = settings_for(simulator, scope="https://other.example/.default")
    async with finance_operations(settings) as dynamics:
        [posting] = await dynamics.transactions.post([sale(1)])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, SetUpWrong)
    assert posting.error.status == 401
    assert simulator.counts.listing()["token"] == 2, "one refresh, not a loop"


async def test_a_missing_tenant_is_named(simulator: DynamicsSimulator) -> None:
    async with finance_operations(settings_for(simulator, tenant_id=None)) as dynamics:
        [posting] = await dynamics.transactions.post([sale(1)])
    assert isinstance(posting, Failed)
    assert "DYNAMICS_TENANT_ID" in posting.error.message


async def test_a_file_that_is_not_there_is_named(
    simulator: DynamicsSimulator, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.pem"
    settings = settings_for(simulator, client_secret=None, certificate_path=missing)
    async with finance_operations(settings) as dynamics:
        [posting] = await dynamics.transactions.post([sale(1)])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, SetUpWrong)
    assert "missing.pem" in posting.error.message


async def test_an_identity_service_that_is_down_is_worth_another_try(
    simulator: DynamicsSimulator,
) -> None:
    simulator.faults.add(
        Fault(kind=FaultKind.SERVER_ERROR, count=None, target=Target.IDENTITY, retry_after=0)
    )
    async with finance_operations(settings_for(simulator)) as dynamics:
        [posting] = await dynamics.transactions.post([sale(1)])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, TryLater)
