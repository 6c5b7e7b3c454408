"""Late facts in bulk: a queue of their own, and live facts before them in every worker."""

from __future__ import annotations

from pathlib import Path

from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus
from shared.bus import Publisher
from shared.bus.lanes import PART
from shared.events import BACKFILL
from tests.integration.bus.receiving import take
from tests.integration.functions.running import running_host
from tests.unit.bus.samples import sale_event

APP = Path(__file__).parent / "lanes_app"

LATE = 2000


async def test_each_lane_has_its_own_queue_and_who_wants_all_sees_all(
    publisher: Publisher, client: ServiceBusClient
) -> None:
    live, late = sale_event(1), sale_event(2, lane=BACKFILL)
    await publisher.publish([live, late])

    expected = {"sales": {live}, "sales-backfill": {late}, "completeness": {live, late}}
    for subscription, events in expected.items():
        async with client.get_subscription_receiver("sale-completed", subscription) as receiver:
            got = await take(receiver, 3, seconds=0.5)
        assert {str(each.message_id) for each in got} == {str(event.id) for event in events}


async def test_live_facts_overtake_a_backlog_of_late_ones(
    bus: LocalServiceBus, publisher: Publisher
) -> None:
    await publisher.publish([sale_event(n, lane=BACKFILL) for n in range(1, LATE + 1)])

    async with running_host(APP, ServiceBusConnection=bus.connection_string) as host:
        await host.until(lambda: len(host.seen) >= PART)
        for sequence in range(LATE + 1, LATE + 11):
            before = len(host.seen)
            await publisher.publish([sale_event(sequence)])
            await host.until(lambda: len(live(host.seen)) == sequence - LATE)  # noqa: B023
            overtaken_by = len(host.seen) - before - 1
            assert overtaken_by <= 2 * PART
        await host.until(lambda: len(host.seen) == LATE + 10)
        assert await host.stop() == 0


def live(seen: list[dict[str, object]]) -> list[dict[str, object]]:
    return [each for each in seen if each["lane"] is None]
