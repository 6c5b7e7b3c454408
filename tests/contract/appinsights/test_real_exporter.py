"""The real Azure Monitor exporter, in a process of its own, against the local endpoint."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import httpx
import pytest

from infra.local.appinsights import LocalAppInsights

_APPLICATION = """
import logging
from azure.monitor.opentelemetry import configure_azure_monitor
configure_azure_monitor(
    logger_name="tillbus", enable_live_metrics=False, sampling_ratio=1.0,
    enable_performance_counters=False)
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.trace import SpanKind
tracer = trace.get_tracer("tillbus")
with tracer.start_as_current_span("send sale-completed", kind=SpanKind.PRODUCER,
                                  attributes={"tillbus.subject": "gbrt/S1/2026-03-01/T1/1"}):
    with tracer.start_as_current_span("process sale-completed", kind=SpanKind.CONSUMER):
        logging.getLogger("tillbus.sales").warning("booked once")
metrics.get_meter("tillbus").create_counter("tillbus.posted").add(3)
trace.get_tracer_provider().force_flush()
get_logger_provider().force_flush()
metrics.get_meter_provider().force_flush()
"""


async def _run_application(connection_string: str) -> None:
    environment = {
        **os.environ,
        "APPLICATIONINSIGHTS_CONNECTION_STRING": connection_string,
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "otel",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _APPLICATION, env=environment
    )
    assert await process.wait() == 0


async def test_spans_logs_and_metrics_of_the_real_exporter_arrive_once(tmp_path: Path) -> None:
    async with LocalAppInsights(data=tmp_path) as insights, httpx.AsyncClient() as http:
        await _run_application(insights.connection_string)

        found = await http.get(
            f"{insights.url}/api/traces", params={"value": "gbrt/S1/2026-03-01/T1/1"}
        )
        (operation_id,) = found.json()["operation_ids"]
        trace = (await http.get(f"{insights.url}/api/traces/{operation_id}")).json()
        connected = (await http.get(f"{insights.url}/api/connected")).json()
        metrics = (await http.get(f"{insights.url}/api/metrics")).json()["metrics"]

    (root,) = trace["roots"]
    assert root["name"] == "send sale-completed"
    assert [child["name"] for child in root["children"]] == ["process sale-completed"]
    assert [line["message"] for line in trace["logs"]] == ["booked once"]
    assert connected == {"traces": 1, "disconnected": {}}
    assert {"name": "tillbus.posted", "points": 1, "sum": 3.0, "count": 1} in metrics


async def test_what_was_answered_survives_a_restart(tmp_path: Path) -> None:
    envelope = {
        "name": "x",
        "time": "2026-03-01T10:00:00Z",
        "tags": {},
        "data": {"baseType": "MessageData", "baseData": {"message": "kept"}},
    }
    async with LocalAppInsights(data=tmp_path) as insights, httpx.AsyncClient() as http:
        answer = await http.post(f"{insights.url}/v2.1/track", json=[envelope])
        assert answer.json() == {"itemsReceived": 1, "itemsAccepted": 1, "errors": []}
    async with LocalAppInsights(data=tmp_path) as insights, httpx.AsyncClient() as http:
        logs = (await http.get(f"{insights.url}/api/logs")).json()["logs"]

    assert [line["message"] for line in logs] == ["kept"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/traces/unknown", 404), ("/api/traces", 400), ("/api/logs?limit=x", 400), ("/no", 404)],
)
async def test_a_question_without_answer_gets_a_problem_document(path: str, status: int) -> None:
    async with LocalAppInsights() as insights, httpx.AsyncClient() as http:
        answer = await http.get(insights.url + path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_a_body_that_cannot_be_read_is_refused_as_the_service_does() -> None:
    async with LocalAppInsights() as insights, httpx.AsyncClient() as http:
        answer = await http.post(f"{insights.url}/v2.1/track", content=b"\x1f\x8bnot gzip")

    assert answer.status_code == 400
    assert answer.json()["itemsAccepted"] == 0
