"""The whole platform as real processes, once per module of tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.local.platform import Platform, PlatformOptions
from tests.e2e.chain import Chain

# Short waits, so that a retried sale is booked within a test's patience.
RETRY_DELAYS = "PT1S,PT2S,PT4S,PT8S,PT16S,PT30S"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    """A running platform with what tests ask of it."""
    data: Path = tmp_path_factory.mktemp("platform")
    options = PlatformOptions(data, settings={"RETRY_DELAYS": RETRY_DELAYS})
    async with Platform(options) as platform, Chain(platform) as running:
        yield running
