"""Points of sales and returns: booked once, taken back once, waiting where they must."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic_core import from_json

from services.customers.handlers import update_customers
from services.customers.reversals import reverse
from services.customers.sale_points import book_sale_points
from shared.bus import Done, Later, Parked, Rejected
from shared.companies import Company
from shared.dynamics import TryLater
from shared.events import (
    BACKFILL,
    Fact,
    Reason,
    ReversalOrdered,
    encode,
    new_event,
    without_personal_fields,
)
from tests.unit.customers.collaborating import Collaborators, delivery, documents, effects
from tests.unit.customers.customers import COMPANY, NOW, registered
from tests.unit.customers.sales import (
    CARD,
    archive,
    back,
    giving_points,
    key,
    line,
    returned,
    sale,
)


async def book(all_: Collaborators, *facts: Fact, **changes: Any) -> list[Any]:
    await archive(all_, *facts)
    return await book_sale_points([delivery(fact, **changes) for fact in facts], all_)


def balance(all_: Collaborators, card: str = CARD) -> int:
    return int(sum(each.points for each in all_.points.entries.values() if each.card == card))


async def test_a_sale_earns_once_however_often_it_comes() -> None:
    all_ = await giving_points()
    [outcome] = await book(all_, sale(1, [line(1, "12.50")]))
    again, twice = await book(all_, *[sale(1, [line(1, "12.50")])] * 2)
    assert effects(outcome) == ["points"]
    assert outcome == again == twice
    assert balance(all_) == 12
    assert documents(outcome)[0].amount == 0, "points are no money"


@pytest.mark.parametrize("fact", [sale(1, [line(1, "9")], loyalty_card=None)])
async def test_a_sale_without_a_card_costs_nothing(fact: Any) -> None:
    all_ = await giving_points()
    assert await book(all_, fact) == [Done()]
    assert all_.points.calls == 0


async def test_where_tills_say_what_was_earned_sales_say_nothing() -> None:
    all_ = await giving_points("0")
    assert await book(all_, sale(1, [line(1, "9")]), returned(2, [back(1, 1, "9")])) == [Done()] * 2
    all_.companies = {}
    assert await book(all_, sale(3, [line(1, "9")])) == [Done()]


async def test_a_return_takes_back_in_proportion_to_what_comes_back() -> None:
    all_ = await giving_points()
    await book(all_, sale(1, [line(1, "10", "3"), line(2, "5")]))
    [outcome] = await book(all_, returned(2, [back(1, 1, "3.33", "1")], loyalty_card=None))
    assert effects(outcome) == ["points"]
    assert balance(all_) == 15 - 3
    await book(all_, returned(3, [back(1, 1, "6.67", "2"), back(1, 2, "5", at=2)]))
    assert balance(all_) == 0


async def test_a_return_that_overtakes_its_sale_waits_for_it() -> None:
    all_ = await giving_points()
    [outcome] = await book(all_, returned(2, [back(1, 1, "10")]))
    assert isinstance(outcome, Parked)
    assert outcome.key == f"sale/{key(1)}"
    await book(all_, sale(1, [line(1, "10")]))
    await book(all_, returned(2, [back(1, 1, "10")]))
    assert balance(all_) == 0


async def test_a_return_waits_for_an_earning_that_is_not_booked_yet() -> None:
    all_ = await giving_points()
    all_.points.errors.append(TryLater("busy"))
    [sold] = await book(all_, sale(1, [line(1, "10")]))
    [outcome] = await book(all_, returned(2, [back(1, 1, "10")]))
    assert isinstance(sold, Later)
    assert isinstance(outcome, Parked)
    assert all_.points.entries == {}


async def test_an_earning_that_is_booked_releases_its_returns() -> None:
    all_ = await giving_points()
    released: list[str] = []

    async def release(keys: Any, now: Any, **_: Any) -> int:
        released.extend(keys)
        return 0

    all_.parking.release = release  # type: ignore[method-assign]
    await book(all_, sale(1, [line(1, "10")]), sale(2, [line(1, "1")], loyalty_card=None))
    assert released == [f"sale/{key(1)}"]


async def test_a_return_whose_sale_never_came_is_done_when_its_wait_is_over() -> None:
    all_ = await giving_points()
    waited = {"waited_out": f"sale/{key(1)}"}
    assert await book(all_, returned(2, [back(1, 1, "10")]), **waited) == [Done()]


async def test_a_return_of_a_sale_without_a_card_does_not_wait() -> None:
    all_ = await giving_points()
    await archive(all_, sale(1, [line(1, "10")], loyalty_card=None))
    assert await book(all_, returned(2, [back(1, 1, "10")])) == [Done()]


async def test_a_return_of_a_sale_of_before_us_does_not_wait() -> None:
    all_ = await giving_points()
    settings = all_.companies[COMPANY].model_copy(update={"live_since": date(2026, 3, 3)})
    all_.companies = {COMPANY: settings}
    assert await book(all_, returned(2, [back(1, 1, "10")])) == [Done()]


async def test_how_long_a_return_waits_is_the_companys_to_say() -> None:
    all_ = await giving_points()
    patience = timedelta(hours=5)
    settings = all_.companies[COMPANY].model_copy(update={"return_patience": patience})
    all_.companies = {COMPANY: settings}
    [outcome] = await book(all_, returned(2, [back(1, 1, "10")]))
    assert isinstance(outcome, Parked)
    assert outcome.patience == patience


async def test_an_exchange_earns_and_takes_back_as_one_effect() -> None:
    all_ = await giving_points()
    await book(all_, sale(1, [line(1, "40")]))
    exchange = sale(2, [line(1, "100")], exchanged_lines=[back(1, 1, "40", at=2)])
    [outcome] = await book(all_, exchange)
    assert effects(outcome) == ["points"]
    assert balance(all_) == 100
    await book(all_, returned(3, [back(2, 1, "100")]))
    assert balance(all_) == 0


async def test_points_go_back_from_the_card_that_earned_them() -> None:
    all_ = await giving_points()
    await book(all_, sale(1, [line(1, "10")]))
    await book(all_, returned(2, [back(1, 1, "10")], loyalty_card="LC-OTHER"))
    assert (balance(all_), balance(all_, "LC-OTHER")) == (0, 0)


async def test_a_crash_after_keeping_and_before_booking_books_the_same() -> None:
    all_ = await giving_points()
    await book(all_, sale(1, [line(1, "10", "3")]))
    all_.points.errors.append(TryLater("died"))
    await book(all_, returned(2, [back(1, 1, "3.33", "1")]))
    await book(all_, returned(3, [back(1, 1, "3.33", "1")]))
    await book(all_, returned(2, [back(1, 1, "3.33", "1")]))
    assert balance(all_) == 10 - 6
    await book(all_, returned(4, [back(1, 1, "3.34", "1")]))
    assert balance(all_) == 0


async def test_returns_side_by_side_take_back_what_was_earned_and_no_more() -> None:
    all_ = await giving_points()
    await book(all_, sale(1, [line(1, "10", "4")]))
    returns = [returned(n, [back(1, 1, "2.50", "1")]) for n in range(2, 8)]
    await archive(all_, *returns)
    outcomes = await asyncio.gather(*(book_sale_points([delivery(fact)], all_) for fact in returns))
    assert all(isinstance(outcome, Done) for [outcome] in outcomes)
    assert balance(all_) == 0


async def test_returns_of_one_sale_in_one_batch_take_back_what_was_earned_and_no_more() -> None:
    all_ = await giving_points()
    await book(all_, sale(1, [line(1, "10", "4")]))
    returns = [returned(n, [back(1, 1, "2.50", "1")]) for n in range(2, 8)]
    outcomes = await book(all_, *returns, *returns)
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert balance(all_) == 0


async def test_a_card_nobody_has_issued_makes_its_sales_wait_until_it_is_registered() -> None:
    all_ = await giving_points()
    fact = sale(1, [line(1, "10")], loyalty_card="LC-2")
    [outcome] = await book(all_, fact)
    assert isinstance(outcome, Parked)
    assert outcome.key == f"card/{COMPANY}/LC-2"
    await update_customers([delivery(registered(loyalty_card="LC-2"))], all_)
    [outcome] = await book(all_, fact)
    assert effects(outcome) == ["points"]


async def test_a_correction_that_earns_other_points_is_rejected() -> None:
    all_ = await giving_points()
    await book(all_, sale(1, [line(1, "10")]))
    same, other = await book(
        all_, sale(1, [line(1, "10")], revision=1), sale(1, [line(1, "20")], revision=2)
    )
    assert effects(same) == ["points"]
    assert isinstance(other, Rejected)
    assert other.reason is Reason.DOCUMENT_DIFFERS
    assert balance(all_) == 10


async def test_late_sales_take_the_lane_of_late_things() -> None:
    all_ = await giving_points()
    await book(all_, sale(1, [line(1, "10")]), lane=BACKFILL)
    await book(all_, sale(2, [line(1, "10")]))
    assert [len(port.entries) for port in (all_.late_points, all_.points)] == [1, 1]


class TestErasure:
    async def test_an_erased_customers_points_are_not_taken_back(self) -> None:
        all_ = await giving_points()
        fact = sale(1, [line(1, "10")])
        await book(all_, fact)
        event = new_event(without_personal_fields(fact), source="/tills/gbrt", time=NOW)
        all_.archive._facts.clear()
        await archive(all_, event.data)
        assert await book(all_, returned(2, [back(1, 1, "10")])) == [Done()]

    async def test_records_of_points_name_no_card(self) -> None:
        all_ = await giving_points()
        await book(all_, sale(1, [line(1, "10")]))
        [record] = await all_.records.find("earned-points")
        assert CARD not in record.text + record.key


def order(fact: Fact, effect: str = "points", **changes: Any) -> ReversalOrdered:
    event = from_json(encode(new_event(fact, source="/tills/gbrt", time=NOW)))
    said = {"fact_id": fact.event_id, "effect": effect, "event": event, "reason": "half booked",
            "ordered_by": "kim", "ordered_at": NOW}  # fmt: skip
    return ReversalOrdered.model_validate(said | changes)


class TestReversal:
    async def test_what_is_left_of_a_sales_points_is_taken_back_once(self) -> None:
        all_ = await giving_points()
        fact = sale(1, [line(1, "10", "2")])
        await book(all_, fact, returned(2, [back(1, 1, "5", "1")]))
        await book(all_, returned(2, [back(1, 1, "5", "1")]))
        [outcome] = await reverse([delivery(order(fact))], all_)
        [again] = await reverse([delivery(order(fact))], all_)
        assert outcome == again
        assert documents(outcome)[0].fact_id == order(fact).event_id
        assert balance(all_) == 0
        await book(all_, returned(3, [back(1, 1, "5", "1")]))
        assert balance(all_) == 0, "a return after that takes nothing"

    async def test_reversing_a_return_gives_back_what_it_took(self) -> None:
        all_ = await giving_points()
        fact = returned(2, [back(1, 1, "5", "1")])
        await book(all_, sale(1, [line(1, "10", "2")]))
        await book(all_, fact)
        [outcome] = await reverse([delivery(order(fact))], all_)
        assert effects(outcome) == ["points"]
        assert balance(all_) == 10
        await book(all_, returned(3, [back(1, 1, "10", "2")]))
        assert balance(all_) == 0

    async def test_what_is_not_booked_cannot_be_taken_back(self) -> None:
        all_ = await giving_points()
        [outcome] = await reverse([delivery(order(sale(1, [line(1, "10")])))], all_)
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.NOT_REVERSIBLE

    async def test_effects_of_other_services_are_theirs(self) -> None:
        all_ = await giving_points()
        orders = [order(sale(1, [line(1, "10")]), effect) for effect in ("ledger", "stock")]
        assert await reverse([delivery(each) for each in orders], all_) == [Done()] * 2

    async def test_another_event_than_ordered_is_not_taken_back(self) -> None:
        all_ = await giving_points()
        fact = sale(1, [line(1, "10")])
        await book(all_, fact)
        other = order(sale(2, [line(1, "10")])).event
        wrong = [order(fact, event=other), order(fact, event={"what": "nothing"})]
        outcomes = await reverse([delivery(wrong[0])], all_)
        outcomes += await reverse([delivery(wrong[1])], all_)
        assert [getattr(each, "reason", None) for each in outcomes] == [Reason.NOT_REVERSIBLE] * 2


async def test_a_company_may_keep_points_in_finance_and_operations() -> None:
    all_ = await giving_points(knows_cards=True)
    all_.points.cards = {"LC-7"}
    settings = all_.companies[COMPANY].model_copy(update={"loyalty": "finance-operations"})
    all_.companies = {COMPANY: Company.model_validate(settings.model_dump())}
    unknown, known = await book(
        all_, sale(1, [line(1, "10")]), sale(2, [line(1, "10")], loyalty_card="LC-7")
    )
    assert isinstance(unknown, Parked)
    assert unknown.key == f"card/{COMPANY}/{CARD}"
    assert CARD not in unknown.missing
    assert documents(known)[0].document.system == "finance-operations"
