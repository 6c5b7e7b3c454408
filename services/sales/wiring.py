"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.bus import Publisher, RetryPolicy, bus_collaborators, once
from shared.clock import Clock, utc_now
from shared.companies import Company
from shared.dynamics import DynamicsSettings, RetailTransactions, finance_operations
from shared.store.inbox import Inbox
from shared.telemetry import configure


class SalesSettings(BaseSettings):
    """Settings of this service beside those of the bus and of Dynamics; see README.md."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    store_url: str = Field(description="where the inbox is kept, as an SQLAlchemy URL")
    companies: dict[str, Company] = Field(min_length=1, description="JSON object")


@dataclass(frozen=True, slots=True)
class Wired:
    """The collaborators of the handlers and of the trigger."""

    publisher: Publisher
    clock: Clock
    retry_policy: RetryPolicy
    inbox: Inbox
    transactions: RetailTransactions
    companies: dict[str, Company]
    resources: AsyncExitStack

    async def aclose(self) -> None:
        """Close the connections to bus, store and Dynamics."""
        await self.resources.aclose()


async def _build() -> Wired:
    configure("sales")
    settings = SalesSettings()
    dynamics = DynamicsSettings()
    async with AsyncExitStack() as opened:
        bus = bus_collaborators()
        opened.push_async_callback(bus.aclose)
        # SQLAlchemy costs a worker's start a quarter of a second; indexing needs none of it.
        from shared.store import Store

        store = await opened.enter_async_context(await Store.open(settings.store_url, utc_now))
        finance = await opened.enter_async_context(finance_operations(dynamics, book=store.notes))
        return Wired(
            publisher=bus.publisher,
            clock=bus.clock,
            retry_policy=bus.retry_policy,
            inbox=store.inbox,
            transactions=finance.transactions,
            companies=settings.companies,
            resources=opened.pop_all(),
        )


collaborators = once(_build)
