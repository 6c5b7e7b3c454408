"""A chain of stores trades on a real bus."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus
from infra.local.till.chain import TROUBLES, Options, Plan, play, timeline
from shared.bus import Publisher
from shared.events import BACKFILL, SaleCompleted, decode
from tests.integration.bus.receiving import everything

TOPOLOGY = Path(__file__).parents[3] / "infra" / "topology.json"


@pytest.mark.slow
async def test_live_and_late_sales_of_a_chain_reach_the_subscriptions_of_their_lanes(
    tmp_path: Path,
) -> None:
    plan = Plan(Options(stores=4, tills=2, customers=15, seed=5, troubles=TROUBLES["many"]))

    async with LocalServiceBus(TOPOLOGY) as bus:
        publisher = Publisher(ServiceBusClient.from_connection_string(bus.connection_string))
        tally = await play(plan, publisher, tmp_path, timeline(plan.begins, 0))
        await publisher.aclose()
        live = await _sales(bus, "sales")
        late = await _sales(bus, "sales-backfill")

    sold = {
        fact.event_id for step in plan for fact in step.facts if isinstance(fact, SaleCompleted)
    }
    assert live.keys() | late.keys() == sold
    assert not live.keys() & late.keys()
    assert late
    assert set(late.values()) == {BACKFILL}
    assert set(live.values()) == {None}
    assert tally.late >= len(late)


async def _sales(bus: LocalServiceBus, subscription: str) -> dict[object, str | None]:
    """Return ids and lanes of what lies in a subscription to sales."""
    async with ServiceBusClient.from_connection_string(bus.connection_string) as client:
        messages = await everything(bus, client, "sale-completed", subscription)
    events = [decode(b"".join(message.body)) for message in messages]
    return {event.id: event.lane for event in events}
