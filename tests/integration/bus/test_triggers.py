"""A function app under the real Functions host, with either settlement adapter."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties

from infra.local.appinsights.server import LocalAppInsights
from infra.local.servicebus import LocalServiceBus
from shared.bus import Publisher
from tests.integration.bus.receiving import dead_letters
from tests.integration.functions.running import running_host
from tests.unit.bus.samples import key, sale_event

APP = Path(__file__).parent / "app"
ROOT = Path(__file__).parents[3]

# The till, in a process of its own as telemetry is set up once per process.
TILL = """
import asyncio, sys
from azure.servicebus.aio import ServiceBusClient
from shared.bus import Publisher
from shared.telemetry import configure, force_flush
from tests.unit.bus.samples import sale_event

async def main():
    assert configure("till")
    publisher = Publisher(ServiceBusClient.from_connection_string(sys.argv[1]))
    await publisher.publish([sale_event(n) for n in range(101, 121)])
    await publisher.aclose()
    force_flush()

asyncio.run(main())
"""


@pytest.mark.parametrize("settlement", ["host", "management"])
async def test_every_outcome_is_settled_under_the_real_host(
    settlement: str, bus: LocalServiceBus, client: ServiceBusClient, publisher: Publisher
) -> None:
    booked = {1, 3, *range(5, 25)}
    async with client.get_topic_sender("sale-completed") as sender:
        await sender.send_messages(ServiceBusMessage(b"{not json", message_id="garbage"))
        await sender.send_messages(ServiceBusMessage(b"", message_id="empty"))
        await sender.send_messages(
            AmqpAnnotatedMessage(
                value_body={"quantity": 1},
                properties=AmqpMessageProperties(message_id="amqp-value"),
            )
        )
    await publisher.publish([sale_event(n) for n in range(1, 25)])

    settings = {
        "ServiceBusConnection": bus.connection_string,
        "SETTLEMENT": settlement,
        "RETRY_DELAYS": "PT1S",
    }
    async with running_host(APP, **settings) as host:
        await host.until(lambda: {each["sequence"] for each in host.seen} >= booked)
        dead = await dead_letters(client, "sale-completed", "sales", 5)
        assert await host.stop() == 0

    assert sorted(each["sequence"] for each in host.seen) == sorted(booked)
    assert {str(each.message_id): each.dead_letter_reason for each in dead} == {
        "garbage": "invalid-json",
        "empty": "invalid-json",
        "amqp-value": "invalid-json",
        str(sale_event(2).id): "unknown-company",
        str(sale_event(4).id): "MaxDeliveryCountExceeded",
    }


async def test_each_sale_has_one_connected_trace_from_till_to_witness(
    bus: LocalServiceBus,
) -> None:
    async with LocalAppInsights() as insights, httpx.AsyncClient(base_url=insights.url) as http:
        settings = {
            "ServiceBusConnection": bus.connection_string,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": insights.connection_string,
            # The worker then makes the host's span current, which nobody exports here.
            "PYTHON_ENABLE_OPENTELEMETRY": "true",
        }
        async with running_host(APP, **settings) as host:
            await publish_as_till(bus.connection_string, insights.connection_string)
            await host.until(lambda: len(host.seen) == 20)
            assert await host.stop() == 0

        loose = (await http.get("/api/connected")).json()
        assert loose["disconnected"] == {}
        for sequence in range(101, 121):
            names = await span_names(http, str(key(sequence)))
            assert names.count("ServiceBus.message") == 2
            assert names.count("process sale-completed") == 1
            assert names.count("process document-posted") == 1
        lines = (await http.get("/api/logs", params={"contains": "booking"})).json()["logs"]
        assert sum(int(line["message"].split()[1]) for line in lines) == 20


async def publish_as_till(connection: str, insights: str) -> None:
    till = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        TILL,
        connection,
        cwd=ROOT,
        env={**os.environ, "APPLICATIONINSIGHTS_CONNECTION_STRING": insights},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await till.communicate()
    assert till.returncode == 0, errors.decode()


async def span_names(http: httpx.AsyncClient, subject: str) -> list[str]:
    """The names of all spans in the one trace of a sale."""
    (operation,) = (await http.get("/api/traces", params={"value": subject})).json()[
        "operation_ids"
    ]
    trace = (await http.get(f"/api/traces/{operation}")).json()
    return [name for root in trace["roots"] for name in names_below(root)]


def names_below(span: dict[str, Any]) -> list[str]:
    return [span["name"], *(name for child in span["children"] for name in names_below(child))]
