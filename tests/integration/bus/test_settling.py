"""The whole way from received to settled, on a real bus, by lock token from another receiver."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from azure.servicebus.aio import ServiceBusClient

from shared.bus import Delivery, Done, Later, Outcome, Publisher, Rejected
from shared.bus.consumer import SettlementFailed, consume
from shared.bus.message import received
from shared.bus.settlement import ManagementSettlement
from shared.bus.verdicts import Subscription
from shared.events import Reason, decode
from tests.integration.bus.conftest import collaborators
from tests.integration.bus.receiving import dead_letters, take, take_all
from tests.unit.bus.samples import posted, sale_event

SALES = Subscription("sale-completed", "sales", announce=True)


async def by_sequence(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
    answers: dict[int, Outcome] = {
        2: Rejected(Reason.UNKNOWN_COMPANY, "no company gbrt"),
        3: Later("throttled"),
    }
    return [
        answers.get(each.event.data.key.sequence, Done(posted(each.event))) for each in deliveries
    ]


async def test_each_outcome_becomes_its_settlement(
    publisher: Publisher, client: ServiceBusClient
) -> None:
    await publisher.publish([sale_event(n) for n in (1, 2, 3)])
    async with (
        client.get_subscription_receiver("sale-completed", "sales") as receiver,
        client.get_subscription_receiver("sale-completed", "sales") as settling,
    ):
        messages = [received(each) for each in await take(receiver, 3)]

        await consume(
            messages,
            ManagementSettlement(settling),
            by_sequence,
            source=SALES,
            bus=collaborators(publisher, retry_delays="PT1S"),
        )

        (retried,) = await take_all(receiver, 1)
        assert str(retried.message_id).startswith(f"{sale_event(3).id}#sales#2-")
    (dead,) = await dead_letters(client, "sale-completed", "sales", 1)
    assert dead.dead_letter_reason == "unknown-company"
    assert dead.dead_letter_error_description == "no company gbrt"
    for topic in ("document-posted", "document-rejected"):
        async with client.get_subscription_receiver(topic, "completeness") as announced:
            (fact,) = await take(announced, 1)
            assert topic == decode(b"".join(fact.body)).data.TOPIC


async def test_a_raising_handler_gives_only_its_own_message_back(
    publisher: Publisher, client: ServiceBusClient
) -> None:
    async def failing(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        if any(each.event.data.key.sequence == 2 for each in deliveries):
            raise LookupError("our bug")
        return [Done() for _ in deliveries]

    await publisher.publish([sale_event(n) for n in (1, 2, 3)])
    async with client.get_subscription_receiver("sale-completed", "sales") as receiver:
        messages = [received(each) for each in await take(receiver, 3)]

        await consume(
            messages,
            ManagementSettlement(receiver),
            failing,
            source=SALES,
            bus=collaborators(publisher),
        )

        (again,) = await take_all(receiver, 1)
        assert again.message_id == str(sale_event(2).id)
        assert again.delivery_count == 1


async def test_a_lost_lock_is_reported_and_the_others_are_settled(
    publisher: Publisher, client: ServiceBusClient
) -> None:
    await publisher.publish([sale_event(n) for n in (1, 2)])
    async with client.get_subscription_receiver("sale-completed", "sales") as receiver:
        natives = await take(receiver, 2)
        messages = [received(each) for each in natives]
        await receiver.complete_message(natives[0])

        async def done(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
            return [Done() for _ in deliveries]

        with pytest.raises(SettlementFailed) as caught:
            await consume(
                messages,
                ManagementSettlement(receiver),
                done,
                source=SALES,
                bus=collaborators(publisher),
            )

        assert [each.message for each in caught.value.unsettled] == messages[:1]
        assert await take(receiver, 1, seconds=0.5) == []
