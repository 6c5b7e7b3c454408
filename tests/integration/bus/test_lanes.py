"""Late facts in bulk: a queue of their own, and live facts before them in every worker."""

from __future__ import annotations

from pathlib import Path

from azure.servicebus.aio import ServiceBusClient

from infra.local.servicebus import LocalServiceBus
from shared.bus import Publisher
from shared.bus.lanes import PART
from shared.events import BACKFILL
from tests.integration.bus.receiving import take_all
from tests.integration.functions.running import running_host
from tests.unit.bus.samples import sale_event

APP = Path(__file__).parent / "lanes_app"

LATE = 20 * PART
LIVE = 10


async def test_each_lane_has_its_own_queue_and_who_wants_all_sees_all(
    publisher: Publisher, client: ServiceBusClient
) -> None:
    live, late = sale_event(1), sale_event(2, lane=BACKFILL)
    await publisher.publish([live, late])

    expected = {"sales": {live}, "sales-backfill": {late}, "completeness": {live, late}}
    for subscription, events in expected.items():
        async with client.get_subscription_receiver("sale-completed", subscription) as receiver:
            got = await take_all(receiver, len(events))
        assert {str(each.message_id) for each in got} == {str(event.id) for event in events}


async def test_live_facts_overtake_a_backlog_of_late_ones(
    bus: LocalServiceBus, publisher: Publisher, tmp_path: Path
) -> None:
    await publisher.publish([sale_event(n, lane=BACKFILL) for n in range(1, LATE + 1)])
    goes_on = tmp_path / "goes-on"
    settings = {"ServiceBusConnection": bus.connection_string, "POSTING_GOES_ON": str(goes_on)}

    async with running_host(APP, **settings) as host:
        await host.until(lambda: "posting late facts" in host.out)
        for count in range(1, LIVE + 1):
            await publisher.publish([sale_event(LATE + count)])
            await host.until(lambda: len(host.seen) == count)  # noqa: B023
        assert live(host.seen) == host.seen
        goes_on.touch()
        await host.until(lambda: len(host.seen) == LATE + LIVE)
        assert await host.stop() == 0


def live(seen: list[dict[str, object]]) -> list[dict[str, object]]:
    return [each for each in seen if each["lane"] is None]
