from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.completeness import api, handlers
from services.completeness.certificate import Verdict
from services.completeness.certify import certify
from services.completeness.effects import refused_effect
from services.completeness.mapping import noted
from shared.events import (
    CashMoved,
    CustomerUpdated,
    DocumentPosted,
    DocumentRef,
    DocumentRejected,
    PaymentCaptured,
    Reason,
    ReversalOrdered,
    SaleCompleted,
)
from shared.store import DayFilter, Entries, MemoryLedger, StoreDay
from shared.store.effects import ABOUT_THE_MESSAGE

from .conftest import Collaborators, deliveries, document, sale
from .days import DAY, NOON, Transaction, closing, transactions


def refusal(
    transaction: Transaction,
    subscription: str = "customers",
    reason: Reason = Reason.MASTER_DATA_MISSING,
    **changes: Any,
) -> DocumentRejected:
    return DocumentRejected(
        fact_id=transaction.fact_id,
        fact_type=transaction.fact_type,
        key=transaction.key,
        message_id=str(transaction.fact_id),
        subscription=subscription,
        reason=reason,
        detail="there is no such loyalty card",
        rejected_at=NOON,
    ).model_copy(update=changes)


def effect(transaction: Transaction, name: str) -> DocumentPosted:
    changes = {"effect": name, "amount": Decimal(0), "currency": None}
    return document(transaction).model_copy(update=changes)


def reversal(transaction: Transaction, name: str, amount: str = "0") -> DocumentPosted:
    order = ReversalOrdered(
        fact_id=transaction.fact_id,
        effect=name,
        reason="points cannot be booked",
        ordered_by="olga",
        ordered_at=NOON,
    )
    return DocumentPosted(
        fact_id=order.event_id,
        fact_type=ReversalOrdered.TYPE,
        effect=name,
        subject=order.natural_key(),
        document=DocumentRef(
            system="finance-operations", company="usrt", entity_set="Some", key="R1"
        ),
        amount=Decimal(amount),
        currency="USD",
        posted_at=NOON,
    )


@pytest.fixture
async def half(collaborators: Collaborators) -> Collaborators:
    """A closed day of two sales, whole but for the points of the first."""
    first, second = day = transactions(["5.00", "7.00"])
    facts = [*map(sale, day), *map(document, day), effect(second, "points"), closing(day)]
    await handlers.witness(deliveries(*facts, refusal(first)), collaborators)
    return collaborators


FIRST = transactions(["5.00", "7.00"])[0]


async def test_a_fact_booked_in_one_place_and_refused_in_another_is_visible_everywhere(
    half: Collaborators,
) -> None:
    [certificate] = await handlers.evaluate(half)
    answer = json.loads((await api.list_half_booked({}, half)).body())

    assert certificate.verdict is Verdict.INCOMPLETE
    assert certificate.reasons == (
        "half-booked, ledger yes, points (master-data-missing) no: T1/1",
    )
    [listed] = certificate.half_booked
    assert (listed.terminal, listed.sequence, listed.fact_id) == ("T1", 1, FIRST.fact_id)
    assert certificate.rejected == ()
    [told] = answer["half_booked"]
    assert told["key"]["sequence"] == 1
    assert [each["effect"] for each in told["booked"]] == ["ledger"]
    assert told["refused"][0]["detail"] == "there is no such loyalty card"


async def test_it_is_whole_once_the_refused_effect_is_booked(half: Collaborators) -> None:
    await handlers.witness(deliveries(effect(FIRST, "points")), half)

    [certificate] = await handlers.evaluate(half)
    assert certificate.verdict is Verdict.BALANCED
    assert await half.ledger.half_booked(DayFilter(), 10) == []


async def test_money_taken_back_on_order_is_no_longer_half_but_differs_from_the_till(
    half: Collaborators,
) -> None:
    await handlers.evaluate(half)
    await handlers.witness(deliveries(reversal(FIRST, "ledger", "-5.00")), half)

    [certificate] = await handlers.evaluate(half)
    assert certificate.half_booked == ()
    assert certificate.verdict is Verdict.DIFFERS
    assert certificate.reasons == ("T1/1 was taken back from the ledger on order: -5.00 USD",)
    [amounts] = certificate.amounts
    assert (amounts.facts, amounts.documents, amounts.difference) == (
        Decimal("12.00"),
        Decimal("7.00"),
        Decimal("-5.00"),
    )
    [taken_back] = certificate.taken_back
    assert (taken_back.effect, taken_back.amount) == ("ledger", Decimal("-5.00"))


@pytest.mark.parametrize("order", [1, -1])
async def test_a_reversal_may_be_told_before_the_document_it_takes_back(order: int) -> None:
    day = transactions(["5.00"])
    told = [effect(day[0], "stock"), reversal(day[0], "stock"), refusal(day[0])][::order]
    books = Collaborators(MemoryLedger(), lambda: NOON)
    await handlers.witness(deliveries(sale(day[0]), document(day[0]), closing(day)), books)
    for fact in told:
        await handlers.witness(deliveries(fact), books)
        [certificate] = await handlers.evaluate(books)

    # The ledger still stands beside the refused points.
    assert certificate.verdict is Verdict.INCOMPLETE
    assert [each.effect for each in certificate.half_booked[0].booked] == ["ledger"]
    assert [each.effect for each in certificate.taken_back] == ["stock"]


@pytest.mark.parametrize("reason", sorted(ABOUT_THE_MESSAGE))
async def test_an_invalid_message_refuses_no_effect_of_the_fact_that_replaces_it(
    collaborators: Collaborators, reason: str
) -> None:
    day = transactions(["5.00"])
    refused = [refusal(day[0], name, Reason(reason)) for name in ("sales", "inventory")]
    facts = [*refused, *map(sale, day), *map(document, day), closing(day)]
    await handlers.witness(deliveries(*facts), collaborators)

    [certificate] = await handlers.evaluate(collaborators)
    assert certificate.verdict is Verdict.BALANCED
    assert [each.posted_later for each in certificate.rejected] == [True]


async def test_a_refused_effect_of_a_fact_with_nothing_booked_is_not_half(
    collaborators: Collaborators,
) -> None:
    day = transactions(["5.00"])
    await handlers.witness(
        deliveries(sale(day[0]), refusal(day[0]), refusal(day[0], "sales"), closing(day)),
        collaborators,
    )

    [certificate] = await handlers.evaluate(collaborators)
    assert certificate.half_booked == ()
    assert certificate.reasons == ("rejected, master-data-missing: T1/1",)


async def test_a_fact_of_no_till_is_half_booked_without_naming_a_person(
    collaborators: Collaborators,
) -> None:
    fact_id = UUID(int=7)
    booked = DocumentPosted(
        fact_id=fact_id,
        fact_type=CustomerUpdated.TYPE,
        effect="customer",
        subject="usrt/C-4711",
        document=DocumentRef(
            system="finance-operations",
            company="usrt",
            entity_set="CustomersV3",
            key="CustomerAccount='C-4711'",
        ),
        posted_at=NOON,
    )
    refused = DocumentRejected(
        fact_id=fact_id,
        fact_type=CustomerUpdated.TYPE,
        message_id=str(fact_id),
        subscription="customers",
        effect="contact",
        reason=Reason.REFUSED_BY_DYNAMICS,
        detail="a duplicate rule",
        rejected_at=NOON,
    )
    await handlers.witness(deliveries(booked, refused), collaborators)

    everywhere = (await api.list_half_booked({}, collaborators)).body()
    of_the_store = (await api.list_half_booked({"store": "S1"}, collaborators)).body()

    [told] = json.loads(everywhere)["half_booked"]
    assert (told["fact_type"], told["key"]) == (CustomerUpdated.TYPE, None)
    assert "C-4711" not in everywhere
    assert json.loads(of_the_store) == {"half_booked": []}
    assert await collaborators.ledger.days(DayFilter()) == []


@pytest.mark.parametrize(
    ("subscription", "fact_type", "wanted"),
    [
        ("sales", SaleCompleted.TYPE, "ledger"),
        ("sales-backfill", SaleCompleted.TYPE, "ledger"),
        ("completeness", SaleCompleted.TYPE, "ledger"),
        ("inventory-backfill", SaleCompleted.TYPE, "stock"),
        ("customers", SaleCompleted.TYPE, "points"),
        ("customers", CustomerUpdated.TYPE, "customer"),
        ("sales", CashMoved.TYPE, "cash"),
        ("orders", PaymentCaptured.TYPE, "payment"),
        ("orders", "", "order"),
        ("a-stranger", "", "ledger"),
    ],
)
def test_a_refusal_that_does_not_say_what_it_is_about_is_read_by_who_refused(
    subscription: str, fact_type: str, wanted: str
) -> None:
    assert refused_effect(subscription, fact_type) == wanted


def test_one_fact_may_be_refused_by_several_subscriptions_for_as_many_effects() -> None:
    [it] = transactions(["5.00"])
    names = ("sales", "sales-backfill", "inventory", "customers", "completeness")

    rejections = noted([refusal(it, name) for name in names]).rejections

    assert {each.identity for each in rejections} == {
        str(it.fact_id),
        f"{it.fact_id}#stock",
        f"{it.fact_id}#points",
    }


def test_refused_cash_is_named_and_settled_by_its_document() -> None:
    it = Transaction("T1", 1, Decimal("5.00"))
    [refused] = noted([refusal(it, "sales", fact_type=CashMoved.TYPE)]).rejections
    entries = Entries(rejections=[refused])

    before = certify(DAY, entries)
    booked = replace(_posted_cash(it), fact_id=it.fact_id)
    after = certify(DAY, replace(entries, documents=[booked]))

    assert "rejected, master-data-missing: T1/1" in before.reasons
    assert [each.posted_later for each in after.rejected] == [True]
    assert (before.facts_seen, after.documents_posted) == (0, 0)


def _posted_cash(it: Transaction) -> Any:
    from .days import posted

    return replace(posted(it), effect="cash", fact_type=CashMoved.TYPE)


async def test_half_booked_facts_are_found_by_store_and_day(half: Collaborators) -> None:
    other = StoreDay(DAY.company, "S2", DAY.business_day)

    assert len(await half.ledger.half_booked(DayFilter(company="usrt", store="S1"), 10)) == 1
    assert await half.ledger.half_booked(DayFilter(store=other.store), 10) == []
    assert await half.ledger.half_booked(DayFilter(), 0) == []
