"""`tillbus erase` against a real store and the dead-letter queues of the local bus."""

from __future__ import annotations

import json
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage

from infra.local.cli.erased_letters import ERASED_LETTER
from shared.erasure import subject_of
from shared.events import decode, encode
from shared.store import Record, first_break
from tests.integration.operators.conftest import Place
from tests.unit.erasure.test_erasure import (
    a_sale_of,
    an_event,
    archived,
    parked,
    points,
    registered,
)
from tests.unit.events.examples import NOW, json_of

SALE, OTHER_SALE = a_sale_of(1, customer="C-17", loyalty_card="88"), a_sale_of(2, customer="C-18")


def _body(message: ServiceBusReceivedMessage) -> bytes:
    return b"".join(message.body)


async def _fill(place: Place) -> None:
    damaged = json_of(an_event(SALE))
    damaged["data"]["total"] = "1.00"
    await place.store.archive.keep([archived(registered(loyalty_card="88")), archived(OTHER_SALE)])
    await place.store.parking.park([parked(SALE), parked(OTHER_SALE)])
    await place.store.records.write([Record("customer", "gbrt/C-17", 1, "", "{}", NOW)])
    await place.bury(
        "sale-completed",
        "sales",
        encode(an_event(OTHER_SALE)),
        encode(an_event(SALE)),
        b"no event at all",
        json.dumps(damaged).encode(),
        encode(an_event(a_sale_of(3))),
    )
    await place.bury("loyalty-earned", "customers", encode(an_event(points(4, "88"))))


async def test_without_yes_it_tells_what_it_would_do_and_changes_nothing(place: Place) -> None:
    await _fill(place)

    code, printed = await place.tillbus("erase", "gbrt", "C-17", "--json")

    assert (code, json.loads(printed)) == (
        0,
        {
            "subject": subject_of("gbrt/C-17"),
            "links": 1,
            "archived": 1,
            "parked": 1,
            "records": 1,
            "dead_letters": {"sale-completed/sales": 2, "loyalty-earned/customers": 1},
            "dead_letters_left": 0,
            "erased": False,
        },
    )
    assert await place.store.archive.about("gbrt/C-17") == [archived(registered(loyalty_card="88"))]
    assert len(await place.buried("sale-completed", "sales")) == 5
    assert await place.store.audit.chains() == []


async def test_with_yes_nothing_is_left_of_the_customer_and_all_else_is_there(place: Place) -> None:
    await _fill(place)

    code, printed = await place.tillbus("erase", "gbrt", "C-17", "--yes", "--json", "--by", "ada")

    report: dict[str, Any] = json.loads(printed)
    assert (code, report["erased"], report["dead_letters_left"]) == (0, True, 0)
    left = [_body(each) for each in await place.buried("sale-completed", "sales")]
    assert left == [
        encode(an_event(OTHER_SALE)),
        b"no event at all",
        encode(an_event(a_sale_of(3))),
    ]
    assert await place.buried("loyalty-earned", "customers") == []
    assert await place.store.archive.about("gbrt/C-17") == []
    assert await place.store.archive.about("gbrt/C-18") == [archived(OTHER_SALE)]
    assert await place.store.records.find("customer") == []
    bodies = {decode(each.body).data for each in await place.store.parking.facts()}
    assert bodies == {a_sale_of(1), OTHER_SALE}


async def test_what_is_left_of_a_dead_letter_is_kept_and_the_audit_log_tells_who_did_it(
    place: Place,
) -> None:
    await _fill(place)

    await place.tillbus("erase", "gbrt", "C-17", "--yes", "--by", "ada")

    kept = await place.store.records.find(ERASED_LETTER)
    assert [each.key for each in kept] == [
        "loyalty-earned/customers/customers-0",
        "sale-completed/sales/sales-1",
        "sale-completed/sales/sales-3",
    ]
    by_card, sale, damaged = (json.loads(each.text) for each in kept)
    assert decode(json.dumps(by_card["body"]).encode()).data == points(4, "erased")
    assert decode(json.dumps(sale["body"]).encode()).data == a_sale_of(1)
    assert damaged["body"]["id"] == str(SALE.event_id)
    assert "data" not in damaged["body"]
    assert (sale["reason"], sale["description"]) == ("invalid-data", "lines.0: no such item")
    assert {each.state for each in kept} == {"invalid-data"}
    entries = await place.store.audit.read("operators")
    assert first_break(entries) is None
    assert {each.act.actor for each in entries} == {"ada"}
    assert [each.act.detail for each in entries] == [
        "3 dead letters",
        "",
        "1 links, 1 archived, 1 parked, 1 records",
    ]
    code, printed = await place.tillbus("audit", "show", "operators", "--json")
    assert code == 0
    assert [each["hash"] for each in json.loads(printed)] == [each.hash for each in entries]
