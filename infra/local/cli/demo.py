"""``tillbus demo``: a platform of its own, a day on it, and what an auditor would want to see."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from pydantic import TypeAdapter

from infra.local.cli.certificates import fetch_certificates
from infra.local.cli.dead_letters import dead_letters
from infra.local.cli.demo_report import Report, print_report
from infra.local.cli.output import Refused, print_json, talk
from infra.local.cli.stores import opened_store
from infra.local.cli.till import till_publisher
from infra.local.cli.traces import find_trace
from infra.local.demo import DemoDay, Ending, Stage, plan_day, play
from infra.local.demo.administrator import Administrator
from infra.local.demo.listening import listening, topology_with_listeners
from infra.local.demo.stage import Tell
from infra.local.platform import Addresses, Platform, PlatformOptions
from infra.local.platform.platform import TOPOLOGY
from shared.clock import utc_now
from shared.companies import Company

# A day is compressed into seconds, so the waits between attempts are too.
SETTINGS = {"RETRY_DELAYS": "PT1S,PT2S,PT4S,PT8S,PT16S"}

TRACE_TRIES = 20
"""The exporter sends every second; the last spans arrive a little after the last document."""
WITNESS = "process document-posted"
"""What the last spans of a trace are called: the certificate's own witness of each effect."""


async def run_demo(seed: int, as_json: bool) -> int:
    """Return 0 if all store-days balance, everything told is in Dynamics once, each poison has its
    reason and nothing waits any more."""
    started = time.monotonic()
    day = plan_day(seed, utc_now)

    def tell(hour: str, what: str) -> None:
        elapsed = f"[{time.monotonic() - started:5.1f} s]"
        talk.print(f"{elapsed} {hour:5}  {what}", markup=False, soft_wrap=True)

    with tempfile.TemporaryDirectory(prefix="tillbus-demo-") as folder:
        tell("", "starting Service Bus, Dynamics, Application Insights and the Functions host")
        data = Path(folder)
        topology = topology_with_listeners(TOPOLOGY, data)
        options = PlatformOptions(data, topology=topology, settings=SETTINGS)
        async with Platform(options) as platform:
            ending = await _played(platform, day, tell)
            letters = await dead_letters(platform.addresses)
            traces = await _traces(platform.addresses, day)
            tell("", "the day is over")
    report = Report(day, ending, letters, traces, round(time.monotonic() - started, 1))
    if as_json:
        print_json(report.json())
    else:
        print_report(report)
    return 0 if report.balances else 1


async def _played(platform: Platform, day: DemoDay, tell: Tell) -> Ending:
    addresses, settings = platform.addresses, platform.function_settings

    async def certificates() -> Sequence[Mapping[str, Any]]:
        document = await fetch_certificates(addresses, None, None, None)
        found: Sequence[Mapping[str, Any]] = document["certificates"]
        return found

    companies = TypeAdapter(dict[str, Company]).validate_json(settings["COMPANIES"])
    async with (
        opened_store(platform.data, settings["STORE_URL"]) as store,
        till_publisher(addresses) as publisher,
        httpx.AsyncClient(base_url=addresses.dynamics, timeout=30) as dynamics,
        listening(addresses.servicebus_connection_string) as heard,
    ):
        stage = Stage(
            day=day,
            publisher=publisher,
            dynamics=dynamics,
            administrator=Administrator(addresses, settings),
            store=store,
            heard=heard,
            outbox=platform.data / "berlin.outbox",
            tell=tell,
        )
        return await play(stage, companies, certificates)


async def _traces(addresses: Addresses, day: DemoDay) -> dict[str, dict[str, Any]]:
    """Return by title the traces of a sale and of a web order."""
    return {
        "One sale, from the till to the ledger": await _trace(
            addresses, day.traced_sale, [WITNESS, WITNESS, "POST RetailTransactions"]
        ),
        "One web order, checked and confirmed": await _trace(
            addresses, day.traced_order, [WITNESS]
        ),
    }


async def _trace(addresses: Addresses, key: str, wanted: Sequence[str]) -> dict[str, Any]:
    """Return the trace of a fact once it has all these spans, or as it is when patience ends."""
    trace: dict[str, Any] = {}
    for _ in range(TRACE_TRIES):
        with contextlib.suppress(Refused):
            trace = await find_trace(addresses, key)
        names = str(trace)
        if all(names.count(name) >= wanted.count(name) for name in wanted):
            break
        await asyncio.sleep(0.5)
    return trace
