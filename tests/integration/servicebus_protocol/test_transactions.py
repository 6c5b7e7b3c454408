"""Transactions in raw frames, as the .NET and Java SDKs and JMS write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp import (
    BATCH_FORMAT,
    Message,
    Properties,
    Timestamp,
    encode_message,
)
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Coordinator,
    Detach,
    Disposition,
    Error,
    Modified,
    Rejected,
    Released,
    Source,
    TransactionalState,
)
from infra.local.servicebus.amqp.values import Array, Symbol
from infra.local.servicebus.server.clock import ManualClock
from tests.integration.servicebus_protocol.conftest import CONFIG
from tests.integration.servicebus_protocol.peer import Peer, message, opened, text, within


def counts(bus: LocalServiceBus, address: str = "work") -> dict[str, int]:
    entity: dict[str, int] = bus.inspect()["entities"][address]
    names = ("active", "locked", "scheduled", "deferred", "deadLettered")
    return {name: entity[name] for name in names if entity[name]}


def condition(outcome: Any) -> str:
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, Error)
    return outcome.error.condition


async def received(peer: Peer, name: str = "in", *, credit: int = 1) -> int:
    """Grant credit and return the id of the delivery that comes."""
    peer.flow(name, credit)
    transfer, _ = await peer.receive()
    assert transfer.delivery_id is not None
    return transfer.delivery_id


async def test_a_coordinator_is_attached_as_it_was_asked_for_and_declares(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        wanted = Coordinator(Array(0xB3, [Symbol("amqp:local-transactions")]))
        attach = await peer.attach("coordinator", to=wanted)
        first, second = await peer.declare(), await peer.declare()

    assert attach.target == wanted
    assert first
    assert first != second


async def test_what_a_transaction_sends_is_there_once_it_is_discharged(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        txn = await peer.declare()
        told = await peer.send("out", message("held"), state=within(txn))
        before = counts(bus)
        done = await peer.discharge(txn)

    assert told == TransactionalState(txn, Accepted())
    assert (before, done, counts(bus)) == ({}, Accepted(), {"active": 1})


async def test_a_rolled_back_send_vanishes(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="news")
        txn = await peer.declare()
        await peer.send("out", message("never"), state=within(txn))
        done = await peer.discharge(txn, fail=True)

    assert done == Accepted()
    assert counts(bus, "news/Subscriptions/a") == {}


@pytest.mark.parametrize(
    ("outcome", "told", "left"),
    [
        (Accepted(), Accepted(), {}),
        (Released(), Released(), {"active": 1}),
        (Modified(True, False), Modified(True, False), {"active": 1}),
        (Modified(None, True), Modified(None, True), {"deferred": 1}),
        (Rejected(Error("com.microsoft:dead-letter")), Rejected(), {"deadLettered": 1}),
    ],
)
async def test_a_settlement_waits_for_the_discharge(
    bus: LocalServiceBus, outcome: Any, told: Any, left: dict[str, int]
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        delivery = await received(peer)
        txn = await peer.declare()
        answer = await peer.settle(delivery, within(txn, outcome))
        before = counts(bus)
        await peer.discharge(txn)

    assert answer == TransactionalState(txn, told)
    assert before == {"active": 1, "locked": 1}
    assert counts(bus) == left


async def test_after_a_rollback_the_message_is_still_locked_for_its_receiver(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        delivery = await received(peer)
        txn = await peer.declare()
        await peer.settle(delivery, within(txn, Accepted()))
        await peer.discharge(txn, fail=True)
        still = counts(bus)
        again = await peer.settle(delivery, Accepted())

    assert still == {"active": 1, "locked": 1}
    assert (again, counts(bus)) == (Accepted(), {})


async def test_a_settled_message_cannot_be_settled_again_after_its_transaction(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        delivery = await received(peer)
        txn = await peer.declare()
        await peer.settle(delivery, within(txn, Accepted()))
        done = await peer.discharge(txn)
        final = await peer.expect(Disposition)
        peer.dispose(delivery, Accepted())
        await peer.quiet()

    assert done == Accepted()
    assert (final.role, final.settled, final.state) == (False, True, Accepted())
    assert not [said for said in peer.heard if isinstance(said.performative, Disposition)]


async def test_a_message_is_settled_once_in_a_transaction(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        delivery = await received(peer)
        txn = await peer.declare()
        await peer.settle(delivery, within(txn, Accepted()))
        twice = await peer.settle(delivery, within(txn, Accepted()))

    assert condition(twice) == "com.microsoft:message-lock-lost"


async def test_one_lost_lock_rolls_everything_back(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        await peer.send("out", message("m"))
        delivery = await received(peer)
        txn = await peer.declare()
        await peer.send("out", message("answer"), state=within(txn))
        await peer.settle(delivery, within(txn, Accepted()))
        clock.forward(seconds=61)
        await bus.advance()
        done = await peer.discharge(txn)
        gone = await peer.discharge(txn)

    assert condition(done) == "amqp:transaction:rollback"
    assert "message-lock-lost" in done.error.description
    assert condition(gone) == "amqp:transaction:unknown-id"
    assert counts(bus) == {"active": 1}


async def test_a_transaction_ends_two_minutes_after_its_first_work(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        late, early = await peer.declare(), await peer.declare()
        await peer.send("out", message("early"), state=within(early))
        clock.forward(seconds=119)
        await bus.advance()
        await peer.send("out", message("late"), state=within(late))
        clock.forward(seconds=1)
        await bus.advance()
        timed_out, in_time = await peer.discharge(early), await peer.discharge(late)

    assert condition(timed_out) == "amqp:transaction:unknown-id"
    assert (in_time, counts(bus)) == (Accepted(), {"active": 1})


@pytest.mark.parametrize("ending", ["coordinator", "session", "connection"])
async def test_a_transaction_ends_with_its_coordinator(bus: LocalServiceBus, ending: str) -> None:
    async with opened(bus) as peer:
        await peer.begin(channel=1)
        await peer.coordinate(channel=1)
        await peer.attach("out", to="work")
        txn = await peer.declare(channel=1)
        await peer.send("out", message("m"), state=within(txn))
        if ending == "connection":
            peer.say_close()
            await peer.until_closed()
        elif ending == "session":
            await peer.end(channel=1)
        else:
            await peer.detach("coordinator", channel=1)
        if ending != "connection":
            refused = await peer.send("out", message("m"), state=within(txn))
            assert condition(refused) == "amqp:transaction:unknown-id"

    assert counts(bus) == {}


async def test_a_transaction_is_its_connections_own(bus: LocalServiceBus) -> None:
    async with opened(bus) as one, opened(bus, container_id="other") as other:
        await one.coordinate()
        await other.coordinate()
        await other.attach("out", to="work")
        txn = await one.declare()
        sent = await other.send("out", message("m"), state=within(txn))
        discharged = await other.discharge(txn)
        own = await one.discharge(txn)

    assert condition(sent) == condition(discharged) == "amqp:transaction:unknown-id"
    assert own == Accepted()


async def test_another_session_of_the_connection_may_work_in_a_transaction(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.begin(channel=1)
        await peer.coordinate()
        await peer.attach("out", to="work", channel=1)
        txn = await peer.declare()
        await peer.send("out", message("m"), channel=1, state=within(txn))
        await peer.discharge(txn)

    assert counts(bus) == {"active": 1}


async def test_a_transaction_holds_a_hundred_messages(bus: LocalServiceBus) -> None:
    batch = encode_message(data=[message("m")] * 60)
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        txn = await peer.declare()
        answers = []
        for _ in range(2):
            sent = peer.transfer("out", batch, state=within(txn), message_format=BATCH_FORMAT)
            answers.append(await peer.outcome(sent))
        await peer.discharge(txn)

    assert answers[0] == TransactionalState(txn, Accepted())
    assert condition(answers[1]) == "amqp:resource-limit-exceeded"
    assert counts(bus) == {"active": 60}


async def test_duplicates_within_a_transaction_and_before_it_are_dropped_at_its_discharge(
    bus: LocalServiceBus,
) -> None:
    same = encode_message(properties=Properties(message_id="same"), value="m")
    other = encode_message(properties=Properties(message_id="other"), value="m")
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="once")
        first, second = await peer.declare(), await peer.declare()
        for txn, data in ((first, same), (second, same), (second, other), (second, other)):
            await peer.send("out", data, state=within(txn))
        await peer.discharge(first, fail=True)
        outcome = await peer.discharge(second)

    assert (outcome, counts(bus, "once")) == (Accepted(), {"active": 2})


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


async def test_a_refused_message_nobody_is_told_about_fails_its_transaction(
    bus: LocalServiceBus,
) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="sessions")
        txn = await peer.declare()
        with_session = encode_message(properties=Properties(group_id="s"), value="m")
        await peer.send("out", with_session, state=within(txn))
        peer.transfer("out", message("no session"), state=within(txn), settled=True)
        done = await peer.discharge(txn)

    assert condition(done) == "amqp:transaction:rollback"
    assert counts(bus, "sessions") == {}


async def test_a_discharged_transaction_survives_the_end_of_the_process_and_a_held_one_does_not(
    tmp_path: Path,
) -> None:
    async with LocalServiceBus(CONFIG, data=tmp_path) as bus, opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        done, held = await peer.declare(), await peer.declare()
        for txn in (done, held):
            await peer.send("out", message("m"), state=within(txn))
        await peer.discharge(done)
    async with LocalServiceBus(CONFIG, data=tmp_path) as bus:
        kept = counts(bus)

    assert kept == {"active": 1}


async def test_a_coordinator_refuses_what_is_no_command(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        answers = [
            await peer.send("coordinator", body)
            for body in (message("hello"), encode_message(data=b"x"), b"\x00\x53\x77\xc0")
        ]
        still = await peer.declare()

    assert all(isinstance(answer, Rejected) for answer in answers)
    assert still


async def test_messages_of_a_transaction_keep_their_order(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        await peer.coordinate()
        await peer.attach("out", to="work")
        await peer.attach("in", source="work")
        txn = await peer.declare()
        for number in range(5):
            await peer.send("out", message(f"{number}"), state=within(txn))
        await peer.discharge(txn)
        peer.flow("in", 5)
        got = [await peer.receive() for _ in range(5)]

    assert [text(data) for _, data in got] == ["0", "1", "2", "3", "4"]
    assert len({UUID(bytes_le=transfer.delivery_tag or b"") for transfer, _ in got}) == 5


# $management within a transaction: the request's transfer names it (.NET, Java)


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
