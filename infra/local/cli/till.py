"""The till's side of a command: a publisher whose traces begin in this process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

from infra.local.platform import Addresses
from infra.local.platform.platform import telemetry_settings
from shared.bus import Publisher
from shared.clock import utc_now


@contextlib.asynccontextmanager
async def till_publisher(addresses: Addresses) -> AsyncIterator[Publisher]:
    """Yield a publisher on the platform's bus; spans of what it publishes go to the platform.

    Leaving waits until the telemetry is exported.
    """
    os.environ |= telemetry_settings(addresses.appinsights)
    from azure.servicebus.aio import ServiceBusClient

    from shared import telemetry

    telemetry.configure("till")
    client = ServiceBusClient.from_connection_string(addresses.servicebus_connection_string)
    publisher = Publisher(client, clock=utc_now)
    try:
        yield publisher
    finally:
        await publisher.aclose()
        telemetry.shutdown()
