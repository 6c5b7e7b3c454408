"""After an erasure nothing says anything of the person, and everything else is as it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.erasure import ErasureReport, Found, erase, find, persons_of, subject_of
from shared.events import (
    CustomerRegistered,
    Event,
    Fact,
    FeedbackGiven,
    LoyaltyEarned,
    OrderCancelled,
    OrderPlaced,
    decode,
    encode,
    new_event,
)
from shared.store import (
    ArchivedFact,
    InboxResult,
    MemoryArchive,
    MemoryAudit,
    MemoryInbox,
    MemoryParking,
    MemoryRecords,
    ParkedFact,
    Record,
    first_break,
)
from tests.integration.store.samples import result
from tests.unit.events.examples import KEY, NOW, a_sale, sampled

PERSON = "gbrt/C-17"


def an_event(fact: Fact) -> Event:
    return new_event(fact, source="/tills/gbrt/LONDON", time=NOW)


def archived(fact: Fact) -> ArchivedFact:
    event = an_event(fact)
    return ArchivedFact(
        event.id, event.type, event.subject, "gbrt", "LONDON", None, encode(event), NOW,
        persons_of(fact),
    )  # fmt: skip


def parked(fact: Fact, subscription: str = "sales") -> ParkedFact:
    event = an_event(fact)
    return ParkedFact(
        fact_id=event.id,
        topic=fact.TOPIC,
        subscription=subscription,
        key="item/gbrt/10010",
        missing="no such item",
        body=encode(event),
        properties={},
        subject=event.subject,
        attempt=1,
        times=1,
        history="",
        first_seen=NOW,
        parked_at=NOW,
        deadline=NOW + timedelta(hours=1),
    )


def a_sale_of(number: int, **changes: Any) -> Fact:
    return a_sale(key=KEY.model_copy(update={"sequence": number}), **changes)


def registered(customer: str = "C-17", **changes: Any) -> Fact:
    fields = {"customer": customer, "company": "gbrt", "name": f"Name of {customer}"}
    return sampled(CustomerRegistered).model_copy(update=fields | changes)


def points(number: int, card: str, customer: str | None = None) -> Fact:
    return LoyaltyEarned(
        transaction=KEY.model_copy(update={"sequence": number}),
        occurred_at=NOW,
        card=card,
        customer=customer,
        points=Decimal(5),
    )


@dataclass
class Place:
    """Everything an erasure works on."""

    archive: MemoryArchive = field(default_factory=MemoryArchive)
    parking: MemoryParking = field(default_factory=MemoryParking)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    inbox: MemoryInbox = field(default_factory=MemoryInbox)

    async def hold(self, kept: Iterable[Fact] = (), waiting: Iterable[Fact] = ()) -> Place:
        await self.archive.keep([archived(fact) for fact in kept])
        await self.parking.park([parked(fact) for fact in waiting])
        return self

    async def erase(self, person: str = PERSON, links: Sequence[str] = ()) -> ErasureReport:
        return await erase(
            person,
            archive=self.archive,
            parking=self.parking,
            records=self.records,
            audit=self.audit,
            actor="ada",
            clock=lambda: NOW,
            inboxes=[self.inbox],
            links=links,
        )

    async def find(self, *persons: str) -> Found:
        return await find(persons, archive=self.archive, parking=self.parking, records=self.records)

    async def kept(self, fact: Fact) -> Fact:
        stored = await self.archive.read([fact.event_id])
        return decode(stored[fact.event_id].body).data


async def test_the_books_keep_an_erased_persons_sale_without_the_person() -> None:
    sale = a_sale_of(1, customer="C-17", loyalty_card="88", cashier="9")
    other = a_sale_of(2, customer="C-18")
    place = await Place().hold([sale, other])

    report = await place.erase()

    assert await place.kept(sale) == a_sale_of(1)
    assert await place.kept(other) == other
    assert await place.archive.about(PERSON) == []
    assert (report.archived, report.links) == (1, 1)


async def test_cards_are_followed_to_facts_that_name_nobody_else() -> None:
    by_card, of_another = points(2, "88"), points(3, "88", "C-18")
    place = await Place().hold([registered(loyalty_card="88"), by_card, of_another])

    report = await place.erase()

    assert await place.kept(by_card) == points(2, "erased")
    assert await place.kept(of_another) == of_another
    assert report.archived == 2


async def test_orders_are_followed_to_facts_that_do_not_name_the_customer() -> None:
    order = sampled(OrderPlaced).model_copy(update={"customer": "C-17", "company": "gbrt"})
    cancelled = sampled(OrderCancelled).model_copy(
        update={"order": order.order, "company": "gbrt", "reason": "my wife disliked it"}
    )
    place = await Place().hold([order, cancelled])

    await place.erase()

    kept = await place.kept(cancelled)
    assert isinstance(kept, OrderCancelled)
    assert kept.reason is None


async def test_a_card_known_from_a_parked_fact_is_followed_into_the_archive() -> None:
    place = await Place().hold(
        [points(2, "88")], [a_sale_of(1, customer="C-17", loyalty_card="88")]
    )

    report = await place.erase()

    assert await place.kept(points(2, "88")) == points(2, "erased")
    assert (report.archived, report.parked) == (1, 1)


async def test_a_parked_sale_goes_on_waiting_without_the_person() -> None:
    sale, other = a_sale_of(1, customer="C-17"), a_sale_of(2)
    place = await Place().hold(waiting=[sale, other])

    await place.erase()

    waiting = {each.fact_id: each for each in await place.parking.facts()}
    assert waiting == {
        sale.event_id: replace(parked(sale), body=parked(a_sale_of(1)).body),
        other.event_id: parked(other),
    }


async def test_a_parked_fact_about_nothing_but_the_person_stops_waiting() -> None:
    feedback = sampled(FeedbackGiven).model_copy(update={"customer": "C-17", "company": "gbrt"})
    place = await Place().hold(waiting=[registered(), points(2, "88", "C-17"), feedback])

    report = await place.erase()

    assert await place.parking.facts() == []
    assert report.parked == 3


async def test_records_of_the_customer_go_and_those_of_others_stay() -> None:
    theirs = [
        Record("customer", "gbrt/C-17", 1, "", "{}", NOW),
        Record("customer-conflict", "gbrt/C-17/till/4", 1, "open", "{}", NOW),
    ]
    others = [
        Record("customer", "gbrt/C-170", 1, "", "{}", NOW),
        Record("customer", "usrt/C-17", 1, "", "{}", NOW),
        Record("customer-conflict", "gbrt/C-170/till/4", 1, "open", "{}", NOW),
        Record("order", "gbrt/C-17", 1, "open", "{}", NOW),
    ]
    place = Place()
    await place.records.write([*theirs, *others])

    report = await place.erase()

    left = [each for kind in await place.records.kinds() for each in await place.records.find(kind)]
    assert sorted(left, key=lambda each: (each.kind, each.key)) == others
    assert report.records == 2


async def test_digests_of_what_was_erased_are_forgotten() -> None:
    mine, other = a_sale_of(1, customer="C-17"), a_sale_of(2)
    place = await Place().hold([mine, other])
    await place.inbox.record([_booked(mine), _booked(other)])

    await place.erase()

    digests = await place.inbox.results([mine.event_id, other.event_id])
    assert [digests[each.event_id].digest for each in (mine, other)] == ["", "d" * 64]


def _booked(fact: Fact) -> InboxResult:
    return replace(result(1), fact_id=fact.event_id, digest="d" * 64)


async def test_the_audit_log_tells_that_it_was_done_and_not_to_whom() -> None:
    place = await Place().hold([a_sale_of(1, customer="C-17")])

    report = await place.erase()

    entries = await place.audit.read("operators")
    assert [(each.act.action, each.act.actor) for each in entries] == [
        ("erasure ordered", "ada"),
        ("erased", "ada"),
    ]
    assert {each.act.subject for each in entries} == {subject_of(PERSON)}
    assert "C-17" not in str(entries)
    assert entries[1].act.detail == str(report) == "0 links, 1 archived, 0 parked, 0 records"
    assert first_break(entries) is None


async def test_cards_known_from_elsewhere_are_followed() -> None:
    place = await Place().hold([points(2, "88")])

    report = await place.erase(links=["gbrt/card:88"])

    assert report.archived == 1


async def test_a_person_nobody_knows_is_erased_without_trouble() -> None:
    assert await Place().erase("gbrt/C-1") == ErasureReport(subject_of("gbrt/C-1"))


class _ArchiveWithLateComer(MemoryArchive):
    """Gets one more fact of the person while the others are being erased."""

    def __init__(self, late: Fact) -> None:
        super().__init__()
        self._late: list[Fact] = [late]

    async def erase(self, person: str, bodies: Any) -> None:
        await super().erase(person, bodies)
        await self.keep([archived(self._late.pop()) for _ in self._late[:1]])


async def test_what_comes_while_others_are_being_erased_is_erased_too() -> None:
    late = a_sale_of(2, customer="C-17")
    place = await Place(_ArchiveWithLateComer(late)).hold([a_sale_of(1, customer="C-17")])

    report = await place.erase()

    assert await place.kept(late) == a_sale_of(2)
    assert report.archived == 2


class _Crash(Exception):
    """The process ends here."""


class _CrashingArchive(MemoryArchive):
    """Ends the process before one of its changes."""

    def __init__(self, change: int) -> None:
        super().__init__()
        self.changes_left: int | None = change

    async def erase(self, person: str, bodies: Any) -> None:
        if self.changes_left == 0:
            self.changes_left = None
            raise _Crash
        if self.changes_left is not None:
            self.changes_left -= 1
        await super().erase(person, bodies)


@pytest.mark.parametrize("change", [0, 1, 2])
async def test_a_repetition_after_a_crash_still_knows_the_cards(change: int) -> None:
    by_card, by_other_card = points(2, "88"), points(3, "99")
    place = await Place(_CrashingArchive(change)).hold(
        [
            registered(loyalty_card="88"),
            a_sale_of(1, customer="C-17", loyalty_card="99"),
            by_card,
            by_other_card,
        ]
    )

    with pytest.raises(_Crash):
        await place.erase()
    await place.erase()

    assert await place.kept(by_card) == points(2, "erased")
    assert await place.kept(by_other_card) == points(3, "erased")
    assert await place.archive.about("gbrt/card:88") == []


CUSTOMERS = st.sampled_from([None, "C-17", "C-18"])
CARDS = st.sampled_from(["card-of-17", "card-of-18", "card-of-nobody"])


@st.composite
def fact_of_somebody(draw: st.DrawFn, number: int) -> Fact:
    """A fact about one of two customers, or nobody; a card is always its owner's."""
    customer = draw(CUSTOMERS)
    card = f"card-of-{customer[-2:]}" if customer else draw(CARDS)
    return draw(
        st.sampled_from(
            [
                a_sale_of(number, customer=customer, loyalty_card=card),
                a_sale_of(number, customer=customer),
                points(number, card, customer),
                registered(customer or "C-19", version=number, loyalty_card=None),
            ]
        )
    )


@given(st.data())
async def test_nothing_is_left_of_the_person_and_nothing_else_is_touched(
    data: st.DataObject,
) -> None:
    amount = data.draw(st.integers(0, 8))
    facts = [data.draw(fact_of_somebody(number)) for number in range(1, amount + 1)]
    waiting = [data.draw(fact_of_somebody(number)) for number in range(11, 14)]
    place = await Place().hold([registered(loyalty_card="card-of-17"), *facts], waiting)

    await place.erase()

    left = await place.archive.read([fact.event_id for fact in facts])
    bodies = [each.body for each in left.values()]
    bodies += [each.body for each in await place.parking.facts()]
    for body in bodies:
        assert b"card-of-17" not in body
        assert b"Name of C-17" not in body
        fact = decode(body).data
        # The number stands in the key of the customer's own facts, and names nobody by itself.
        assert isinstance(fact, CustomerRegistered) or PERSON not in persons_of(fact)
    for fact in facts:
        if not {PERSON, "gbrt/card:card-of-17"} & set(persons_of(fact)):
            assert left[fact.event_id] == archived(fact)
    assert (await place.find(PERSON, "gbrt/card:card-of-17")).is_empty
