"""Transactions on several entities: groups of links, and send-via (Service Bus: transactions)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Detach,
)
from infra.local.servicebus.broker.limits import LIMITS
from infra.local.servicebus.server.clock import ManualClock
from infra.local.servicebus.settings import EntityStatus, QueueConfig
from tests.integration.servicebus_protocol.conftest import CONFIG
from tests.integration.servicebus_protocol.peer import message, opened, within
from tests.integration.servicebus_protocol.transacting import condition, counts, received


async def test_an_operation_on_a_second_entity_is_refused_without_a_group(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.begin(channel=1)
        await peer.coordinate()
        await peer.attach("out", to="work", channel=1)
        await peer.attach("elsewhere", to="other", channel=1)
        txn = await peer.declare()
        await peer.send("out", message("m"), channel=1, state=within(txn))
        refused = await peer.send("elsewhere", message("m"), channel=1, state=within(txn))
        done = await peer.discharge(txn)

    assert condition(refused) == "amqp:not-allowed"
    assert "cannot span multiple entities" in refused.error.description
    assert (done, counts(bus), counts(bus, "other")) == (Accepted(), {"active": 1}, {})


async def test_a_session_with_a_coordinator_sends_anywhere_via_its_first_entity(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.begin(channel=1)
        await peer.attach("fill", to="work", channel=1)
        await peer.send("fill", message("m"), channel=1)
        await peer.coordinate()
        await peer.attach("in", source="work")
        await peer.attach("out", to="other")
        await peer.attach("publish", to="news")
        delivery = await received(peer)
        txn = await peer.declare()
        for link in ("out", "publish"):
            await peer.send(link, message("m"), state=within(txn))
        await peer.settle(delivery, within(txn, Accepted()))
        done = await peer.discharge(txn)

    assert done == Accepted()
    assert counts(bus) == {}
    assert counts(bus, "other") == counts(bus, "news/Subscriptions/b") == {"active": 1}


@pytest.mark.parametrize("second", ["other", "news/Subscriptions/a", "other/$management"])
async def test_a_session_with_a_coordinator_receives_from_one_top_level_entity(
    bus: LocalServiceBus, second: str
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("in", source="work")
        await peer.attach("dead letters", source="work/$DeadLetterQueue")
        await peer.attach("requests", to="work/$management")
        refused = await peer.attach("second", source=second)
        detach = await peer.expect(Detach)

    assert (refused.source, refused.target) == (None, None)
    assert detach.error.condition == "amqp:not-allowed"
    assert "cannot span multiple top-level entities such as queue or topic" in (
        detach.error.description
    )


async def test_send_via_belongs_to_the_via_entity_and_arrives_at_the_destination(
    bus: LocalServiceBus,
) -> None:
    destination = {"com.microsoft:transfer-destination-address": "other"}
    async with opened(bus) as peer:
        await peer.begin(channel=1)
        await peer.coordinate()
        await peer.attach("fill", to="work", channel=1)
        attach = await peer.attach("via", to="work", channel=1, properties=destination)
        await peer.attach("in", source="work", channel=1)
        await peer.send("fill", message("m"), channel=1)
        peer.flow("in", 1, channel=1)
        transfer, _ = await peer.receive(channel=1)
        txn = await peer.declare()
        await peer.send("via", message("answer"), channel=1, state=within(txn))
        await peer.settle(transfer.delivery_id or 0, within(txn, Accepted()), channel=1)
        await peer.discharge(txn)
        await peer.send("via", message("without a transaction"), channel=1)

    assert attach.target.address == "work"
    assert (attach.properties or {}).items() >= destination.items()
    assert (counts(bus), counts(bus, "other")) == ({}, {"active": 2})


async def test_send_via_to_an_entity_that_is_missing_is_refused(bus: LocalServiceBus) -> None:
    nowhere = {"com.microsoft:transfer-destination-address": "nowhere"}
    async with opened(bus) as peer:
        await peer.attach("via", to="work", properties=nowhere)
        detach = await peer.expect(Detach)

    assert detach.error.condition == "amqp:not-found"


DISABLED = QueueConfig("other", status=EntityStatus.DISABLED)
LAST_STOP = "work/$Transfer/$DeadLetterQueue"


async def test_what_is_too_much_for_its_destination_is_in_the_via_entitys_last_stop(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(LIMITS["standard"], entity_bytes=100_000)
    monkeypatch.setitem(LIMITS, "standard", small)
    async with (
        LocalServiceBus(CONFIG, clock=clock, strict_limits="standard") as bus,
        opened(bus) as peer,
    ):
        await peer.coordinate()
        await peer.attach("in", source="work")
        await peer.attach("out", to="other")
        txn = await peer.declare()
        for _ in range(3):
            await peer.send("out", message("x" * 40_000), state=within(txn))
        done = await peer.discharge(txn)

    assert done == Accepted()
    assert [len(bus.messages(each)) for each in ("other", LAST_STOP)] == [2, 1]


async def test_a_topic_that_messages_travel_via_has_no_last_stop(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("in", source="news/Subscriptions/a")
        await peer.attach("out", to="other")
        txn = await peer.declare()
        await peer.send("out", message("m"), state=within(txn))
        bus.namespace.delete("other", bus.clock())
        done = await peer.discharge(txn)

    assert condition(done) == "amqp:transaction:rollback"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda bus: bus.namespace.update_queue(DISABLED, bus.clock()), "is Disabled"),
        (lambda bus: bus.namespace.delete("other", bus.clock()), "could not be found"),
    ],
)
async def test_what_cannot_get_on_from_the_via_entity_is_in_its_transfer_dead_letter_queue(
    bus: LocalServiceBus, change: Any, told: str
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("in", source="work")
        await peer.attach("out", to="other")
        await peer.begin(channel=1)
        await peer.attach("fill", to="work", channel=1)
        await peer.send("fill", message("asked"), channel=1)
        delivery = await received(peer)
        txn = await peer.declare()
        await peer.send("out", message("answer"), state=within(txn))
        await peer.settle(delivery, within(txn, Accepted()))
        change(bus)
        await peer.expect(Detach)
        done = await peer.discharge(txn)

    assert done == Accepted()
    (kept,) = bus.messages(LAST_STOP)
    assert kept["deadLetterReason"] == "TransferFailed"
    assert told in kept["deadLetterErrorDescription"]
    assert bus.inspect()["entities"]["work"]["transferDeadLettered"] == 1
    assert counts(bus) == {}
