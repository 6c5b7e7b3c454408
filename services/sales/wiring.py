"""Builds what the handlers work with, once per worker, from the app's settings."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.bus import BusCollaborators, once
from shared.clock import Clock
from shared.companies import Company
from shared.dynamics import DynamicsSettings, RetailTransactions, finance_operations
from shared.service import opened
from shared.store.inbox import Inbox


class SalesSettings(BaseSettings):
    """Settings of this service beside those of store, bus and Dynamics; see README.md."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    companies: dict[str, Company] = Field(min_length=1, description="JSON object")


@dataclass(frozen=True, slots=True)
class Wired:
    """The collaborators of the handlers and of the trigger."""

    bus: BusCollaborators
    clock: Clock
    inbox: Inbox
    transactions: RetailTransactions
    companies: dict[str, Company]
    resources: AsyncExitStack

    async def aclose(self) -> None:
        """Close the connections to bus, store and Dynamics."""
        await self.resources.aclose()


async def _build() -> Wired:
    settings = SalesSettings()
    dynamics = DynamicsSettings()
    async with AsyncExitStack() as opening:
        service = await opening.enter_async_context(opened("sales"))
        finance = await opening.enter_async_context(
            finance_operations(dynamics, book=service.store.notes)
        )
        return Wired(
            bus=service.bus,
            clock=service.bus.clock,
            inbox=service.store.inbox("ledger"),
            transactions=finance.transactions,
            companies=settings.companies,
            resources=opening.pop_all(),
        )


collaborators = once(_build)
