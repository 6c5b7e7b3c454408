"""Accepting sessions and taking turns, in raw frames and virtual time: what the SDKs' own waiting
and caution hide."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from infra.local.servicebus import LocalServiceBus
from infra.local.servicebus.amqp import Array, Described, Message, Properties, encode_message
from infra.local.servicebus.amqp.performatives import (
    Accepted,
    Attach,
    Detach,
    Rejected,
    Released,
    Source,
    Transfer,
)
from infra.local.servicebus.amqp.values import Int, Symbol, Timestamp, UInt, ULong
from infra.local.servicebus.server.clock import ManualClock
from infra.local.servicebus.settings import EntityStatus, QueueConfig
from tests.integration.servicebus_protocol.peer import Peer, opened, text

FILTER = Symbol("com.microsoft:session-filter")
MINUTE = 60.0
TICKS_AT_1970 = 621_355_968_000_000_000


def session(session_id: Any) -> Source:
    return Source("sessions", filter={FILTER: session_id})


def message(body: str, session_id: str | None = None) -> bytes:
    return encode_message(value=body, properties=Properties(group_id=session_id))


def put(bus: LocalServiceBus, *bodies: str, clock: ManualClock) -> None:
    """Send to the session that the first letter names."""
    bus.namespace.send("sessions", [message(body, body[0]) for body in bodies], clock.now)


def granted(attach: Attach) -> Any:
    return attach.source.filter[FILTER]


async def refusal(peer: Peer) -> str:
    detach = await peer.expect(Detach)
    assert detach.closed
    return "" if detach.error is None else str(detach.error.condition)


async def taken(peer: Peer, name: str, credit: int = 10) -> list[str]:
    """Grant credit; return the bodies of what comes."""
    peer.flow(name, credit)
    await peer.quiet()
    found = [said for said in peer.heard if isinstance(said.performative, Transfer)]
    for said in found:
        peer.heard.remove(said)
    return [text(said.payload) for said in found]


@pytest.mark.parametrize("described", [False, True])
async def test_the_answer_names_the_session_and_the_end_of_its_lock(
    bus: LocalServiceBus, clock: ManualClock, described: bool
) -> None:
    def named(session_id: str | None) -> Any:
        return Described(ULong(0x137000000C), session_id) if described else session_id

    put(bus, "b1", clock=clock)
    async with opened(bus) as peer:
        by_name = await peer.attach("named", source=session(named("a")))
        following = await peer.attach("next", source=session(named(None)))

    assert (by_name.source.address, granted(by_name)) == ("sessions", named("a"))
    assert granted(following) == named("b")
    until = (clock.now + 60_000) * 10_000 + TICKS_AT_1970
    assert by_name.properties == {"com.microsoft:locked-until-utc": until}


async def test_a_filter_that_names_no_session_is_refused(bus: LocalServiceBus) -> None:
    async with opened(bus) as peer:
        answer = await peer.attach("in", source=session(7))
        assert (answer.source, await refusal(peer)) == (None, "com.microsoft:argument-error")


async def test_of_two_who_want_a_session_at_once_one_gets_it(bus: LocalServiceBus) -> None:
    async with opened(bus, container_id="one") as one, opened(bus, container_id="other") as other:
        for peer in (one, other):
            peer.say_attach("in", source=session("a"))
        answers = [await peer.expect(Attach) for peer in (one, other)]
        [loser] = [
            peer
            for peer, answer in zip((one, other), answers, strict=True)
            if answer.source is None
        ]
        assert await refusal(loser) == "com.microsoft:session-cannot-be-locked"


async def test_waiting_accepts_are_served_in_order_by_messages_and_by_freed_sessions(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with (
        opened(bus, container_id="first") as first,
        opened(bus, container_id="second") as second,
        opened(bus, container_id="third") as third,
    ):
        for peer in (first, second, third):
            peer.say_attach("in", source=session(None))
            peer.flow("in", 10)  # as pyamqp does not, but may
            await peer.quiet()

        put(bus, "a1", "a2", clock=clock)
        assert granted(await first.expect(Attach)) == "a"
        assert text((await first.receive())[1]) == "a1"
        put(bus, "b1", clock=clock)
        assert granted(await second.expect(Attach)) == "b"
        await first.detach("in")
        assert granted(await third.expect(Attach)) == "a"
        assert [text((await third.receive())[1]) for _ in range(2)] == ["a1", "a2"]


@pytest.mark.parametrize(("asked", "seconds"), [(5_000, 5.0), (None, 65.0)])
async def test_waiting_for_a_session_ends_by_the_clock_of_the_bus(
    bus: LocalServiceBus, clock: ManualClock, asked: int | None, seconds: float
) -> None:
    properties = None if asked is None else {"com.microsoft:timeout": UInt(asked)}
    async with opened(bus) as peer:
        peer.say_attach("in", source=session(None), properties=properties)
        await peer.quiet()
        clock.forward(seconds=seconds - 1)
        await bus.advance()
        await peer.quiet()
        assert peer.heard == []

        clock.forward(seconds=1)
        await bus.advance()

        assert (await peer.expect(Attach)).source is None
        assert await refusal(peer) == "com.microsoft:timeout"


@pytest.mark.parametrize("leaving", ["detach", "end", "hang up"])
async def test_who_leaves_while_waiting_gets_no_session(
    bus: LocalServiceBus, clock: ManualClock, leaving: str
) -> None:
    async with opened(bus, container_id="stays") as stays:
        async with opened(bus, container_id="leaves") as leaves:
            leaves.say_attach("in", source=session(None))
            await leaves.quiet()
            stays.say_attach("in", source=session(None))
            await stays.quiet()
            if leaving == "detach":
                await leaves.detach("in")
                assert (await leaves.expect(Attach)).source is None
            elif leaving == "end":
                await leaves.end()
        if leaving == "hang up":
            queue = bus.namespace.entity("sessions")
            while len(queue.receivers) > 1:
                await stays.quiet()

        put(bus, "a1", clock=clock)

        assert granted(await stays.expect(Attach)) == "a"


async def test_links_and_waiting_accepts_end_when_the_queue_hands_nothing_out_any_more(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    queue = QueueConfig("sessions", requires_session=True, status=EntityStatus.RECEIVE_DISABLED)
    async with opened(bus) as peer:
        await peer.attach("holds", source=session("a"))
        peer.say_attach("waits", source=session(None))
        await peer.quiet()

        bus.namespace.update_queue(queue, clock.now)

        assert [await refusal(peer) for _ in range(2)] == ["com.microsoft:entity-disabled"] * 2
        await peer.attach("late", source=session("a"))
        assert await refusal(peer) == "com.microsoft:entity-disabled"


async def test_a_lost_session_ends_the_link_and_counts_the_delivery(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "a1", "a2", clock=clock)
    async with opened(bus, container_id="loser") as loser, opened(bus, container_id="heir") as heir:
        await loser.attach("in", source=session("a"))
        loser.flow("in", 1)
        transfer, _ = await loser.receive()
        heir.say_attach("in", source=session(None))
        await heir.quiet()

        clock.forward(seconds=MINUTE)
        await bus.advance()

        assert await refusal(loser) == "com.microsoft:session-lock-lost"
        assert granted(await heir.expect(Attach)) == "a"
        heir.flow("in", 2)
        again = [Message.check((await heir.receive())[1]) for _ in range(2)]
        assert [found.value for found in again] == ["a1", "a2"]
        assert [found.header.delivery_count for found in again if found.header] == [1, 0]
        # What the loser says now is too late, and changes nothing.
        loser.dispose(transfer.delivery_id or 0, Accepted())
        await loser.quiet()
        assert bus.inspect()["entities"]["sessions"]["active"] == 2


async def test_a_closed_link_gives_its_messages_back_uncounted_and_in_order(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "a1", "a2", "a3", clock=clock)
    async with opened(bus) as peer:
        await peer.attach("in", source=session("a"))
        assert await taken(peer, "in", 2) == ["a1", "a2"]
        await peer.settle(1, Released())
        await peer.detach("in")
        await peer.attach("in", source=session("a"))
        assert await taken(peer, "in") == ["a1", "a2", "a3"]


async def test_a_receiver_that_attaches_again_takes_its_session_with_it(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "a1", clock=clock)
    async with opened(bus) as broken, opened(bus) as again:
        await broken.attach("in", source=session("a"))
        assert await taken(broken, "in") == ["a1"]

        attach = await again.attach("in", source=session("a"))

        assert granted(attach) == "a"
        assert await taken(again, "in") == ["a1"]
        assert await refusal(broken) == "amqp:link:stolen"


async def test_receive_and_delete_works_in_a_session(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "a1", "a2", clock=clock)
    async with opened(bus) as peer:
        await peer.attach("in", source=session("a"), settle_modes=(1, 0))
        peer.flow("in", 10)
        assert [text((await peer.receive())[1]) for _ in range(2)] == ["a1", "a2"]

    assert bus.inspect()["entities"]["sessions"]["active"] == 0


async def test_receivers_of_one_queue_are_served_in_turn_whatever_their_credit(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with (
        opened(bus, container_id="greedy") as greedy,
        opened(bus, container_id="modest") as modest,
    ):
        for peer, credit in ((greedy, 1_000), (modest, 3)):
            await peer.attach("in", source="work")
            peer.flow("in", credit)
            await peer.quiet()

        bus.namespace.send("work", [message(str(number)) for number in range(10)], clock.now)

        got = [[text((await peer.receive())[1]) for _ in range(many)]
               for peer, many in ((greedy, 7), (modest, 3))]  # fmt: skip
    assert got == [["0", "2", "4", "6", "7", "8", "9"], ["1", "3", "5"]]


async def test_turns_go_on_from_one_message_to_the_next(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(bus, container_id="one") as one, opened(bus, container_id="other") as other:
        for peer in (one, other):
            await peer.attach("in", source="work")
            peer.flow("in", 100)
            await peer.quiet()

        got = []
        for number in range(4):
            bus.namespace.send("work", [message(str(number))], clock.now)
            got.append(text((await (one, other)[number % 2].receive())[1]))

    assert got == ["0", "1", "2", "3"]


# $management


async def ask(peer: Peer, operation: str, **body: Any) -> tuple[int, Any, str]:
    """Return status code, body and error condition of an operation on the session queue."""
    request = encode_message(
        properties=Properties(message_id="1", reply_to="answers"),
        application_properties={"operation": f"com.microsoft:{operation}"},
        value={name.replace("_", "-"): value for name, value in body.items()},
    )
    await peer.outcome(peer.transfer_in_parts("requests", request))
    _, payload = await peer.receive()
    answer = Message.check(payload)
    told = answer.application_properties or {}
    return told["statusCode"], answer.value, str(told.get("errorCondition", ""))


async def managed(peer: Peer) -> None:
    await peer.attach("answers", source="sessions/$management")
    await peer.attach("requests", to="sessions/$management")
    peer.flow("answers", 100)


async def test_the_state_of_a_held_session_is_kept_until_it_is_cleared(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(bus) as peer:
        await managed(peer)
        await peer.attach("in", source=session("a"))
        nothing = await ask(peer, "get-session-state", session_id="a")
        stored = await ask(peer, "set-session-state", session_id="a", session_state=b"\x00s")
        found = await ask(peer, "get-session-state", session_id="a")
        cleared = await ask(peer, "set-session-state", session_id="a", session_state=None)
        stranger = await ask(peer, "set-session-state", session_id="b", session_state=b"s")

    assert nothing[:2] == (200, {"session-state": None})
    assert stored[:2] == (200, {})
    assert found[1] == {"session-state": b"\x00s"}
    assert cleared[0] == 200
    assert (stranger[0], stranger[2]) == (410, "com.microsoft:session-lock-lost")


async def test_renewing_a_session_moves_the_end_of_its_lock(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    async with opened(bus) as peer:
        await managed(peer)
        await peer.attach("in", source=session("a"))
        clock.forward(seconds=50)
        renewed = await ask(peer, "renew-session-lock", session_id="a")
        clock.forward(seconds=50)
        await bus.advance()
        again = await ask(peer, "renew-session-lock", session_id="a")
        clock.forward(seconds=MINUTE)
        await bus.advance()
        lost = await ask(peer, "renew-session-lock", session_id="a")

    assert renewed[1] == {"expiration": clock.now - 110_000 + 60_000}
    assert again[0] == 200
    assert (lost[0], lost[2]) == (410, "com.microsoft:session-lock-lost")


async def test_sessions_are_listed_page_by_page(bus: LocalServiceBus, clock: ManualClock) -> None:
    put(bus, "c1", "a1", "b1", clock=clock)
    everything = Timestamp(253_402_300_800_000)

    async def page(peer: Peer, since: Timestamp, skip: int, top: int) -> Any:
        status, body, _ = await ask(
            peer, "get-message-sessions", last_updated_time=since, skip=Int(skip), top=Int(top)
        )
        return status if body is None else body["sessions-ids"]

    async with opened(bus) as peer:
        await managed(peer)
        await peer.attach("in", source=session("b"))
        clock.forward(seconds=1)
        await ask(peer, "set-session-state", session_id="b", session_state=b"s")

        assert await page(peer, everything, 0, 2) == ["c", "a"]
        assert await page(peer, everything, 2, 2) == ["b"]
        assert await page(peer, everything, 4, 2) == 204
        assert await page(peer, Timestamp(clock.now - 1), 0, 100) == ["b"]
        assert await page(peer, Timestamp(clock.now), 0, 100) == 204


async def test_deferred_messages_come_under_the_session_they_belong_to(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "a1", "b1", clock=clock)
    modes = {"receiver_settle_mode": UInt(1), "sequence_numbers": Array(0x81, [1])}
    async with opened(bus) as peer:
        await managed(peer)
        await peer.attach("in", source=session("a"))
        queue: Any = bus.namespace.entity("sessions")
        peer.flow("in", 1)
        transfer, _ = await peer.receive()
        queue.defer(UUID(bytes_le=transfer.delivery_tag or b""), clock.now)

        unnamed = await ask(peer, "receive-by-sequence-number", **modes)
        foreign = await ask(peer, "receive-by-sequence-number", session_id="b", **modes)
        found = await ask(peer, "receive-by-sequence-number", session_id="a", **modes)
        [entry] = found[1]["messages"]
        done = await ask(
            peer,
            "update-disposition",
            disposition_status="completed",
            session_id="a",
            lock_tokens=Array(0x98, [entry["lock-token"]]),
        )

    assert (unnamed[0], unnamed[2]) == (400, "amqp:not-allowed")
    assert (foreign[0], foreign[2]) == (410, "com.microsoft:session-lock-lost")
    assert text(entry["message"]) == "a1"
    assert done[0] == 200
    assert bus.inspect()["entities"]["sessions"]["deferred"] == 0


async def test_batches_are_deleted_by_age_and_by_session(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "a1", "a2", "b1", clock=clock)
    clock.forward(seconds=1)
    put(bus, "a3", clock=clock)
    old, now = Timestamp(clock.now), Timestamp(clock.now + 1)

    async with opened(bus) as peer:
        await managed(peer)
        one = await ask(peer, "batch-delete-messages", message_count=Int(1), enqueued_time_utc=old)
        more = await ask(
            peer,
            "batch-delete-messages",
            message_count=Int(9),
            enqueued_time_utc=old,
            session_id="a",
        )
        rest = await ask(peer, "batch-delete-messages", message_count=Int(9), enqueued_time_utc=now)
        none = await ask(peer, "batch-delete-messages", message_count=Int(9), enqueued_time_utc=now)

    assert [each[1] for each in (one, more, rest)] == [
        {"message-count": 1}, {"message-count": 1}, {"message-count": 2}
    ]  # fmt: skip
    assert none[0] == 204


async def test_malformed_requests_about_sessions_are_told_so(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("get-session-state", {}),
        ("set-session-state", {"session_id": "a", "session_state": "text"}),
        ("renew-session-lock", {"session_id": Int(1)}),
        ("get-message-sessions", {"skip": Int(0), "top": Int(1), "last_updated_time": "now"}),
        ("batch-delete-messages", {"message_count": Int(0), "enqueued_time_utc": Timestamp(0)}),
        ("batch-delete-messages", {"message_count": Int(1)}),
        (
            "peek-message",
            {"from_sequence_number": 0, "message_count": Int(1), "session_id": Int(1)},
        ),
    ]
    async with opened(bus) as peer:
        await managed(peer)
        answers = [await ask(peer, operation, **body) for operation, body in asked]

    assert {(status, told) for status, _, told in answers} == {
        (400, "com.microsoft:argument-error")
    }


async def test_a_token_of_no_message_is_a_lost_session_lock(
    bus: LocalServiceBus, clock: ManualClock
) -> None:
    put(bus, "a1", clock=clock)
    async with opened(bus) as peer:
        await peer.attach("in", source=session("a"))
        peer.flow("in", 1)
        transfer, _ = await peer.receive()
        clock.forward(seconds=MINUTE)  # and the bus has not noticed yet
        outcome = await peer.settle(transfer.delivery_id or 0, Accepted())

    assert isinstance(outcome, Rejected)
    assert outcome.error is not None
    assert outcome.error.condition == "com.microsoft:session-lock-lost"
