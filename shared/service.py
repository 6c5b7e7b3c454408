"""What every service opens when its worker starts, and closes when it ends: telemetry, store, bus.

async with AsyncExitStack() as opening:
    service = await opening.enter_async_context(opened("sales"))
    return Wired(bus=service.bus, inbox=service.store.inbox("ledger"), …,
                 resources=opening.pop_all())

where `Wired` is `ServiceCollaborators` with what the service has beside.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.bus import BusCollaborators, bus_collaborators
from shared.clock import Clock, utc_now
from shared.telemetry import configure

if TYPE_CHECKING:
    from shared.store.archive import Archive
    from shared.store.parking import Parking
    from shared.store.store import Store


class StoreSettings(BaseSettings):
    """Where the services of one installation keep their state."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    store_url: str = Field(min_length=1, description="the store as an SQLAlchemy URL")


@dataclass(frozen=True, slots=True)
class Opened:
    """What every service opens."""

    bus: BusCollaborators
    store: Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCollaborators:
    """What handlers and triggers of every service work with; each adds its own to it."""

    bus: BusCollaborators
    resources: AsyncExitStack

    @property
    def clock(self) -> Clock:
        return self.bus.clock

    @property
    def archive(self) -> Archive:
        return self.bus.archive

    @property
    def parking(self) -> Parking:
        return self.bus.parking

    async def aclose(self) -> None:
        """Close the connections to bus, store and Dynamics."""
        await self.resources.aclose()


@asynccontextmanager
async def opened(name: str, clock: Clock = utc_now) -> AsyncIterator[Opened]:
    """Give bus and store of the service called `name`, and close them in the end.

    Raises pydantic's ValidationError naming the setting that is missing or wrong, and what
    `Store.open` raises.
    """
    configure(name)
    settings = StoreSettings()
    # SQLAlchemy costs a worker's start a quarter of a second; indexing needs none of it.
    from shared.store.store import Store

    async with (
        await Store.open(settings.store_url, clock) as store,
        aclosing(bus_collaborators(store.parking, store.archive, clock=clock)) as bus,
    ):
        yield Opened(bus, store)
