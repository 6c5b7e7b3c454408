"""Returns: waiting for their sale, and never more than was sold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sales import returns
from services.sales.handlers import book
from services.sales.slips import SALES
from shared.bus import Delivery, Done, Outcome, Parked, Rejected
from shared.dynamics import MissingParent, Refused
from shared.events import (
    Fact,
    Reason,
    SaleCompleted,
    SaleReturned,
    encode,
    new_event,
    round_money,
)
from shared.store.archive import ArchivedFact
from shared.store.parking import ParkedFact
from tests.unit.sales.baskets import COMPANIES, key, simple_return, simple_sale
from tests.unit.sales.fakes import NOW, Collaborators, Ledger, delivery

SALE_KEY = "sale/usrt/S1/2026-03-01/T1/17"


def part(sequence: int, quantity: str, **changes: Any) -> SaleReturned:
    """A return of part of the two pieces that `simple_sale(17)` sold."""
    body = simple_return(sequence).model_dump() | changes
    worth = round_money(Decimal(quantity) * Decimal("6.05"), "USD")
    line = {"quantity": Decimal(quantity), "taxes": [], "net_amount": worth}
    paid = {"amount": worth, "amount_in_sale_currency": worth}
    body["lines"] = [body["lines"][0] | line]
    body["tenders"] = [body["tenders"][0] | paid]
    return SaleReturned.model_validate(body | {"total": worth})


async def with_archive(all_: Collaborators, *facts: SaleCompleted | SaleReturned) -> None:
    await all_.archive.keep(
        [
            ArchivedFact(
                fact_id=fact.event_id,
                fact_type=fact.TYPE,
                subject=fact.natural_key(),
                company=fact.key.company,
                store=fact.key.store,
                business_day=fact.key.business_day,
                body=encode(new_event(fact, source="/tills", time=NOW)),
                archived_at=NOW,
            )
            for fact in facts
        ]
    )


async def sold(all_: Collaborators) -> None:
    await with_archive(all_, simple_sale(17))
    await send(all_, simple_sale(17))


async def send(all_: Collaborators, *facts: Fact) -> list[Outcome]:
    return await book([delivery(fact) for fact in facts], all_)


def assert_over(outcome: Outcome, said: str = "") -> None:
    assert isinstance(outcome, Rejected), outcome
    assert outcome.reason is Reason.RETURNS_MORE_THAN_SOLD
    assert said in outcome.detail


async def test_a_return_that_overtakes_its_sale_waits_under_the_sales_key() -> None:
    all_ = Collaborators()
    [outcome] = await send(all_, simple_return())
    assert isinstance(outcome, Parked)
    assert outcome.key == SALE_KEY
    assert outcome.patience == timedelta(days=1)
    assert all_.transactions.calls == 0


async def test_booking_the_sale_releases_what_waits_for_it() -> None:
    all_ = Collaborators()
    await all_.parking.park([_parked(SALE_KEY)])
    await send(all_, simple_sale(17))
    assert [each.key for each in await all_.parking.due(NOW, 10)] == [SALE_KEY]


async def test_a_sale_that_is_announced_again_releases_again() -> None:
    all_ = Collaborators()
    await send(all_, simple_sale(17))
    await all_.parking.park([_parked(SALE_KEY)])
    await send(all_, simple_sale(17))
    assert len(await all_.parking.due(NOW, 10)) == 1


def _parked(key_: str) -> ParkedFact:
    return ParkedFact(
        fact_id=simple_return().event_id,
        topic="sale-returned",
        subscription="sales",
        key=key_,
        missing="its sale",
        body=b"",
        properties={},
        subject="",
        attempt=1,
        times=1,
        history="",
        first_seen=NOW,
        parked_at=NOW,
        deadline=NOW + timedelta(days=1),
    )


async def test_a_return_that_waited_in_vain_is_booked_with_its_reference_as_it_stands() -> None:
    all_ = Collaborators()
    [outcome] = await book([delivery(simple_return(), waited_out=SALE_KEY)], all_)
    assert isinstance(outcome, Done)
    [booked] = all_.transactions.booked.values()
    assert booked.sales_lines[0]["ReturnTransactionNumber"] == "20260301-17"


async def test_a_return_whose_sale_has_no_document_of_its_own_is_in_the_end_applied_to_none() -> (
    None
):
    central = {"ledger": "business-central", "walk_in_customer": "CASH"}
    all_ = Collaborators(companies={"usrt": COMPANIES["usrt"].model_copy(update=central)})
    await send(all_, simple_sale(17))
    all_.documents.error = MissingParent("There is no posted invoice S1/T1/20260301-17.")
    [waits] = await send(all_, simple_return())
    assert isinstance(waits, Parked)
    assert waits.key == SALE_KEY
    all_.documents.error = None
    [outcome] = await book([delivery(simple_return(), waited_out=SALE_KEY)], all_)
    assert isinstance(outcome, Done)
    assert all_.documents.booked["S1/T1/20260301-18"].applies_to == ""  # type: ignore[union-attr]


async def test_of_several_missing_sales_the_first_is_waited_for_and_then_none() -> None:
    all_ = Collaborators()
    body = simple_return().model_dump()
    other = body["lines"][0] | {"number": 2, "original": {"key": key("usrt", 16), "line": 1}}
    paid = body["tenders"][0] | {"amount": "24.20", "amount_in_sale_currency": "24.20"}
    body |= {"lines": [body["lines"][0], other], "tenders": [paid], "total": "24.20"}
    both = SaleReturned.model_validate(body)
    [waits] = await send(all_, both)
    assert isinstance(waits, Parked)
    assert waits.key == "sale/usrt/S1/2026-03-01/T1/16"
    [outcome] = await book([delivery(both, waited_out=waits.key)], all_)
    assert isinstance(outcome, Done)


async def test_sales_from_before_the_company_went_live_are_not_waited_for() -> None:
    live = COMPANIES["usrt"].model_copy(update={"live_since": date(2026, 3, 2)})
    all_ = Collaborators(companies={"usrt": live})
    [outcome] = await send(all_, simple_return())
    assert isinstance(outcome, Done)


async def test_a_sale_booked_as_a_correction_is_found() -> None:
    all_ = Collaborators()
    sale, back = await send(all_, simple_sale(17, revision=2), simple_return())
    assert isinstance(sale, Done)
    assert isinstance(back, Done)


async def test_goods_taken_in_an_exchange_may_come_back_too() -> None:
    all_ = Collaborators()
    new = simple_sale().lines[0].model_copy(update={"number": 2})
    exchange = simple_return(17, exchanged_lines=[new], tenders=[], total=Decimal(0))
    exchange = exchange.model_copy(
        update={"lines": (exchange.lines[0].model_copy(update={"original": None}),)}
    )
    back = simple_return(18)
    [line] = back.lines
    assert line.original is not None
    original = line.original.model_copy(update={"line": 2})
    back = back.model_copy(update={"lines": (line.model_copy(update={"original": original}),)})
    await with_archive(all_, exchange)
    assert [type(each) for each in await send(all_, exchange)] == [Done]
    assert [type(each) for each in await send(all_, back)] == [Done]
    assert_over((await send(all_, part(19, "1")))[0], "line 1")


async def test_more_than_was_sold_cannot_come_back() -> None:
    all_ = Collaborators()
    await sold(all_)
    first, second = await send(all_, part(18, "1.5"), part(19, "1"))
    assert isinstance(first, Done)
    assert_over(second, "of line 1 of sale usrt/S1/2026-03-01/T1/17 1 come back, of 2 sold 1.5")
    assert len(all_.transactions.booked) == 2


async def test_a_return_delivered_again_does_not_count_twice() -> None:
    all_ = Collaborators()
    await sold(all_)
    for _ in range(3):
        [outcome] = await send(all_, part(18, "2"))
        assert isinstance(outcome, Done)


async def test_a_return_that_could_not_be_booked_at_first_keeps_its_place() -> None:
    all_ = Collaborators(Ledger())
    await sold(all_)
    all_.transactions.errors["n18"] = Refused("no site")
    [refused] = await send(all_, part(18, "2"))
    assert isinstance(refused, Rejected)
    [other] = await send(all_, part(19, "2"))
    assert isinstance(other, Done), "what was refused for good has not come back"
    del all_.transactions.errors["n18"]
    assert_over((await send(all_, part(18, "2")))[0])


async def test_another_content_under_a_booked_returns_id_does_not_free_what_it_brought_back() -> (
    None
):
    all_ = Collaborators()
    await sold(all_)
    await send(all_, part(21, "2"))

    [other] = await send(all_, part(21, "2", cashier="another"))
    assert isinstance(other, Rejected)
    assert other.reason is Reason.DOCUMENT_DIFFERS

    [outcome] = await send(all_, part(22, "1"))
    assert_over(outcome, "2 have come back already")


async def test_another_content_under_a_kept_tickets_id_does_not_free_what_it_brought_back() -> None:
    company = COMPANIES["usrt"].model_copy(update={"grain": "aggregate"})
    all_ = Collaborators(companies={**COMPANIES, "usrt": company})
    await sold(all_)
    await send(all_, part(21, "2"))

    [other] = await send(all_, part(21, "1"))
    assert isinstance(other, Rejected)
    assert other.reason is Reason.DOCUMENT_DIFFERS

    [outcome] = await send(all_, part(22, "1"))
    assert_over(outcome, "2 have come back already")


async def test_a_corrected_return_takes_the_place_of_the_one_it_corrects() -> None:
    all_ = Collaborators()
    await sold(all_)
    archive, records = all_.archive, all_.records
    facts = [part(18, "1.5"), part(18, "1", revision=1), part(19, "0.5"), part(20, "0.1")]
    refusals = [
        await returns.reserve(
            [new_event(fact, source="/t", time=NOW)], records, archive, all_.clock
        )
        for fact in facts
    ]
    assert [bool(each) for each in refusals] == [False, False, False, True]


async def test_a_line_the_sale_does_not_have_cannot_come_back() -> None:
    all_ = Collaborators()
    await sold(all_)
    body = part(18, "1").model_dump()
    body["lines"] = [body["lines"][0] | {"original": {"key": key("usrt", 17), "line": 9}}]
    assert_over((await send(all_, SaleReturned.model_validate(body)))[0], "line 9")


async def test_where_the_archive_does_not_know_the_sale_nothing_is_refused() -> None:
    all_ = Collaborators()
    await send(all_, simple_sale(17))
    [outcome] = await send(all_, part(18, "5"))
    assert isinstance(outcome, Done)


@pytest.mark.parametrize("type_", SALES)
def test_ids_of_a_sale_are_those_its_facts_are_published_under(type_: str) -> None:
    fact = {SaleCompleted.TYPE: simple_sale(17), SaleReturned.TYPE: simple_return(17)}[type_]
    assert fact.event_id in returns.ids_of(key("usrt", 17))


@given(
    st.lists(st.integers(1, 30).map(lambda tenths: Decimal(tenths) / 10), max_size=8),
    st.randoms(use_true_random=False),
)
async def test_however_returns_come_and_repeat_no_more_comes_back_than_was_sold(
    quantities: list[Decimal], chance: Any
) -> None:
    all_ = Collaborators()
    await sold(all_)
    facts = [part(100 + n, str(quantity)) for n, quantity in enumerate(quantities)]
    deliveries = [delivery(fact) for fact in (*facts, *facts)]
    chance.shuffle(deliveries)
    for batch in _batches(deliveries, chance):
        await book(batch, all_)
    booked = await all_.inbox.results([fact.event_id for fact in facts])
    came_back = sum(
        (fact.lines[0].quantity for fact in facts if fact.event_id in booked), Decimal(0)
    )
    assert came_back <= 2
    refused = [fact.lines[0].quantity for fact in facts if fact.event_id not in booked]
    assert all(came_back + quantity > 2 for quantity in refused), "none is refused without need"


def _batches(deliveries: list[Delivery], chance: Any) -> Iterable[list[Delivery]]:
    while deliveries:
        size = chance.randint(1, 4)
        yield deliveries[:size]
        deliveries = deliveries[size:]
