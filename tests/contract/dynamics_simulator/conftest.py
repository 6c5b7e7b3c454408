"""A running simulator and a signed-in HTTP client."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from pathlib import Path

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator
from infra.local.dynamics.identity.certificates import tls_files
from infra.local.dynamics.identity.registration import TENANT_ID
from infra.local.dynamics.identity.tokens import TokenAuthority
from tests.contract.dynamics_simulator.talking import MovableClock, access_token, api_client


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates made once: making them takes longer than most tests."""
    directory = tmp_path_factory.mktemp("keys")
    now = datetime.now(timezone.utc)
    tls_files(directory, now)
    TokenAuthority(directory, TENANT_ID, lambda: now)
    return directory


@pytest.fixture
async def simulator(
    clock: MovableClock, keys: Path, tmp_path: Path
) -> AsyncIterator[DynamicsSimulator]:
    data = tmp_path / "simulator"
    shutil.copytree(keys, data / "tls")
    async with DynamicsSimulator(data, clock=clock) as running:
        yield running


@pytest.fixture
async def api(simulator: DynamicsSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose every request carries a token in force."""
    headers = {"Authorization": f"Bearer {await access_token(simulator)}"}
    async with api_client(simulator, headers) as client:
        yield client
