"""The bus a command speaks to: that of the local platform, or the one it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.local.platform import read_addresses

if TYPE_CHECKING:
    from azure.servicebus.aio import ServiceBusClient

BusConnection = Annotated[
    str | None,
    typer.Option(
        "--bus-connection",
        help="Connection string of another bus than the local platform's.",
        envvar="ServiceBusConnection",
        show_envvar=True,
    ),
]


@asynccontextmanager
async def bus_client(data: Path, connection: str | None) -> AsyncIterator[ServiceBusClient]:
    """Yield a client of the bus; raises `NotRunning` when there is none."""
    from azure.servicebus.aio import ServiceBusClient

    where = connection or read_addresses(data).servicebus_connection_string
    async with ServiceBusClient.from_connection_string(where) as client:
        yield client
