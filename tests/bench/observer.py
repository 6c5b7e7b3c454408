"""What a benchmark asks of a running platform: how far it is, and what it has counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

import httpx

from infra.local.platform import Addresses
from tests.bench.bench_topology import SUBSCRIPTION

_POLL_SECONDS = 0.5  # often enough for minutes, and no load of its own on a small machine


class Observer:
    """Reads the platform's own pages; each costs its process a millisecond at most."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._http = httpx.AsyncClient(timeout=60)

    async def __aenter__(self) -> Observer:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def documents(self) -> int:
        """Return the number of retail transactions in Dynamics."""
        page = f"{self._addresses.dynamics}/_simulator/transactions/list?top=1"
        return int((await self._get(page))["count"])

    async def requests(self) -> dict[str, int]:
        """Return how often Dynamics and its token endpoint were called, by kind."""
        return dict(await self._get(f"{self._addresses.dynamics}/_simulator/requests"))

    async def waiting(self) -> int:
        """Return the messages that the chain has yet to take to their end."""
        entities = (await self._get(f"{self._addresses.bus_admin}/inspect"))["entities"]
        return sum(
            counts.get("active", 0) + counts["scheduled"]
            for address, counts in entities.items()
            if not address.lower().endswith(f"/{SUBSCRIPTION}")
        )

    async def spans(self) -> dict[str, Any]:
        """Return what Application Insights has counted so far."""
        return await self._get(f"{self._addresses.appinsights}/api/stats")

    async def _get(self, url: str) -> dict[str, Any]:
        document: dict[str, Any] = (await self._http.get(url)).raise_for_status().json()
        return document


async def until(
    condition: Callable[[], Awaitable[bool]], meanwhile: Callable[[], None], patience: float
) -> float:
    """Wait for the condition; return the monotonic moment it was first seen true.

    Raises TimeoutError after `patience` seconds.
    """
    end = time.monotonic() + patience
    while not await condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not finished after {patience:.0f} s")
        meanwhile()
        await asyncio.sleep(_POLL_SECONDS)
    return time.monotonic()
