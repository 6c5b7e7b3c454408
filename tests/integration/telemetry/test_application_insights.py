"""The real exporter in a process of its own, against the local Application Insights."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx

from infra.local.appinsights.server import LocalAppInsights

ROOT = Path(__file__).parents[3]
SPANS = 6_000

# Every address the process reaches for is recorded: a laptop must only talk to itself.
PROGRAM = f"""
import json, logging, sys

reached = []
def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        reached.append(arguments[1][0])
    elif event == "socket.getaddrinfo":
        reached.append(arguments[0])
sys.addaudithook(watch)

from shared import telemetry

assert telemetry.configure("sales")
assert telemetry.configure("another name is too late")
log = logging.getLogger("tillbus.test")
for number in range({SPANS}):
    with telemetry.tracer().start_as_current_span("burst"):
        pass
with telemetry.tracer().start_as_current_span("logging"):
    for number in range(100):
        log.info("line %d", number)
logging.getLogger("somebody.else").error("not ours to export")
telemetry.POSTED.add(3, {{"topic": "sale-completed"}})
telemetry.force_flush(120)
from azure.core.settings import settings
print(json.dumps({{"reached": sorted(set(map(str, reached))),
                  "sdk_spans": settings.tracing_implementation() is not None}}))
"""


async def run_program(connection_string: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "APPLICATIONINSIGHTS_CONNECTION_STRING": connection_string,
        "PYTHONPATH": str(ROOT),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        env=environment,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    # Only the line that nobody exports: leaving prints no complaint of the exporter's.
    assert errors.decode() == "not ours to export\n"
    answer: dict[str, Any] = json.loads(out)
    return answer


async def test_a_burst_arrives_complete_each_line_once_and_nothing_leaves_the_machine() -> None:
    async with LocalAppInsights() as insights, httpx.AsyncClient(base_url=insights.url) as http:
        program = await run_program(insights.connection_string)

        assert program == {"reached": ["127.0.0.1"], "sdk_spans": True}
        stats = (await http.get("/api/stats")).json()
        assert stats["spans"] == SPANS + 1
        logs = (await http.get("/api/logs", params={"limit": 1000})).json()["logs"]
        assert sorted(line["message"] for line in logs) == sorted(f"line {n}" for n in range(100))
        assert {line["role"] for line in logs} == {"sales"}
        metrics = (await http.get("/api/metrics")).json()
        assert "tillbus.documents.posted" in json.dumps(metrics)
