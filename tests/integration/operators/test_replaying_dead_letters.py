"""`tillbus dlq replay`: dead letters go back to the subscription that refused them."""

from __future__ import annotations

import json
from typing import Any

from azure.servicebus import ServiceBusMessage

from shared.bus.message import Received, received
from shared.events import encode
from shared.store import first_break
from tests.integration.bus.receiving import take, take_all
from tests.integration.operators.conftest import Place
from tests.unit.bus.samples import NOW, TRACEPARENT, sale_event

SALES = ("sale-completed", "sales")
BODIES = [encode(sale_event(number)) for number in (1, 2, 3)]


async def replay(place: Place, *arguments: str) -> tuple[int, dict[str, Any]]:
    code, printed = await place.tillbus("dlq", "replay", *arguments, "--by", "ada", "--json")
    return code, json.loads(printed)


async def came_to(place: Place, subscription: str, count: int) -> list[Received]:
    """Take what there is in a subscription of sales: so many, and any that should not be."""
    async with place.client.get_subscription_receiver("sale-completed", subscription) as receiver:
        messages = await take_all(receiver, count)
        for message in messages:
            await receiver.complete_message(message)
    return [received(each) for each in messages]


async def test_without_yes_it_shows_what_would_go_and_leaves_it(place: Place) -> None:
    await place.bury(*SALES, *BODIES)

    code, said = await replay(place, "--subscription", "sales")

    assert (code, said["replayed"]) == (0, 0)
    assert [each["message_id"] for each in said["chosen"]] == ["sales-0", "sales-1", "sales-2"]
    assert len(await place.buried(*SALES)) == 3
    assert await place.store.audit.chains() == []


async def test_letters_go_back_byte_for_byte_and_nobody_else_sees_them(place: Place) -> None:
    await place.bury(*SALES, *BODIES)
    assert len(await came_to(place, "inventory", 3)) == 3

    code, said = await replay(place, "--topic", "sale-completed", "--yes")

    assert (code, said["replayed"]) == (0, 3)
    assert [each.body for each in await came_to(place, "sales", 3)] == BODIES
    assert await came_to(place, "inventory", 0) == []
    assert await place.buried(*SALES) == []


async def test_only_what_was_refused_for_the_reason_goes_and_only_so_many(place: Place) -> None:
    await place.bury(*SALES, BODIES[0], reason="unknown-company")
    await place.bury(*SALES, b"no event", reason="invalid-json")
    await place.bury(*SALES, BODIES[1], BODIES[2], reason="unknown-company")

    code, said = await replay(place, "--reason", "unknown-company", "--most", "2", "--yes")

    assert (code, said["replayed"]) == (0, 2)
    assert [each.body for each in await came_to(place, "sales", 2)] == BODIES[:2]
    left = [b"".join(each.body) for each in await place.buried(*SALES)]
    assert left == [b"no event", BODIES[2]]


async def test_a_letter_named_by_its_id_goes_alone(place: Place) -> None:
    await place.bury(*SALES, *BODIES)

    assert (await replay(place, "--message-id", "sales-1", "--yes"))[0] == 0

    assert [each.body for each in await came_to(place, "sales", 1)] == [BODIES[1]]


async def test_nothing_to_send_back_is_an_answer_of_no(place: Place) -> None:
    assert await replay(place, "--reason", "unknown-company", "--yes") == (
        1,
        {"chosen": [], "replayed": 0},
    )


async def test_a_letter_starts_anew_in_its_trace_and_its_lane(place: Place) -> None:
    tried: dict[str | bytes, Any] = {
        "lane": "backfill",
        "retry-for": "sales",
        "retry-attempt": 9,
        "retry-first-seen": NOW.isoformat(),
        "retry-history": "1. busy",
        "parked-under": "item/gbrt/1",
        "parked-at": NOW.isoformat(),
        "parked-until": NOW.isoformat(),
        "parked-out": "item/gbrt/1",
        "traceparent": TRACEPARENT,
    }
    await _bury_tried(place, tried)

    await replay(place, "--subscription", "sales", "--yes")

    (again,) = await came_to(place, "sales", 1)
    assert (again.attempt, again.history, again.parked, again.waited_out) == (1, "", None, ())
    assert (again.properties["lane"], again.traceparent) == ("backfill", TRACEPARENT)
    assert "DeadLetterReason" not in again.properties


async def test_what_is_refused_again_can_be_replayed_again(place: Place) -> None:
    await place.bury(*SALES, BODIES[0])
    await replay(place, "--subscription", "sales", "--yes")
    async with place.client.get_subscription_receiver(*SALES) as receiver:
        for message in await take(receiver, 1):
            await receiver.dead_letter_message(message, reason="unknown-company")

    code, said = await replay(place, "--subscription", "sales", "--yes")

    assert (code, said["replayed"]) == (0, 1)
    assert [each.body for each in await came_to(place, "sales", 1)] == [BODIES[0]]


async def test_the_audit_log_tells_who_sent_what_back_and_why_it_had_been_refused(
    place: Place,
) -> None:
    await place.bury(*SALES, BODIES[0])

    await replay(place, "--subscription", "sales", "--yes")

    (entry,) = entries = await place.store.audit.read("operators")
    assert first_break(entries) is None
    assert (entry.act.actor, entry.act.action) == ("ada", "dead letter replayed")
    assert entry.act.subject.startswith("sales-0#sales#replayed-")
    assert entry.act.detail == "to sale-completed/sales, refused as invalid-data"


async def _bury_tried(place: Place, properties: dict[str | bytes, Any]) -> None:
    sender = place.client.get_topic_sender("sale-completed")
    receiver = place.client.get_subscription_receiver(*SALES)
    async with sender, receiver:
        await sender.send_messages(ServiceBusMessage(BODIES[0], application_properties=properties))
        (message,) = await take(receiver, 1)
        await receiver.dead_letter_message(message, reason="attempts-exhausted")
