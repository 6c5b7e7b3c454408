"""A person is erased from every database as from its definition."""

from __future__ import annotations

from dataclasses import replace

from shared.erasure import erase, stripped
from shared.events import decode
from shared.store import Record, first_break
from tests.unit.erasure.test_erasure import (
    PERSON,
    a_sale_of,
    archived,
    parked,
    points,
    registered,
)

from .samples import result
from .states import MORNING, State


async def test_a_person_is_gone_from_all_places_and_the_books_are_not(state: State) -> None:
    sale, other = a_sale_of(1, customer="C-17", loyalty_card="88"), a_sale_of(2, customer="C-18")
    inbox = state.inbox("ledger")
    booked = [
        replace(result(n), fact_id=fact.event_id, digest="d" * 64)
        for n, fact in ((1, sale), (2, other))
    ]
    await inbox.record(booked)
    await state.archive.keep([archived(fact) for fact in (registered(), sale, other)])
    await state.parking.park([parked(fact) for fact in (sale, other, points(3, "88"))])
    await state.records.write([Record("customer", PERSON, 1, "", "{}", MORNING)])

    report = await erase(
        PERSON,
        archive=state.archive,
        parking=state.parking,
        records=state.records,
        audit=state.audit,
        actor="ada",
        clock=lambda: MORNING,
        inboxes=[inbox],
    )

    assert str(report) == "2 links, 2 archived, 2 parked, 1 records"
    kept = await state.archive.read([fact.event_id for fact in (sale, other)])
    assert decode(kept[sale.event_id].body).data == a_sale_of(1)
    assert kept[other.event_id] == archived(other)
    waiting = {each.fact_id: each.body for each in await state.parking.facts()}
    assert waiting == {
        sale.event_id: stripped(parked(sale).body),
        other.event_id: parked(other).body,
    }
    results = await inbox.results([sale.event_id, other.event_id])
    assert results == {
        sale.event_id: replace(booked[0], digest=""),
        other.event_id: booked[1],
    }
    assert await state.records.kinds() == []
    assert first_break(await state.audit.read("operators")) is None
