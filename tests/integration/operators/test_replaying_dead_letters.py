"""`tillbus dlq replay`: dead letters go back to the subscription that refused them."""

from __future__ import annotations

import json
from typing import Any

from shared.bus.message import Received, received
from shared.events import encode
from shared.store import first_break
from tests.integration.bus.receiving import take_all
from tests.integration.operators.conftest import Place
from tests.unit.bus.samples import sale_event

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


async def test_letters_go_back_byte_for_byte_to_their_subscription_and_into_the_audit_log(
    place: Place,
) -> None:
    await place.bury(*SALES, *BODIES)
    assert len(await came_to(place, "inventory", 3)) == 3

    code, said = await replay(place, "--topic", "sale-completed", "--yes")

    assert (code, said["replayed"]) == (0, 3)
    assert [each.body for each in await came_to(place, "sales", 3)] == BODIES
    assert await came_to(place, "inventory", 0) == []
    assert await place.buried(*SALES) == []
    entries = await place.store.audit.read("operators")
    assert first_break(entries) is None
    assert {(each.act.actor, each.act.action) for each in entries} == {
        ("ada", "dead letter replayed")
    }
    assert [each.act.subject.partition("#")[0] for each in entries] == [
        "sales-0",
        "sales-1",
        "sales-2",
    ]
    assert entries[0].act.detail == "to sale-completed/sales, refused as invalid-data"


async def test_only_what_was_refused_for_the_reason_goes_and_only_so_many(place: Place) -> None:
    await place.bury(*SALES, BODIES[0], reason="unknown-company")
    await place.bury(*SALES, b"no event", reason="invalid-json")
    await place.bury(*SALES, BODIES[1], BODIES[2], reason="unknown-company")

    code, said = await replay(place, "--reason", "unknown-company", "--most", "2", "--yes")

    assert (code, said["replayed"]) == (0, 2)
    assert [each.body for each in await came_to(place, "sales", 2)] == BODIES[:2]
    left = [b"".join(each.body) for each in await place.buried(*SALES)]
    assert left == [b"no event", BODIES[2]]


async def test_nothing_to_send_back_is_an_answer_of_no(place: Place) -> None:
    assert await replay(place, "--reason", "unknown-company", "--yes") == (
        1,
        {"chosen": [], "replayed": 0},
    )
