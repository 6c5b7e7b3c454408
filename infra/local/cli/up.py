"""``tillbus up``: the platform on its usual ports, until somebody interrupts it."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path

from infra.local.cli.output import out, talk
from infra.local.platform import Addresses, Platform, PlatformOptions
from infra.local.platform.platform import DEFAULT_PORTS, REPOSITORY


async def stay_up(data: Path, process_per_service: bool) -> int:
    """Start, say where everything is, and stop in good order when told to end."""
    logging.getLogger("tillbus").setLevel(logging.INFO)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    services = sorted(path.parent.name for path in REPOSITORY.glob("services/*/function_app.py"))
    options = PlatformOptions(
        data, ports=DEFAULT_PORTS, services=services if process_per_service else ()
    )
    talk.print("Starting the local platform")
    async with Platform(options) as platform:
        out.print(_welcome(platform.addresses, data), soft_wrap=True)
        await stop.wait()
        talk.print("Stopping")
    return 0


def _welcome(where: Addresses, data: Path) -> str:
    return "\n".join(
        (
            "Tillbus is up; Ctrl-C stops it.",
            f"  Service Bus           {where.servicebus_connection_string}",
            f"  Dynamics              {where.dynamics}/data",
            f"  Functions             {where.functions}/api",
            f"  Application Insights  {where.appinsights}/api/stats",
            f"  logs and state        {data}",
            "Try: tillbus publish --sales 100   tillbus certify   tillbus dlq list",
        )
    )
