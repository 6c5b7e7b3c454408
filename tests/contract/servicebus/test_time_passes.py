"""Without a clock of the test's, the bus follows the system's time by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from azure.servicebus import ServiceBusMessage

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.settings import NamespaceConfig, QueueConfig
from tests.contract.servicebus.conftest import connect, opened


async def test_locks_expire_and_scheduled_messages_come_without_being_asked() -> None:
    config = NamespaceConfig(queues=(QueueConfig("brief", lock_duration=500), QueueConfig("q")))
    async with (
        LocalServiceBus(config) as bus,
        connect(bus) as client,
        opened(client.get_queue_sender("brief"), client.get_queue_receiver("brief")) as (s, r),
        opened(client.get_queue_sender("q"), client.get_queue_receiver("q")) as (sender, receiver),
    ):
        await s.send_messages(ServiceBusMessage("slow"))
        [first] = await r.receive_messages(max_message_count=1, max_wait_time=60)
        [again] = await r.receive_messages(max_message_count=1, max_wait_time=60)
        soon = datetime.now(UTC) + timedelta(seconds=0.5)
        await sender.schedule_messages(ServiceBusMessage("later"), soon)
        [later] = await receiver.receive_messages(max_message_count=1, max_wait_time=60)

    assert (first.delivery_count, again.delivery_count) == (0, 1)
    assert str(later) == "later"
    assert later.enqueued_time_utc is not None
    assert later.enqueued_time_utc >= soon - timedelta(milliseconds=1)
