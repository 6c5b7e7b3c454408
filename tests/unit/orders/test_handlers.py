"""Orders from their placing to their end: what is booked, and what the shop is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.orders.handlers import book_orders
from shared.bus import Done, Later, Outcome, Parked, Rejected
from shared.dynamics import MissingParent, Refused, SetUpWrong, TryLater
from shared.dynamics.claims import LEASE
from shared.dynamics.ports.master_data import Credit, Price
from shared.events import Fact, OrderStatusChanged, Reason
from shared.store import StoreUnavailable
from shared.store.parking import ParkedFact
from tests.unit.orders.facts import NOW, cancelled, changed, delivery, line, paid, placed
from tests.unit.orders.world import Crash, Dynamics, Shared, Worker


@pytest.fixture(params=[False, True], ids=["keeps", "forgets"])
def shared(request: pytest.FixtureRequest) -> Shared:
    """A product that keeps what is cancelled, and one that forgets it."""
    return Shared(Dynamics(forgets=request.param))


async def take(shared: Shared, fact: Fact, waited_out: str | None = None) -> Outcome:
    """Hand a fact to a worker that has just started."""
    return await Worker(shared).take(delivery(fact, waited_out))


def told(outcome: Outcome) -> OrderStatusChanged:
    assert isinstance(outcome, Done), outcome
    [status] = outcome.also
    assert isinstance(status, OrderStatusChanged)
    return status


def booked(outcome: Outcome) -> Any:
    assert isinstance(outcome, Done), outcome
    assert outcome.document is not None
    return outcome.document


def totals(shared: Shared, order: str = "W-1") -> list[str]:
    return [str(sale.total) for sale in shared.dynamics.standing(order)]


async def test_an_order_is_booked_announced_and_confirmed_with_its_number(shared: Shared) -> None:
    outcome = await take(shared, placed("12.50"))
    assert (booked(outcome).effect, str(booked(outcome).amount)) == ("order", "12.50")
    status = told(outcome)
    assert (status.status, status.version, status.document) == ("confirmed", 0, "SO-1")
    assert totals(shared) == ["12.50"]


async def test_a_repetition_says_the_same_although_the_world_has_changed(shared: Shared) -> None:
    shared.dynamics.credits["C-1001"] = Credit(Decimal(100), Decimal(0), on_hold=False)
    first = await take(shared, placed("80.00", on_account=True))
    shared.dynamics.credits["C-1001"] = Credit(Decimal(100), Decimal(90), on_hold=True)
    shared.now += timedelta(hours=1)
    calls = len(shared.dynamics.calls)
    again = await take(shared, placed("80.00", on_account=True))
    assert again == first
    assert len(shared.dynamics.calls) == calls
    assert told(again).event_id == told(first).event_id


async def test_what_was_accepted_is_booked_after_a_crash_although_the_world_has_changed(
    shared: Shared,
) -> None:
    async def dies() -> None:
        raise Crash

    shared.dynamics.after = dies
    with pytest.raises(Crash):
        await take(shared, placed("80.00", on_account=True))
    shared.dynamics.after = None
    shared.dynamics.credits["C-1001"] = Credit(Decimal(0), Decimal(0), on_hold=True)
    shared.now += LEASE
    assert told(await take(shared, placed("80.00", on_account=True))).status == "confirmed"
    assert totals(shared) == ["80.00"]


async def test_a_cancelling_takes_back_what_a_crash_left_unsaid(shared: Shared) -> None:
    async def dies() -> None:
        raise Crash

    shared.dynamics.after = dies
    with pytest.raises(Crash):
        await take(shared, placed())
    shared.dynamics.after = None
    shared.now += LEASE
    assert told(await take(shared, cancelled())).status == "cancelled"
    assert totals(shared) == []
    assert told(await take(shared, placed())).status == "cancelled"


async def test_one_worker_at_a_time_is_at_work_on_an_order() -> None:
    shared = Shared()
    await take(shared, placed())
    writing, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        writing.set()
        await go_on.wait()

    shared.dynamics.before = slow
    first = asyncio.create_task(take(shared, changed(1, "20.00")))
    await writing.wait()
    shared.dynamics.before = None
    second = await take(shared, changed(2, "30.00"))
    assert isinstance(second, Later)
    go_on.set()
    assert told(await first).version == 1
    assert told(await take(shared, changed(2, "30.00"))).version == 2
    assert totals(shared) == ["30.00"]


async def test_a_declined_order_stays_declined_when_there_is_credit_again(shared: Shared) -> None:
    shared.dynamics.credits["C-1001"] = Credit(Decimal(100), Decimal(90), on_hold=False)
    first = await take(shared, placed("10.01", on_account=True))
    assert (told(first).status, told(first).reason) == ("declined", "credit-limit")
    assert isinstance(first, Done)
    assert first.document is None
    shared.dynamics.credits["C-1001"] = Credit(None, None, on_hold=False)
    assert await take(shared, placed("10.01", on_account=True)) == first
    assert totals(shared) == []


@pytest.mark.parametrize(
    ("credit", "status"),
    [
        (Credit(Decimal(100), Decimal(90), on_hold=False), "confirmed"),
        (Credit(Decimal(100), Decimal("90.01"), on_hold=False), "declined"),
        (Credit(None, Decimal(5000), on_hold=False), "confirmed"),
        (Credit(Decimal(10), None, on_hold=False), "confirmed"),
        (Credit(Decimal("9.99"), None, on_hold=False), "declined"),
        (Credit(None, None, on_hold=True), "declined"),
    ],
)
async def test_credit_is_what_the_limit_leaves(credit: Credit, status: str) -> None:
    shared = Shared()
    shared.dynamics.credits["C-1001"] = credit
    assert told(await take(shared, placed("10.00", on_account=True))).status == status


async def test_an_order_that_is_paid_at_once_asks_for_no_credit() -> None:
    shared = Shared()
    await take(shared, placed())
    assert shared.dynamics.calls == ["post W-1/0"]


async def test_credit_in_another_currency_than_the_orders_is_no_credit() -> None:
    shared = Shared()
    order = placed("10.00", company="gbrt", currency="EUR", on_account=True)
    shared.dynamics.credits["C-1001"] = Credit(Decimal(5000), Decimal(0), on_hold=False)
    status = told(await take(shared, order))
    assert (status.reason, status.detail) == (
        "credit-limit",
        "Credit is kept in GBP, the order is in EUR.",
    )


async def test_a_price_that_is_not_the_agreed_one_is_named_line_by_line(shared: Shared) -> None:
    shared.dynamics.agreed = [Price("dert", "20117", Decimal(8), "EUR", customer="C-1001")]
    lines = (line("8.00"), line("10.00", 2, discount="2.00"), line("9.00", 3))
    status = told(await take(shared, placed("25.00", lines=lines, contract_price=True)))
    assert (status.status, status.reason) == ("declined", "price-differs")
    assert status.detail == "line 3: 9.00 ordered, 8.00 in Dynamics for item 20117"
    assert totals(shared) == []


async def test_an_article_number_that_looks_like_a_card_number_is_masked_in_the_answer() -> None:
    shared = Shared()
    item = "30569309025904"
    shared.dynamics.cards[item] = Decimal(5)
    lines = (line("6.00", item=item),)
    status = told(await take(shared, placed("6.00", lines=lines, contract_price=True)))
    assert status.reason == "price-differs"
    assert item not in status.detail


async def test_a_change_replaces_what_stands(shared: Shared) -> None:
    await take(shared, placed("10.00"))
    outcome = await take(shared, changed(1, "30.00"))
    status = told(outcome)
    assert (status.status, status.version, status.document) == (
        "changed",
        1,
        booked(outcome).document.key,
    )
    assert totals(shared) == ["30.00"]
    assert shared.dynamics.most_at_once == 1


async def test_a_change_that_is_declined_leaves_what_stands(shared: Shared) -> None:
    shared.dynamics.credits["C-1001"] = Credit(Decimal(50), None, on_hold=False)
    await take(shared, placed("10.00", on_account=True))
    declined = told(await take(shared, changed(1, "60.00", on_account=True)))
    assert (declined.status, declined.version) == ("declined", 1)
    assert totals(shared) == ["10.00"]
    assert told(await take(shared, changed(2, "40.00", on_account=True))).status == "changed"
    assert totals(shared) == ["40.00"]


async def test_a_change_may_make_a_declined_order_acceptable(shared: Shared) -> None:
    shared.dynamics.credits["C-1001"] = Credit(Decimal(50), None, on_hold=False)
    await take(shared, placed("60.00", on_account=True))
    assert told(await take(shared, changed(1, "50.00", on_account=True))).status == "changed"
    assert totals(shared) == ["50.00"]


async def test_an_older_change_loses_and_the_shop_is_not_told_of_it(
    shared: Shared, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tillbus.orders")
    await take(shared, placed())
    await take(shared, changed(2, "30.00"))
    late = await take(shared, changed(1, "20.00"))
    assert late == Done()
    assert totals(shared) == ["30.00"]
    assert "Version 1 of order dert/W-1 came after version 2" in caplog.text


async def test_a_change_waits_for_its_placing_and_is_released_by_it(shared: Shared) -> None:
    early = await take(shared, changed(1))
    assert isinstance(early, Parked)
    assert early.key == "order/dert/W-1"
    await park(shared, early.key)
    await take(shared, placed())
    assert [fact.released_at for fact in await shared.parking.facts()] == [NOW]


async def test_nothing_is_given_up_for_a_change_that_dynamics_cannot_take(shared: Shared) -> None:
    await take(shared, placed())
    lines = (line("20.00", item="unheard-of"),)
    waits = await take(shared, changed(1, "20.00", lines=lines))
    assert isinstance(waits, Parked)
    assert waits.key == "item/dert/unheard-of"
    shared.dynamics.credits["C-1001"] = Credit(None, None, on_hold=True)
    assert told(await take(shared, changed(2))).reason == "customer-on-hold"
    assert totals(shared) == ["10.00"]


async def test_what_is_invoiced_is_neither_changed_nor_cancelled(shared: Shared) -> None:
    await take(shared, placed())
    [sale] = shared.dynamics.standing("W-1")
    sale.state = "Invoiced"
    for fact in (changed(1), cancelled(), changed(2)):
        outcome = await take(shared, fact)
        assert (told(outcome).status, told(outcome).reason) == ("declined", "too-late")
        assert await take(shared, fact) == outcome
    assert totals(shared) == ["10.00"]


async def test_what_is_delivered_is_not_even_tried_to_be_cancelled() -> None:
    shared = Shared()
    await take(shared, placed())
    [sale] = shared.dynamics.standing("W-1")
    sale.state = "Delivered"
    assert told(await take(shared, cancelled())).reason == "too-late"
    assert "cancel W-1/0" not in shared.dynamics.calls


async def test_cancelling_takes_the_order_back_and_its_amount_with_it(shared: Shared) -> None:
    await take(shared, placed("10.00"))
    await take(shared, changed(1, "30.00"))
    outcome = await take(shared, cancelled())
    assert (told(outcome).status, told(outcome).version) == ("cancelled", 1)
    assert str(booked(outcome).amount) == "-30.00"
    assert totals(shared) == []
    assert await take(shared, cancelled()) == outcome


async def test_a_cancelling_that_overtakes_its_placing_is_remembered(shared: Shared) -> None:
    first = await take(shared, cancelled())
    assert isinstance(first, Done)
    assert first.document is None
    shared.now += timedelta(hours=1)
    late = await take(shared, placed())
    assert told(late) == told(first)
    assert shared.dynamics.calls == []
    after = told(await take(shared, changed(1)))
    assert (after.status, after.reason, after.detail) == (
        "declined",
        "too-late",
        "The order is cancelled.",
    )


async def test_a_refused_cancelling_of_an_open_order_is_a_matter_for_people(
    shared: Shared,
) -> None:
    await take(shared, placed())
    shared.dynamics.errors["cancel W-1/0"] = Refused("The period is closed.")
    outcome = await take(shared, cancelled())
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.REFUSED_BY_DYNAMICS
    del shared.dynamics.errors["cancel W-1/0"]
    assert told(await take(shared, cancelled())).status == "cancelled"


async def test_a_payment_waits_for_its_order_and_is_booked_once(shared: Shared) -> None:
    early = await take(shared, paid("4.00"))
    assert isinstance(early, Parked)
    assert early.key == "order/dert/W-1"
    await take(shared, placed())
    for _ in range(2):
        outcome = await take(shared, paid("4.00"))
        assert (booked(outcome).effect, str(booked(outcome).amount)) == ("payment", "4.00")
    [payment] = shared.dynamics.paid.values()
    assert (payment.key, payment.applies_to) == ("W-1/P-1", "")


async def test_a_payment_names_the_invoice_where_the_product_can(shared: Shared) -> None:
    await take(shared, placed())
    [sale] = shared.dynamics.standing("W-1")
    sale.state = "Invoiced"
    await take(shared, paid())
    [payment] = shared.dynamics.paid.values()
    assert payment.applies_to == ("W-1/0" if shared.dynamics.forgets else "")


@pytest.mark.parametrize("end", [cancelled(), placed("60.00", on_account=True)], ids=["c", "d"])
async def test_money_taken_for_an_order_that_is_not_to_be_is_booked_on_account(
    shared: Shared, end: Fact
) -> None:
    shared.dynamics.credits["C-1001"] = Credit(Decimal(50), None, on_hold=False)
    await take(shared, end)
    assert booked(await take(shared, paid())).effect == "payment"


async def test_a_payment_waits_while_its_order_is_only_accepted(shared: Shared) -> None:
    shared.dynamics.errors["W-1/0"] = TryLater("busy", timedelta(seconds=30))
    later = await take(shared, placed())
    assert isinstance(later, Later)
    assert later.not_before == NOW + timedelta(seconds=30)
    assert isinstance(await take(shared, paid()), Parked)


@pytest.mark.parametrize("on_account", [True, False])
async def test_an_unknown_customer_is_waited_for_and_then_declined(
    shared: Shared, on_account: bool
) -> None:
    order = placed(customer="C-9", on_account=on_account)
    waits = await take(shared, order)
    assert isinstance(waits, Parked)
    assert waits.key == "customer/dert/C-9"
    outcome = await take(shared, order, waited_out=waits.key)
    assert (told(outcome).status, told(outcome).reason) == ("declined", "unknown-customer")
    assert booked(await take(shared, paid(customer="C-9"))).effect == "payment"


async def test_an_unknown_item_is_waited_for_by_its_key(shared: Shared) -> None:
    order = placed(lines=(line("10.00", item="new"),))
    waits = await take(shared, order)
    assert isinstance(waits, Parked)
    assert waits.key == "item/dert/new"
    again = await take(shared, order, waited_out=waits.key)
    assert isinstance(again, Parked), "which the bus makes a dead letter of, master-data-missing"
    shared.dynamics.cards["new"] = Decimal(1)
    assert told(await take(shared, order)).status == "confirmed"


async def test_a_customer_on_hold_is_a_business_answer_also_when_posting_says_so(
    shared: Shared,
) -> None:
    shared.dynamics.credits["C-1001"] = Credit(None, None, on_hold=True)
    shared.dynamics.errors["W-1/0"] = Refused("Customer C-1001 is on hold for all transactions.")
    assert told(await take(shared, placed())).reason == "customer-on-hold"


async def test_what_dynamics_refuses_becomes_a_dead_letter_and_can_be_replayed(
    shared: Shared,
) -> None:
    shared.dynamics.errors["W-1/0"] = Refused("The item is blocked.")
    refused = await take(shared, placed())
    assert isinstance(refused, Rejected)
    assert refused.reason is Reason.REFUSED_BY_DYNAMICS
    shared.dynamics.errors.clear()
    assert told(await take(shared, placed())).status == "confirmed"


async def test_other_content_under_a_known_id_is_refused(shared: Shared) -> None:
    await take(shared, placed("10.00"))
    await take(shared, cancelled())
    for other in (placed("11.00"), cancelled(reason="changed my mind")):
        outcome = await take(shared, other)
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.DOCUMENT_DIFFERS


async def test_companies_and_currencies_that_are_not_ours_cost_no_call(shared: Shared) -> None:
    unknown, foreign = placed(company="zzrt"), placed(currency="USD")
    outcomes = [await take(shared, fact) for fact in (unknown, foreign, paid(company="zzrt"))]
    outcomes += [await take(shared, cancelled(company="zzrt"))]
    assert [getattr(each, "reason", None) for each in outcomes] == [
        Reason.UNKNOWN_COMPANY,
        Reason.UNKNOWN_CURRENCY,
        Reason.UNKNOWN_COMPANY,
        Reason.UNKNOWN_COMPANY,
    ]
    assert shared.dynamics.calls == []


async def test_two_workers_with_the_same_order_book_it_once(shared: Shared) -> None:
    fact = delivery(placed())
    outcomes = await asyncio.gather(*(Worker(shared).take(fact) for _ in range(3)))
    assert totals(shared) == ["10.00"]
    assert {type(outcome) for outcome in outcomes} <= {Done, Later}
    assert len({str(told(each)) for each in outcomes if isinstance(each, Done)}) == 1


async def test_orders_of_a_batch_are_answered_in_its_order_versions_in_theirs(
    shared: Shared,
) -> None:
    worker = Worker(shared)
    await take(shared, placed(order="W-1"))
    await take(shared, placed(order="W-2"))
    facts = [changed(2, "32.00"), changed(1, "41.00", order="W-2"), changed(1, "31.00")]
    outcomes = await book_orders([delivery(fact) for fact in facts], worker)
    assert [told(each).version for each in outcomes] == [2, 1, 1]
    assert (totals(shared, "W-1"), totals(shared, "W-2")) == (["32.00"], ["41.00"])


async def test_without_its_store_nothing_is_decided(shared: Shared) -> None:
    shared.records.error = StoreUnavailable("no database")
    outcomes = [await take(shared, fact) for fact in (placed(), cancelled(), paid())]
    assert {type(outcome) for outcome in outcomes} == {Later}
    assert shared.dynamics.calls == []


async def test_a_cancelling_service_that_is_not_set_up_is_waited_for() -> None:
    shared = Shared()
    await take(shared, placed())
    shared.dynamics.errors["cancel W-1/0"] = SetUpWrong("No custom service is set for 'cancel'.")
    assert isinstance(await take(shared, cancelled()), Later)
    assert isinstance(await take(shared, changed(1)), Later)
    assert totals(shared) == ["10.00"]


async def test_what_lacks_a_store_waits_for_it() -> None:
    shared = Shared()
    shared.dynamics.errors["W-1/0"] = MissingParent("There is no location in Dynamics.")
    waits = await take(shared, placed(store="BERLIN"))
    assert isinstance(waits, Parked)
    assert waits.key == "store/dert/BERLIN"


async def test_the_record_holds_no_personal_data(shared: Shared) -> None:
    await take(shared, placed(customer="C-1001", on_account=True))
    [record] = await shared.records.find("order")
    assert record.state == "booked"
    assert "C-1001" not in record.text


async def park(shared: Shared, key: str) -> None:
    """Put something aside under a key, as the bus does."""
    fact = changed(1)
    await shared.parking.park(
        [
            ParkedFact(
                fact_id=fact.event_id,
                topic="order-changed",
                subscription="orders",
                key=key,
                missing="",
                body=b"",
                properties={},
                subject="",
                attempt=1,
                times=1,
                history="",
                first_seen=NOW,
                parked_at=NOW,
                deadline=NOW + timedelta(days=3),
            )
        ]
    )
