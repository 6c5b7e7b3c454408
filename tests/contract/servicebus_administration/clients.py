"""The stock Python clients behind one face, so that one test body serves sync and aio."""

from __future__ import annotations

import asyncio
from typing import Any

from azure.core.async_paging import AsyncItemPaged
from azure.core.paging import ItemPaged
from azure.servicebus.aio.management import ServiceBusAdministrationClient as AioClient
from azure.servicebus.management import ServiceBusAdministrationClient as SyncClient

from infra.local.servicebus import LocalServiceBus


def _options(bus: LocalServiceBus) -> dict[str, Any]:
    return {"connection_verify": str(bus.ca_file), "retry_total": 0}


class Sync:
    """Every call runs in a thread; what the SDK pages comes back as a list."""

    def __init__(self, bus: LocalServiceBus, connection_string: str | None = None) -> None:
        self.client = SyncClient.from_connection_string(
            connection_string or bus.tls_connection_string, **_options(bus)
        )

    def __getattr__(self, name: str) -> Any:
        def call(*values: Any, **named: Any) -> Any:
            found = getattr(self.client, name)(*values, **named)
            return list(found) if isinstance(found, ItemPaged) else found

        async def awaited(*values: Any, **named: Any) -> Any:
            return await asyncio.to_thread(call, *values, **named)

        return awaited

    async def aclose(self) -> None:
        await asyncio.to_thread(self.client.close)


class Aio:
    def __init__(self, bus: LocalServiceBus, connection_string: str | None = None) -> None:
        self.client = AioClient.from_connection_string(
            connection_string or bus.tls_connection_string, **_options(bus)
        )

    def __getattr__(self, name: str) -> Any:
        async def awaited(*values: Any, **named: Any) -> Any:
            found = getattr(self.client, name)(*values, **named)
            if isinstance(found, AsyncItemPaged):
                return [each async for each in found]
            return await found

        return awaited

    async def aclose(self) -> None:
        await self.client.close()


CLIENTS: dict[str, Any] = {"sync": Sync, "aio": Aio}
