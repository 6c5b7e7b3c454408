"""Booking stock: one outcome per delivery, every change once, whatever happened before."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.inventory import handlers
from services.inventory.collaborators import Lane
from services.inventory.pruning import prune
from shared.bus import Done, Later, Outcome, Parked, Rejected
from shared.dynamics import (
    Conflict,
    DynamicsError,
    Failed,
    MissingParent,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.ports.stock import StockTransfer
from shared.events import Fact, Reason, ReversalOrdered, encode
from shared.events.envelope import BACKFILL
from shared.store.errors import StoreUnavailable
from shared.store.inbox import MemoryInbox
from shared.store.records import MemoryRecords
from tests.unit.inventory.dynamics import MemoryStock
from tests.unit.inventory.facts import (
    NOW,
    Collaborators,
    adjusted,
    counted,
    delivery,
    goods,
    returned,
    sale,
)

W1 = ("usrt", "S1", "W1", "20223", "")


@pytest.fixture
def stock() -> MemoryStock:
    return MemoryStock({W1: Decimal(20)})


async def book(all_: Collaborators, *facts: Fact, **envelope: Any) -> list[Outcome]:
    return await handlers.book([delivery(fact, **envelope) for fact in facts], all_)


def done(outcome: Outcome) -> Any:
    assert isinstance(outcome, Done), outcome
    assert outcome.document is not None
    return outcome.document


def rejected(outcome: Outcome, reason: Reason) -> str:
    assert isinstance(outcome, Rejected), outcome
    assert outcome.reason is reason
    return outcome.detail


async def test_a_sale_changes_the_stock_and_is_announced_once(stock: MemoryStock) -> None:
    all_ = Collaborators(stock)
    fact = sale(1, goods(1, 3), goods(2, 2, "A"))
    [first] = await book(all_, fact)
    [again] = await book(all_, fact)
    assert done(again) == done(first)
    assert (done(first).effect, done(first).amount) == ("stock", 0)
    assert (done(first).document.system, done(first).key) == ("inventory-visibility", fact.key)
    assert stock.there[W1] == 17
    assert stock.calls["change"] == 1


async def test_two_facts_of_one_delivery_go_in_one_call(stock: MemoryStock) -> None:
    all_ = Collaborators(stock)
    outcomes = await book(
        all_, *(sale(n, *(goods(line) for line in range(1, 11))) for n in range(1, 21))
    )
    assert all(isinstance(each, Done) for each in outcomes)
    assert stock.calls == {"change": 1}
    assert stock.there[W1] == 20 - 200


async def test_late_facts_go_in_the_lane_of_bulk(stock: MemoryStock) -> None:
    all_ = Collaborators(stock)
    used: list[Lane] = []

    class Watched(dict[Lane, Any]):
        def __getitem__(self, lane: Lane) -> Any:
            used.append(lane)
            return super().__getitem__(lane)

    all_.keepers = Watched(all_.keepers)
    await book(all_, sale(1))
    await book(all_, sale(2), lane=BACKFILL)
    assert [lane.late for lane in used] == [False, True]


async def test_what_is_no_goods_changes_nothing_and_is_done(stock: MemoryStock) -> None:
    all_ = Collaborators(stock)
    card = sale(1, goods(1, gift_card="GC-1"))
    no_book = sale(2, company="itrt")
    invoiced = sale(3, company="frrt")
    assert await book(all_, card, no_book, invoiced) == [Done(), Done(), Done()]
    assert not stock.booked


async def test_a_company_nobody_configured_is_rejected(stock: MemoryStock) -> None:
    [outcome] = await book(Collaborators(stock), sale(1, company="zzrt"))
    assert "zzrt" in rejected(outcome, Reason.UNKNOWN_COMPANY)


async def test_without_a_site_facts_wait_and_the_log_names_the_store(
    stock: MemoryStock, caplog: pytest.LogCaptureFixture
) -> None:
    [outcome] = await book(Collaborators(stock), sale(1, company="gbrt"))
    assert isinstance(outcome, Later)
    assert "no site for store W1 of gbrt" in caplog.text


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TryLater("busy", timedelta(minutes=2)), Later("busy", NOW + timedelta(minutes=2))),
        (SetUpWrong("no access"), Later("no access", None)),
        (MissingParent("no item B"), Parked("item/usrt/B", "no item B")),
        (MissingParent("no warehouse W1"), Parked("store/usrt/W1", "no warehouse W1")),
        (MissingParent("no item X"), Parked("item/usrt/X", "no item X")),
        (MissingParent("nobody knows"), Parked("item/usrt/A", "nobody knows")),
    ],
)
async def test_each_failure_has_the_outcome_that_can_help_it(
    stock: MemoryStock, error: DynamicsError, expected: Outcome
) -> None:
    all_ = Collaborators(stock)
    stock.errors["B"] = error
    exchange = sale(1, goods(1, 3, "A"), goods(2, 1, "B"), exchanged_lines=[goods(3, 1, "X")])
    failed, fine = await book(all_, exchange, sale(2))
    assert failed == expected
    assert done(fine)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Refused("blocked"), Reason.REFUSED_BY_DYNAMICS),
        (Conflict("other"), Reason.DOCUMENT_DIFFERS),
    ],
)
async def test_a_refused_line_rejects_its_fact_and_says_what_is_booked(
    stock: MemoryStock, error: DynamicsError, reason: Reason
) -> None:
    stock.errors["B"] = error
    [outcome] = await book(Collaborators(stock), sale(1, goods(1, 1, "A"), goods(2, 1, "B")))
    assert "1 of 2 lines are booked, 1 are not" in rejected(outcome, reason)


async def test_a_fact_booked_in_part_is_completed_without_booking_a_line_twice(
    stock: MemoryStock,
) -> None:
    all_ = Collaborators(stock)
    stock.errors["B"] = MissingParent("no item B")
    fact = sale(1, goods(1, 3), goods(2, 1, "B"))
    await book(all_, fact)
    stock.errors.clear()
    [outcome] = await book(all_, fact)
    assert done(outcome)
    assert stock.there[W1] == 17
    assert len(stock.booked) == 2


async def test_a_correction_of_what_is_booked_is_rejected(stock: MemoryStock) -> None:
    all_ = Collaborators(stock)
    await book(all_, adjusted("D1", 4))
    [outcome] = await book(all_, adjusted("D1", 5, revision=2))
    assert "correct it by an adjustment" in rejected(outcome, Reason.DOCUMENT_DIFFERS)
    assert stock.there[W1] == 24


async def test_a_correction_of_a_fact_booked_in_part_does_not_book_its_lines_again(
    stock: MemoryStock,
) -> None:
    all_ = Collaborators(stock)
    stock.errors["B"] = Refused("blocked")

    def of(quantity: int, **changes: Any) -> Fact:
        lines = [
            {"number": 1, "item": "20223", "quantity": str(quantity)},
            {"number": 2, "item": "B", "quantity": "1"},
        ]
        return adjusted("D1", 0, lines=lines, **changes)

    await book(all_, of(4))
    stock.errors.clear()
    [outcome] = await book(all_, of(5, revision=1))
    rejected(outcome, Reason.DOCUMENT_DIFFERS)
    assert stock.there[W1] == 24


async def test_without_the_store_facts_wait_and_nothing_is_sent(stock: MemoryStock) -> None:
    class Unavailable(MemoryInbox):
        async def results(self, fact_ids: Any) -> Any:
            raise StoreUnavailable("no database")

    class NoRecords(MemoryRecords):
        async def write(self, records: Any) -> Any:
            raise StoreUnavailable("no database")

    for all_ in (
        Collaborators(stock, inbox=Unavailable()),
        Collaborators(stock, records=NoRecords()),
    ):
        for fact in (sale(1), sale(2, revision=1), counted("C1", 3)):
            [outcome] = await book(all_, fact)
            assert isinstance(outcome, Later)
    assert not stock.booked


async def test_a_count_is_booked_as_the_difference(stock: MemoryStock) -> None:
    all_ = Collaborators(stock)
    [outcome] = await book(all_, counted("C1", 18, at=10))
    assert done(outcome).document.key == next(iter(stock.booked))
    assert stock.there[W1] == 18
    [entry] = stock.booked.values()
    assert entry.quantity == -2
    assert stock.calls["count"] == 0


async def test_what_was_sold_after_a_count_is_taken_from_it_and_what_was_before_is_part_of_it(
    stock: MemoryStock,
) -> None:
    all_ = Collaborators(stock)
    await book(all_, sale(1, goods(1, 3), at=20))
    await book(all_, counted("C1", 18, at=10))
    [late] = await book(all_, sale(2, goods(1, 2), at=5))
    assert done(late).already_there
    assert done(late).document.key.startswith("count ")
    assert stock.there[W1] == 15


async def test_an_older_count_that_comes_late_is_part_of_the_newer_one(stock: MemoryStock) -> None:
    all_ = Collaborators(stock)
    await book(all_, counted("C2", 7, at=20))
    [outcome] = await book(all_, counted("C1", 18, at=10))
    assert done(outcome).document.key.startswith("count ")
    assert stock.there[W1] == 7


async def test_a_count_that_finds_no_difference_is_booked_without_a_change(
    stock: MemoryStock,
) -> None:
    [outcome] = await book(Collaborators(stock), counted("C1", 20))
    assert done(outcome).document.key == "no difference"
    assert not stock.booked


async def test_a_count_whose_later_movements_are_forgotten_is_rejected_and_a_newer_one_is_not(
    stock: MemoryStock,
) -> None:
    all_ = Collaborators(stock)
    await book(all_, sale(1, goods(1, 3), at=10))
    await prune(all_.records, NOW + timedelta(days=40), timedelta(days=35))
    older, newer, elsewhere = await book(
        all_, counted("C1", 18, at=9), counted("C2", 18, at=10), counted("C3", 1, store="W2")
    )
    assert "STOCK_HORIZON" in rejected(older, Reason.NOT_BOOKABLE_HERE)
    assert done(newer)
    assert done(elsewhere)
    assert stock.there[W1] == 18


async def test_a_count_waits_while_dynamics_cannot_say_what_is_there(stock: MemoryStock) -> None:
    all_ = Collaborators(stock)
    stock.unreadable = TryLater("busy", timedelta(seconds=30))
    [outcome] = await book(all_, counted("C1", 18))
    assert outcome == Later("busy", NOW + timedelta(seconds=30))
    stock.unreadable = None
    [outcome] = await book(all_, counted("C1", 18))
    assert done(outcome)
    assert stock.there[W1] == 18


async def test_a_correction_dynamics_refused_is_decided_anew_when_it_comes_again(
    stock: MemoryStock,
) -> None:
    all_ = Collaborators(stock)
    stock.errors["20223"] = Refused("blocked")
    rejected((await book(all_, counted("C1", 18, at=10)))[0], Reason.REFUSED_BY_DYNAMICS)
    stock.errors.clear()
    await book(all_, sale(1, goods(1, 2), at=5), sale(2, goods(1, 1), at=15))
    await book(all_, counted("C1", 18, at=10))
    assert stock.there[W1] == 17


async def test_while_a_newer_count_is_refused_the_one_before_still_holds(
    stock: MemoryStock,
) -> None:
    all_ = Collaborators(stock)
    await book(all_, counted("C1", 18, at=10))
    stock.errors["20223"] = Refused("blocked")
    rejected((await book(all_, counted("C2", 25, at=20)))[0], Reason.REFUSED_BY_DYNAMICS)
    stock.errors.clear()
    before, between = await book(all_, sale(1, goods(1, 2), at=5), sale(2, goods(1, 1), at=15))
    assert done(before).document.key.startswith("count ")
    assert done(between)
    assert stock.there[W1] == 17


async def test_of_a_transfer_dynamics_refuses_a_count_absorbs_its_half_alone(
    stock: MemoryStock,
) -> None:
    all_ = Collaborators(stock)
    transfer = adjusted("D1", 2, at=5, company="dert", kind="transferred", to_store="W2")
    open_period = MemoryStock.book

    def closed_period(entry: Any) -> Any:
        if isinstance(entry, StockTransfer):
            return Failed(Refused("the period is closed"))
        return open_period(stock, entry)

    stock.book = closed_period  # type: ignore[method-assign]
    rejected((await book(all_, transfer))[0], Reason.REFUSED_BY_DYNAMICS)
    assert done((await book(all_, counted("C1", 9, at=10, company="dert")))[0])
    stock.book = lambda entry: open_period(stock, entry)  # type: ignore[method-assign]
    assert done((await book(all_, transfer))[0])
    there = {at[2]: quantity for at, quantity in stock.there.items() if at[0] == "dert"}
    assert there == {"W1": 9, "W2": 2}


async def test_a_movement_dynamics_never_takes_does_not_hold_up_the_count_it_is_part_of(
    stock: MemoryStock,
) -> None:
    all_ = Collaborators(stock)

    def refuse_sales(entry: Any) -> Any:
        if entry.quantity == -3:
            return Failed(Refused("the period is closed"))
        return MemoryStock.book(stock, entry)

    stock.book = refuse_sales  # type: ignore[method-assign]
    [outcome] = await book(all_, sale(1, goods(1, 3), at=5))
    rejected(outcome, Reason.REFUSED_BY_DYNAMICS)
    [outcome] = await book(all_, counted("C1", 18, at=10))
    assert done(outcome)
    assert stock.there[W1] == 18
    [outcome] = await book(all_, sale(1, goods(1, 3), at=5))
    assert done(outcome).document.key.startswith("count ")
    assert stock.there[W1] == 18


async def test_a_whole_store_is_counted_with_a_handful_of_calls(stock: MemoryStock) -> None:
    calls: list[str] = []

    class Watched(MemoryRecords):
        async def read(self, kind: str, keys: Any) -> Any:
            calls.append("read")
            return await super().read(kind, keys)

        async def find(self, kind: str, **wanted: Any) -> Any:
            calls.append("find")
            return await super().find(kind, **wanted)

        async def write(self, records: Any) -> Any:
            calls.append("write")
            return await super().write(records)

    lines = [{"number": n, "item": f"I{n}", "quantity": str(n % 7)} for n in range(1, 1001)]
    [outcome] = await book(
        Collaborators(stock, records=Watched()), counted("C1", 0, at=10, lines=lines)
    )
    assert done(outcome)
    assert stock.calls == {"on_hand": 1, "change": 2}
    assert len(calls) <= 20
    assert sum(stock.there.values()) - 20 == sum(n % 7 for n in range(1, 1001))


async def test_where_what_is_written_does_not_show_counts_are_absolute(stock: MemoryStock) -> None:
    all_ = Collaborators(stock, options={"posts_journals": False})
    fact = counted("C1", 18, company="dert")
    [outcome] = await book(all_, fact)
    assert done(outcome).document.entity_set == "InventoryCountingJournalHeaders"
    assert stock.calls == {"count": 1}


@pytest.mark.parametrize(
    ("fact", "entity_set"),
    [
        (adjusted("D1", 1, company="dert"), "InventoryAdjustmentJournalHeaders"),
        (adjusted("D1", 1, company="dert", kind="received"), "InventoryMovementJournalHeaders"),
        (
            adjusted("D1", 1, company="dert", kind="transferred", to_store="W2"),
            "InventoryTransferJournalHeaders",
        ),
        (counted("D1", 1, company="dert"), "InventoryAdjustmentJournalHeaders"),
        (sale(1, company="dert"), "InventoryMovementJournalHeaders"),
        (returned(1, company="dert"), "InventoryMovementJournalHeaders"),
        (adjusted("D1", 1, company="frrt"), "stockMovements"),
        (adjusted("D1", 1), "onhand"),
    ],
)
async def test_the_announcement_says_where_the_document_is(
    stock: MemoryStock, fact: Fact, entity_set: str
) -> None:
    options = {"offset_account": "600100"} if getattr(fact, "place", ("",))[0] == "dert" else {}
    all_ = Collaborators(stock, options=options)
    [outcome] = await book(all_, fact)
    assert done(outcome).document.entity_set == entity_set


async def test_a_transfer_is_one_document_unless_a_count_has_seen_one_half(
    stock: MemoryStock,
) -> None:
    all_ = Collaborators(stock)
    whole = adjusted("D1", 2, at=5, company="dert", kind="transferred", to_store="W2")
    half = adjusted("D2", 2, at=5, company="dert", kind="transferred", to_store="W3")
    await book(all_, counted("C1", 9, at=10, company="dert", store="W3"))
    await book(all_, whole, half)
    assert stock.calls["transfer"] == 1
    there = {at[2]: quantity for at, quantity in stock.there.items() if at[0] == "dert"}
    assert there == {"W1": -4, "W2": 2, "W3": 9}


def ordered(fact: Fact, effect: str = "stock", **changes: Any) -> ReversalOrdered:
    return ReversalOrdered.model_validate(
        {
            "fact_id": fact.event_id,
            "effect": effect,
            "event": json.loads(encode(delivery(fact).event)),
            "reason": "refused elsewhere",
            "ordered_by": "ops",
            "ordered_at": NOW,
        }
        | changes
    )


async def take_back(all_: Collaborators, order: ReversalOrdered) -> Outcome:
    [outcome] = await handlers.take_back([delivery(order)], all_)
    return outcome


async def test_what_is_taken_back_is_as_if_it_had_not_been(stock: MemoryStock) -> None:
    all_ = Collaborators(stock)
    fact = sale(1, goods(1, 3))
    await book(all_, fact)
    for _ in range(2):
        outcome = await take_back(all_, ordered(fact))
    assert (done(outcome).effect, done(outcome).fact_id) == ("stock", ordered(fact).event_id)
    assert stock.there[W1] == 20


async def test_a_count_in_between_has_seen_that_the_change_was_none(stock: MemoryStock) -> None:
    all_ = Collaborators(stock)
    fact = sale(1, goods(1, 3), at=5)
    await book(all_, fact)
    await book(all_, counted("C1", 20, at=10))
    await take_back(all_, ordered(fact))
    assert stock.there[W1] == 20


async def test_other_effects_are_other_services_business(stock: MemoryStock) -> None:
    assert await take_back(Collaborators(stock), ordered(sale(1), "ledger")) == Done()


async def test_what_is_not_booked_or_cannot_be_undone_is_not_reversible(
    stock: MemoryStock,
) -> None:
    all_ = Collaborators(stock)
    fact, count = sale(1), counted("C1", 3)
    rejected(await take_back(all_, ordered(fact)), Reason.NOT_REVERSIBLE)
    await book(all_, fact, count)
    for order in (
        ordered(count),
        ordered(fact, event={}),
        ordered(fact, event=ordered(sale(2)).event),
    ):
        rejected(await take_back(all_, order), Reason.NOT_REVERSIBLE)
    assert stock.there[W1] == 3


async def test_nothing_delivered_is_nothing_booked(stock: MemoryStock) -> None:
    assert await book(Collaborators(stock)) == []
