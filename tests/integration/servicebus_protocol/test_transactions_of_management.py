"""$management within a transaction: the request's transfer names it (.NET, Java)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp import (
    Message,
    Properties,
    Timestamp,
    encode_message,
)
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Rejected,
    Source,
    TransactionalState,
)
from infra.local.servicebus.amqp.values import Array, Symbol
from infra.local.servicebus.server.clock import ManualClock
from tests.integration.servicebus_protocol.peer import Peer, message, opened, within
from tests.integration.servicebus_protocol.transacting import condition, counts, received


async def managed(
    peer: Peer, operation: str, body: dict[str, Any], *, txn: bytes | None = None
) -> tuple[int, Any]:
    """Ask `ask` and return the status code and body answered on `answers`."""
    request = encode_message(
        properties=Properties(message_id="1", reply_to="answers"),
        application_properties={"operation": f"com.microsoft:{operation}"},
        value=body,
    )
    peer.flow("answers", 1000)
    outcome = await peer.send("ask", request, state=None if txn is None else within(txn))
    if isinstance(outcome, Rejected):
        return 0, outcome
    assert outcome == (Accepted() if txn is None else TransactionalState(txn, Accepted()))
    _, data = await peer.receive()
    answer = Message.check(data)
    assert answer.application_properties is not None
    return answer.application_properties["statusCode"], answer.value


async def manager(peer: Peer, entity: str = "work") -> None:
    await peer.attach("ask", to=f"{entity}/$management")
    await peer.attach("answers", source=f"{entity}/$management")


def later(clock: ManualClock, text: str = "m", **properties: Any) -> dict[str, Any]:
    due = {"x-opt-scheduled-enqueue-time": Timestamp(clock() + 60_000)}
    data = encode_message(message_annotations=due, properties=Properties(**properties), value=text)
    return {"messages": [{"message-id": text, "message": data}]}


async def test_scheduling_gives_its_number_at_once_and_the_message_at_the_discharge(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await manager(peer)
        await peer.attach("out", to="work")
        kept, dropped = await peer.declare(), await peer.declare()
        status, answer = await managed(peer, "schedule-message", later(clock), txn=kept)
        await managed(peer, "schedule-message", later(clock), txn=dropped)
        await peer.send("out", message("between"))
        before = counts(bus)
        await peer.discharge(kept)
        await peer.discharge(dropped, fail=True)
        after = counts(bus)
        [number] = answer["sequence-numbers"]
        found = await managed(peer, "peek-message", {"from-sequence-number": 0, "message-count": 9})
        cancelled = await managed(
            peer, "cancel-scheduled-message", {"sequence-numbers": Array(0x81, [number])}
        )

    numbers = [
        (Message.check(each["message"]).message_annotations or {})["x-opt-sequence-number"]
        for each in found[1]["messages"]
    ]
    assert (status, before, after) == (200, {"active": 1}, {"active": 1, "scheduled": 1})
    assert numbers == sorted(numbers)
    assert number in numbers
    assert (cancelled[0], counts(bus)) == (200, {"active": 1})


@pytest.mark.parametrize("fail", [False, True])
async def test_cancelling_waits_for_the_discharge(
    bus: LocalServiceBus, clock: ManualClock, fail: bool
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await manager(peer)
        _, answer = await managed(peer, "schedule-message", later(clock))
        txn = await peer.declare()
        body = {"sequence-numbers": answer["sequence-numbers"]}
        status, _ = await managed(peer, "cancel-scheduled-message", body, txn=txn)
        before = counts(bus)
        await peer.discharge(txn, fail=fail)

    assert (status, before) == (200, {"scheduled": 1})
    assert counts(bus) == ({"scheduled": 1} if fail else {})


async def test_settling_by_management_waits_for_the_discharge_and_refuses_what_is_not_locked(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await manager(peer)
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        peer.flow("in", 1)
        transfer, _ = await peer.receive()
        token = UUID(bytes_le=transfer.delivery_tag or b"")
        txn = await peer.declare()
        body = {"disposition-status": "completed", "lock-tokens": Array(0x98, [token])}
        unknown = {**body, "lock-tokens": Array(0x98, [token, UUID(int=1)])}
        refused, _ = await managed(peer, "update-disposition", unknown, txn=txn)
        status, _ = await managed(peer, "update-disposition", body, txn=txn)
        before = counts(bus)
        await peer.discharge(txn)

    assert (refused, status) == (410, 200)
    assert (before, counts(bus)) == ({"active": 1, "locked": 1}, {})


async def test_session_state_is_set_with_the_completion_of_its_message_or_not_at_all(
    bus: LocalServiceBus,
) -> None:
    filtered = Source("sessions", filter={Symbol("com.microsoft:session-filter"): "s"})
    data = encode_message(properties=Properties(group_id="s"), value="m")
    async with opened(bus) as peer:
        await peer.coordinate()
        await manager(peer, "sessions")
        await peer.attach("out", to="sessions")
        await peer.send("out", data)
        await peer.attach("in", source=filtered)
        delivery = await received(peer)
        states = []
        for fail in (True, False):
            txn = await peer.declare()
            body = {"session-id": "s", "session-state": b"done"}
            await managed(peer, "set-session-state", body, txn=txn)
            await peer.settle(delivery, within(txn, Accepted()))
            await peer.discharge(txn, fail=fail)
            _, state = await managed(peer, "get-session-state", {"session-id": "s"})
            states.append(state["session-state"])

    assert states == [None, b"done"]
    assert counts(bus, "sessions") == {}


async def test_what_cannot_be_undone_is_no_part_of_a_transaction(bus: LocalServiceBus) -> None:
    rule = {"rule-name": "r", "rule-description": {"sql-filter": {"expression": "1=1"}}}
    async with opened(bus) as peer:
        await peer.coordinate()
        await manager(peer, "news/Subscriptions/a")
        txn = await peer.declare()
        refused, _ = await managed(peer, "add-rule", rule, txn=txn)
        unknown = await managed(peer, "peek-message", {}, txn=b"unknown")

    assert refused == 400
    assert condition(unknown[1]) == "amqp:transaction:unknown-id"
