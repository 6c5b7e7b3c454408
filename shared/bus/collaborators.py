"""What every trigger needs from its service's wiring, and how it is built from the settings."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.bus.durations import duration
from shared.bus.lanes import LiveFirst
from shared.bus.publisher import Publisher
from shared.bus.retry import RetryPolicy
from shared.clock import Clock, utc_now
from shared.store.archive import Archive
from shared.store.parking import Parking

if TYPE_CHECKING:
    from azure.servicebus.aio import ServiceBusClient

_log = logging.getLogger("tillbus.bus")

_T = TypeVar("_T")
Wiring = Callable[[], _T | Awaitable[_T]]

WIRING_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 15))
"""Half a minute together: within a message's lock of one minute."""

DEFAULT_PARKING_PATIENCE = timedelta(days=3)
"""A weekend: master data is kept by people."""


@dataclass(frozen=True, slots=True)
class BusCollaborators:
    """What a trigger itself uses; a service's collaborators hold it as `bus`.

    `parking_patience` is how long a fact waits for what it misses if its handler does not say.
    """

    publisher: Publisher
    clock: Clock
    retry_policy: RetryPolicy
    parking: Parking
    archive: Archive
    parking_patience: timedelta = DEFAULT_PARKING_PATIENCE
    lanes: LiveFirst = field(default_factory=LiveFirst, compare=False)

    async def aclose(self) -> None:
        """Close the connections to the bus."""
        await self.publisher.aclose()


class HasBus(Protocol):
    """A service's collaborators, as far as triggers know them."""

    @property
    def bus(self) -> BusCollaborators: ...


class BusSettings(BaseSettings):
    """Settings of the bus, named as the Functions host names them.

    Either a connection string (local) or a fully qualified namespace (Azure, with the identity of
    the app, or the user-assigned one of `clientId`).
    """

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    connection_string: str | None = Field(default=None, alias="ServiceBusConnection")
    fully_qualified_namespace: str | None = Field(
        default=None, alias="ServiceBusConnection__fullyQualifiedNamespace"
    )
    client_id: str | None = Field(default=None, alias="ServiceBusConnection__clientId")
    retry_delays: str | None = Field(default=None, alias="RETRY_DELAYS")
    retry_patience: str | None = Field(default=None, alias="RETRY_PATIENCE")
    parking_patience: str | None = Field(default=None, alias="PARKING_PATIENCE")

    @model_validator(mode="after")
    def _names_one_bus(self) -> BusSettings:
        if not self.connection_string and not self.fully_qualified_namespace:
            raise ValueError(
                "set ServiceBusConnection (a connection string) or "
                "ServiceBusConnection__fullyQualifiedNamespace (with a managed identity)"
            )
        _ = self.parked_for, self.retry_policy
        return self

    @property
    def retry_policy(self) -> RetryPolicy:
        """When facts that must wait are tried again."""
        return RetryPolicy.from_settings(self.retry_delays, self.retry_patience)

    @property
    def parked_for(self) -> timedelta:
        """How long parked facts wait for what they miss."""
        text = (self.parking_patience or "").strip()
        return duration("PARKING_PATIENCE", text) if text else DEFAULT_PARKING_PATIENCE


# Without these a bus that accepts connections and says nothing would hold a batch for ever.
_SDK_LIMITS: dict[str, Any] = {"retry_total": 2, "retry_backoff_max": 5, "try_timeout": 15}


def service_bus_client(settings: BusSettings) -> ServiceBusClient:
    """Return a client for the bus the settings name; call it inside the loop that will use it."""
    from azure.servicebus.aio import ServiceBusClient

    if settings.connection_string:
        return ServiceBusClient.from_connection_string(settings.connection_string, **_SDK_LIMITS)
    from azure.identity.aio import DefaultAzureCredential

    assert settings.fully_qualified_namespace is not None
    credential = DefaultAzureCredential(managed_identity_client_id=settings.client_id)
    return ServiceBusClient(settings.fully_qualified_namespace, credential, **_SDK_LIMITS)


def bus_collaborators(
    parking: Parking,
    archive: Archive,
    *,
    settings: BusSettings | None = None,
    clock: Clock = utc_now,
) -> BusCollaborators:
    """Build the bus's collaborators; connections open on first use."""
    settings = settings or BusSettings()
    return BusCollaborators(
        publisher=Publisher(service_bus_client(settings), clock=clock),
        clock=clock,
        retry_policy=settings.retry_policy,
        parking=parking,
        archive=archive,
        parking_patience=settings.parked_for,
    )


async def patiently(wiring: Wiring[_T], delays: Sequence[timedelta] = WIRING_DELAYS) -> _T:
    """Return what `wiring` gives, trying again while it raises; raises its last error.

    A failed batch is delivered again at once: without the wait an outage of what is being wired
    (the store, say) would spend all deliveries within seconds and dead-letter good messages.
    """
    for delay in delays:
        try:
            return await _wired(wiring)
        except Exception as error:
            _log.warning("The service cannot start yet: %s", error)
            await asyncio.sleep(delay.total_seconds())
    return await _wired(wiring)


async def _wired(wiring: Wiring[_T]) -> _T:
    built = wiring()
    return await built if inspect.isawaitable(built) else built


def once(build: Callable[[], Awaitable[_T]]) -> Callable[[], Awaitable[_T]]:
    """Return a function that builds on its first call and hands out the same object after.

    For `wiring`: callers that arrive while it is being built wait for it; a failure is not kept,
    the next call tries again.
    """
    building: asyncio.Future[_T] | None = None

    async def built() -> _T:
        nonlocal building
        if building is None or (building.done() and _failed(building)):
            building = asyncio.ensure_future(build())
        return await asyncio.shield(building)

    return built


def _failed(future: asyncio.Future[_T]) -> bool:
    return future.cancelled() or future.exception() is not None
