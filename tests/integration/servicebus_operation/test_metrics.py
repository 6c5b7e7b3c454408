"""What a metrics backend learns about a bus: collected with the SDK's own in-memory reader, and as
Prometheus scrapes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from azure.servicebus import ServiceBusMessage
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from infra.local.servicebus import LocalServiceBus
from tests.integration.bus.receiving import take
from tests.integration.servicebus_operation.conftest import CONFIG, connect, put


def collected(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    """Data points by name."""
    found = reader.get_metrics_data()
    assert found is not None
    return {
        metric.name: list(metric.data.data_points)
        for resource in found.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def values(points: list[Any], attribute: str, destination: str = "work") -> dict[str, int]:
    """What is not zero of one entity, by an attribute."""
    return {
        point.attributes[attribute]: point.value
        for point in points
        if point.attributes["messaging.destination.name"] == destination and point.value
    }


def exposed(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if not line.startswith("#"))


async def test_every_message_is_accounted_for_by_entity_outcome_and_reason() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    async with LocalServiceBus(CONFIG, meter_provider=provider) as bus:
        put(bus, "kept")
        async with (
            connect(bus) as client,
            client.get_queue_sender("work") as sender,
            client.get_queue_receiver("work") as receiver,
        ):
            await sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
            messages = await take(receiver, 2)
            await receiver.complete_message(messages[0])
            async with httpx.AsyncClient(base_url=bus.admin_url) as http:
                scraped = (await http.get("/metrics")).text
            await receiver.dead_letter_message(messages[1], reason="spoilt")
            found = collected(reader)
    provider.shutdown()

    state, outcome = "servicebus.message.state", "messaging.servicebus.disposition_status"
    assert values(found["servicebus.messages"], state) == {"active": 1, "dead_letter": 1}
    assert values(found["servicebus.messages.settled"], outcome) == {
        "complete": 1,
        "dead_letter": 1,
    }
    dead = values(found["servicebus.messages.dead_lettered"], "servicebus.dead_letter.reason")
    assert dead == {"spoilt": 1}
    assert values(found["servicebus.messages.incoming"], "messaging.system") == {"servicebus": 3}
    assert [point.value for point in found["servicebus.connections"]] == [2]
    assert found["servicebus.commit.duration"][0].count >= 3
    assert any(
        line.startswith("servicebus_messages_settled_total{") and line.endswith(" 1.0")
        for line in exposed(scraped)
    )


async def test_a_bus_that_has_ended_is_no_longer_measured() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    async with LocalServiceBus(CONFIG, meter_provider=provider):
        pass

    assert "servicebus.connections" not in collected(reader)
    provider.shutdown()
