"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.bus import Publisher, RetryPolicy, bus_collaborators, once
from shared.clock import Clock
from shared.store import Ledger, Store
from shared.telemetry import configure


class CompletenessSettings(BaseSettings):
    """Settings of this service beside those of the bus; see README.md."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    store_url: str = Field(description="where the ledger is kept, as an SQLAlchemy URL")


@dataclass(frozen=True, slots=True)
class Wired:
    """The collaborators of the handlers and of the trigger."""

    publisher: Publisher
    clock: Clock
    retry_policy: RetryPolicy
    ledger: Ledger
    resources: AsyncExitStack

    async def aclose(self) -> None:
        """Close the connections to bus and store."""
        await self.resources.aclose()


async def _build() -> Wired:
    configure("completeness")
    settings = CompletenessSettings()
    async with AsyncExitStack() as opened:
        bus = bus_collaborators()
        opened.push_async_callback(bus.aclose)
        store = await opened.enter_async_context(await Store.open(settings.store_url, bus.clock))
        return Wired(
            publisher=bus.publisher,
            clock=bus.clock,
            retry_policy=bus.retry_policy,
            ledger=store.ledger,
            resources=opened.pop_all(),
        )


collaborators = once(_build)
