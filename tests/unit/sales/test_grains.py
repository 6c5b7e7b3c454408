"""Aggregates and statements: every ticket in exactly one, to the cent, whatever crashes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sales import aggregates, handlers, ripening, tickets
from services.sales.slips import Sale
from services.sales.tickets import STORE_DAY, TICKET
from shared.bus import Done, Outcome, Rejected
from shared.companies import Company, Grain
from shared.dynamics import MissingParent, TryLater
from shared.dynamics.ports.documents import DocumentKind, Journal, SalesDocument
from shared.events import (
    DocumentPosted,
    DocumentRejected,
    Fact,
    Reason,
    StoreDayClosed,
    TenderTotal,
)
from tests.unit.sales.baskets import key, sales, simple_return, simple_sale
from tests.unit.sales.crashing import Crash, Fate, Mortal
from tests.unit.sales.fakes import NOW, Collaborators, Documents, delivery

ACCOUNTS = {
    name: f"{number}00"
    for number, name in enumerate(
        ("cash", "card", "account", "voucher", "other", "revenue", "tax", "rounding"), start=10
    )
}


def company(grain: Grain, ledger: str = "business-central", currency: str = "USD") -> Company:
    return Company.model_validate(
        {
            "currencies": (currency,),
            "grain": grain,
            "ledger": ledger,
            "walk_in_customer": "CASH",
            "accounts": ACCOUNTS,
        }
    )


@dataclass
class Time:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def collaborators(grain: Grain, ledger: str = "business-central") -> Collaborators:
    return Collaborators(companies={"usrt": company(grain, ledger)}, clock=Time())


def close(total: str = "0", revision: int = 0) -> StoreDayClosed:
    return StoreDayClosed.model_validate(
        {
            "company": "usrt",
            "store": "S1",
            "business_day": key().business_day,
            "revision": revision,
            "closed_at": NOW,
            "terminals": [],
            "currency": "USD",
            "total": Decimal(total),
        }
    )


async def book(all_: Collaborators, *facts: Fact) -> list[Outcome]:
    return await handlers.book([delivery(fact) for fact in facts], all_)


async def close_day(all_: Collaborators, **changes: Any) -> None:
    assert await handlers.close_days([delivery(close(**changes))], all_) == [Done()]


async def later(all_: Collaborators, **passed: float) -> None:
    all_.clock.now += timedelta(**passed)  # type: ignore[attr-defined]
    await ripening.post_ripe(all_)


def announced(all_: Collaborators) -> dict[Any, DocumentPosted]:
    posted = [fact for fact in all_.announcer.facts.values() if isinstance(fact, DocumentPosted)]
    return {fact.fact_id: fact for fact in posted}


def rejected(all_: Collaborators) -> list[DocumentRejected]:
    return [each for each in all_.announcer.facts.values() if isinstance(each, DocumentRejected)]


def total_of(document: SalesDocument) -> Decimal:
    """What a document adds to the takings, at prices that include tax."""
    lines = sum(
        (
            (line.quantity * line.unit_price).quantize(Decimal("0.01")) - line.discount
            for line in document.lines
        ),
        Decimal(0),
    )
    return lines if document.kind is DocumentKind.INVOICE else -lines


async def test_a_ticket_is_kept_and_its_delivery_done_without_a_document() -> None:
    all_ = collaborators("aggregate")
    assert await book(all_, simple_sale(1), simple_sale(2)) == [Done(), Done()]
    assert all_.documents.booked == {}
    assert all_.announcer.facts == {}


async def test_the_closed_day_is_one_document_per_combination_of_tenders() -> None:
    all_ = collaborators("aggregate")
    cash = [{"type": "cash", "currency": "USD", "amount": "12.10",
             "amount_in_sale_currency": "12.10"}]  # fmt: skip
    await book(all_, simple_sale(1), simple_sale(2), simple_sale(3, tenders=cash), simple_return(4))
    await close_day(all_)
    assert [
        (each.kind, each.key, total_of(each), [tender.method for tender in each.tenders])
        for each in all_.documents.booked.values()
        if isinstance(each, SalesDocument)
    ] == [
        (DocumentKind.INVOICE, "S1/T1/20260301-A1", Decimal("24.20"), ["3"]),
        (DocumentKind.INVOICE, "S1/T1/20260301-A2", Decimal("12.10"), ["1"]),
        (DocumentKind.CREDIT_MEMO, "S1/T1/20260301-A3", Decimal("-12.10"), ["3"]),
    ]


async def test_every_ticket_is_announced_with_its_own_amount_and_the_aggregates_document() -> None:
    all_ = collaborators("aggregate")
    await book(all_, simple_sale(1), simple_sale(2))
    await close_day(all_)
    posted = announced(all_)
    assert {each.key.sequence: each.amount for each in posted.values() if each.key} == {
        1: Decimal("12.10"),
        2: Decimal("12.10"),
    }
    assert {each.document.key for each in posted.values()} == {"N-S1/T1/20260301-A1"}


async def test_a_booked_ticket_that_is_delivered_again_is_announced_again_word_for_word() -> None:
    all_ = collaborators("aggregate")
    await book(all_, simple_sale(1))
    await close_day(all_)
    [again] = await book(all_, simple_sale(1))
    assert isinstance(again, Done)
    assert again.document == announced(all_)[simple_sale(1).event_id]
    await later(all_, hours=2)
    assert len(all_.documents.booked) == 1


async def test_a_late_ticket_makes_a_supplementary_aggregate_of_the_same_day() -> None:
    all_ = collaborators("aggregate")
    await book(all_, simple_sale(1))
    await close_day(all_)
    await book(all_, simple_sale(2))
    await later(all_, minutes=1)
    assert len(all_.documents.booked) == 1, "others may be on their way"
    await later(all_, minutes=5)
    assert [*all_.documents.booked] == ["S1/T1/20260301-A1", "S1/T1/20260301-A2"]
    assert len(announced(all_)) == 2


async def test_a_day_that_nobody_closes_is_booked_after_a_day_and_a_half() -> None:
    all_ = collaborators("aggregate")
    await book(all_, simple_sale(1))
    await later(all_, hours=35)
    assert all_.documents.booked == {}
    await later(all_, hours=1)
    assert len(announced(all_)) == 1


async def test_a_correction_of_a_kept_ticket_is_rejected_not_added() -> None:
    all_ = collaborators("aggregate")
    await book(all_, simple_sale(1))
    [outcome] = await book(all_, simple_sale(1, revision=1))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.DOCUMENT_DIFFERS


async def test_a_repetition_that_was_on_its_way_while_its_ticket_was_booked_begins_no_new_one() -> (
    None
):
    all_ = collaborators("aggregate")
    await book(all_, simple_sale(1))
    await close_day(all_)
    for sale, type_ in ((simple_sale(1), Done), (simple_sale(1, receipt="R-9"), Rejected)):
        # It had looked into the inbox before the aggregate was booked.
        event: Any = delivery(sale).event
        kept = await tickets.keep([event], all_.records, all_.clock)
        assert [type(outcome) for outcome in kept.values()] == [type_]
    await later(all_, hours=2)
    assert len(all_.documents.booked) == 1


async def test_what_a_customer_owes_is_a_document_of_its_own() -> None:
    all_ = collaborators("aggregate")
    owed = [{"type": "account", "currency": "USD", "amount": "12.10",
             "amount_in_sale_currency": "12.10"}]  # fmt: skip
    [outcome] = await book(all_, simple_sale(1, customer="C1", tenders=owed))
    assert isinstance(outcome, Done)
    assert outcome.document is not None
    [document] = all_.documents.booked.values()
    assert isinstance(document, SalesDocument)
    assert document.customer == "C1"


async def test_a_statement_is_one_balanced_journal_of_the_day() -> None:
    all_ = collaborators("statement")
    await book(all_, simple_sale(1), simple_sale(2), simple_return(3))
    await close_day(all_)
    [journal] = all_.journals.booked.values()
    assert isinstance(journal, Journal)
    assert journal.key == "S1/20260301-Z1"
    assert {line.account: line.amount for line in journal.lines} == {
        ACCOUNTS["card"]: Decimal("12.10"),
        ACCOUNTS["revenue"]: Decimal("-10.00"),
        ACCOUNTS["tax"]: Decimal("-2.10"),
    }
    assert sum(each.amount for each in announced(all_).values()) == Decimal("12.10")


async def test_a_ticket_whose_account_is_missing_is_refused_before_it_is_kept() -> None:
    all_ = collaborators("statement")
    voucher = [{"type": "gift-card", "currency": "USD", "amount": "12.10",
                "amount_in_sale_currency": "12.10"}]  # fmt: skip
    [outcome] = await book(all_, simple_sale(1, tenders=voucher))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.NOT_BOOKABLE_HERE
    assert "'gift-card'" in outcome.detail


@pytest.mark.parametrize("ledger", ["finance-operations", "commerce"])
async def test_who_makes_statements_itself_gets_the_tickets(ledger: str) -> None:
    all_ = collaborators("statement", ledger)
    [outcome] = await book(all_, simple_sale(1))
    assert isinstance(outcome, Done)
    assert outcome.document is not None
    await close_day(all_)


async def test_where_a_custom_service_is_set_up_a_closed_day_has_dynamics_make_its_statement() -> (
    None
):
    all_ = collaborators("statement", "finance-operations")
    await close_day(all_)
    assert all_.statements.made == []
    all_.statements.are_set_up = True
    [outcome] = await handlers.close_days([delivery(close())], all_)
    assert isinstance(outcome, Done)
    assert outcome.document is not None
    assert (outcome.document.effect, outcome.document.subject) == ("cash", "usrt/S1/2026-03-01")
    assert [each.number for each in all_.statements.made] == ["S1/2026-03-01"]


async def test_a_closed_day_parts_the_clearing_account_into_the_means_of_payment() -> None:
    settings = company("ticket").model_copy(update={"accounts": ACCOUNTS | {"clearing": "9900"}})
    all_ = Collaborators(companies={"usrt": settings})
    totals = [
        {"type": "cash", "currency": "USD", "amount": Decimal("50.00")},
        {"type": "card", "currency": "USD", "amount": Decimal("-7.00")},
        {"type": "account", "currency": "USD", "amount": Decimal("99.00")},
        {"type": "voucher", "currency": "EUR", "amount": Decimal(0)},
    ]
    fact = close().model_copy(update={"tender_totals": _totals(totals)})
    [outcome] = await handlers.close_days([delivery(fact)], all_)
    assert isinstance(outcome, Done)
    [journal] = all_.journals.booked.values()
    assert isinstance(journal, Journal)
    assert journal.key == "S1/20260301-T0"
    assert {line.account: line.amount for line in journal.lines} == {
        ACCOUNTS["cash"]: Decimal("50.00"),
        ACCOUNTS["card"]: Decimal("-7.00"),
        "9900": Decimal("-43.00"),
    }
    foreign = [{"type": "cash", "currency": "EUR", "amount": Decimal("1.00")}]
    fact = close(revision=1).model_copy(update={"tender_totals": _totals(foreign)})
    [refused] = await handlers.close_days([delivery(fact)], all_)
    assert isinstance(refused, Rejected)
    assert refused.reason is Reason.NOT_BOOKABLE_HERE


def _totals(bodies: Sequence[Any]) -> tuple[TenderTotal, ...]:
    return tuple(TenderTotal.model_validate(each) for each in bodies)


async def test_finance_and_operations_keeps_an_aggregate_as_one_transaction() -> None:
    all_ = collaborators("aggregate", "finance-operations")
    await book(all_, simple_sale(1), simple_sale(2))
    await close_day(all_)
    [booked] = all_.transactions.booked.values()
    assert booked.transaction_number == "20260301-A1"
    [line] = booked.sales_lines
    assert (line["Quantity"], booked.header["PaymentAmount"]) == (Decimal(-4), Decimal("24.20"))


async def test_what_dynamics_refuses_is_announced_once_and_booked_when_it_is_mended() -> None:
    all_ = collaborators("aggregate")
    await book(all_, simple_sale(1), simple_sale(2))
    all_.documents.error = MissingParent("Item does not exist.")
    await close_day(all_)
    await later(all_, minutes=10)
    assert [each.reason for each in rejected(all_)] == [Reason.MASTER_DATA_MISSING] * 2
    assert all_.documents.calls == 2
    all_.documents.error = None
    await later(all_, minutes=1)
    assert all_.documents.calls == 2, "it is left alone for a while"
    await later(all_, minutes=10)
    assert len(announced(all_)) == 2


async def test_an_outage_costs_no_rejection() -> None:
    all_ = collaborators("aggregate")
    await book(all_, simple_sale(1))
    all_.documents.error = TryLater("down")
    await close_day(all_)
    assert rejected(all_) == []
    all_.documents.error = None
    await later(all_, minutes=1)
    assert len(announced(all_)) == 1


async def test_a_ticket_names_no_person() -> None:
    all_ = collaborators("aggregate")
    await book(all_, simple_sale(1, cashier="Ada", customer="C1", loyalty_card="L1"))
    [record] = await all_.records.find(TICKET)
    assert not any(said in record.text for said in ("Ada", "C1", "L1"))


async def test_a_ticket_written_while_its_day_is_being_closed_is_not_forgotten() -> None:
    all_ = collaborators("aggregate")
    records = all_.records

    class ClosesBetween:
        """Closes the day between the writing of a ticket and the look at its day."""

        def __getattr__(self, name: str) -> Any:
            return getattr(records, name)

        async def read(self, kind: str, keys: Any) -> Any:
            if kind == STORE_DAY:
                all_.records = records
                await close_day(all_)
            return await records.read(kind, keys)

    all_.records = ClosesBetween()  # type: ignore[assignment]
    assert await book(all_, simple_sale(1)) == [Done()]
    assert len(announced(all_)) == 1
    await later(all_, hours=2)
    assert len(all_.documents.booked) == 1


async def test_many_lines_are_cut_into_aggregates_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregates, "MAX_TICKETS", 2)
    all_ = collaborators("aggregate")
    await book(all_, *(simple_sale(n) for n in range(1, 6)))
    await close_day(all_)
    assert len(all_.documents.booked) == 3
    assert len(announced(all_)) == 5


# Whatever happens ----------------------------------------------------------------------------

_MOMENTS = st.fixed_dictionaries(
    {
        method: st.lists(st.sampled_from(["", "before", "after"]), max_size=calls)
        for method, calls in {"write": 12, "record": 4, "post": 4, "publish": 4}.items()
    }
)


@st.composite
def _trade(draw: st.DrawFn) -> list[Sale]:
    drawn = draw(st.lists(sales("usrt"), min_size=1, max_size=7))
    return [
        sale.model_copy(update={"key": key("usrt", number)})
        for number, sale in enumerate(drawn, start=1)
    ]


async def _until_done(step: Callable[[Collaborators], Awaitable[Any]], all_: Collaborators) -> None:
    """Repeat a step as the broker and the timer do, until the process survives it."""
    while True:
        try:
            await step(all_)
        except Crash:
            continue
        return


@pytest.mark.parametrize("grain", ["aggregate", "statement"])
@given(trade=_trade(), moments=_MOMENTS, cut=st.integers(0, 7))
async def test_whatever_crashes_every_ticket_is_booked_once_and_the_sums_are_equal(
    grain: Grain, trade: list[Sale], moments: Mapping[str, Sequence[str]], cut: int
) -> None:
    all_ = collaborators(grain)
    fate = Fate(moments)
    documents, journals, announcer = all_.documents, all_.journals, all_.announcer
    all_.records = Mortal(all_.records, fate, "write")  # type: ignore[assignment]
    all_.inbox = Mortal(all_.inbox, fate, "record")  # type: ignore[assignment]
    all_.documents = Mortal(documents, fate, "post")  # type: ignore[assignment]
    all_.journals = Mortal(journals, fate, "post")  # type: ignore[assignment]
    all_.announcer = Mortal(announcer, fate, "publish")  # type: ignore[assignment]

    for sale in trade[:cut]:
        await _until_done(lambda each, one=sale: book(each, one), all_)  # type: ignore[misc]
    await _until_done(close_day, all_)
    for sale in trade[cut:]:
        await _until_done(lambda each, one=sale: book(each, one), all_)  # type: ignore[misc]
    for _ in range(2):
        await _until_done(lambda each: later(each, hours=2), all_)

    all_.announcer = announcer
    _check_books(trade, all_, documents, journals)


def _check_books(
    trade: Sequence[Sale], all_: Collaborators, documents: Documents, journals: Documents
) -> None:
    posted = announced(all_)
    assert {each: fact.amount for each, fact in posted.items()} == {
        sale.event_id: sale.signed_amount for sale in trade
    }
    by_document: Counter[str] = Counter()
    for fact in posted.values():
        by_document[fact.document.key] += fact.amount  # type: ignore[assignment]
    booked: dict[str, Decimal] = {}
    for document in (*documents.booked.values(), *journals.booked.values()):
        if isinstance(document, SalesDocument):
            sign = 1 if document.kind is DocumentKind.INVOICE else -1
            amount = sign * sum((each.amount for each in document.tenders), Decimal(0))
        else:
            assert sum((line.amount for line in document.lines), Decimal(0)) == 0
            amount = sum(
                (line.amount for line in document.lines if line.account == ACCOUNTS["cash"]),
                Decimal(0),
            )
        booked[f"N-{document.key}"] = amount
    assert booked == dict(by_document)
