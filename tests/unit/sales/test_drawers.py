"""Drawers' money, and taking bookings back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from services.sales.handlers import book, book_cash, close_days
from services.sales.reversing import reverse
from shared.bus import Done, Outcome, Rejected
from shared.companies import Company
from shared.dynamics.ports.documents import DocumentKind, Journal, SalesDocument
from shared.events import (
    CashMoved,
    Fact,
    Reason,
    ReversalOrdered,
    TenderDeclared,
    encode,
    new_event,
)
from tests.unit.sales.baskets import key, simple_return, simple_sale
from tests.unit.sales.fakes import NOW, Collaborators, delivery
from tests.unit.sales.test_grains import close, close_day
from tests.unit.sales.test_returns import with_archive

ACCOUNTS = {"cash": "10", "bank": "12", "float": "13", "revenue": "40", "tax": "20", "card": "11"}


def company(**changes: Any) -> Mapping[str, Company]:
    settings = {"currencies": ("USD",), "accounts": ACCOUNTS, "walk_in_customer": "CASH"}
    return {"usrt": Company.model_validate(settings | changes)}


def moved(kind: str = "bank-drop", **changes: Any) -> CashMoved:
    body = {
        "key": key(sequence=5),
        "occurred_at": NOW,
        "kind": kind,
        "currency": "USD",
        "amount": Decimal(50),
    }
    return CashMoved.model_validate(body | changes)


def declared() -> TenderDeclared:
    tenders = [{"type": "cash", "currency": "USD", "amount": Decimal("99.50")}]
    return TenderDeclared.model_validate(
        {"key": key(sequence=6), "occurred_at": NOW, "tenders": tenders}
    )


def order(fact: Fact, effect: str = "ledger", **changes: Any) -> ReversalOrdered:
    body = {
        "fact_id": fact.event_id,
        "effect": effect,
        "event": json.loads(encode(new_event(fact, source="/tills", time=NOW))),
        "reason": "half-booked",
        "ordered_by": "operator",
        "ordered_at": NOW,
    }
    return ReversalOrdered.model_validate(body | changes)


def posted(outcome: Outcome) -> Any:
    assert isinstance(outcome, Done), outcome
    assert outcome.document is not None
    return outcome.document


def refused(outcome: Outcome) -> Reason:
    assert isinstance(outcome, Rejected), outcome
    return outcome.reason


async def test_a_movement_is_announced_with_what_it_adds_to_the_drawer() -> None:
    all_ = Collaborators()
    drop, floated = await book_cash(
        [delivery(moved()), delivery(moved("float-entry", key=key(sequence=7)))], all_
    )
    assert (posted(drop).effect, posted(drop).amount) == ("cash", Decimal(-50))
    assert posted(floated).amount == Decimal(50)


async def test_a_count_is_announced_without_money() -> None:
    [outcome] = await book_cash([delivery(declared())], Collaborators())
    assert (posted(outcome).amount, posted(outcome).currency) == (Decimal(0), None)


async def test_income_and_expense_need_an_account_of_the_till_or_of_the_setting() -> None:
    [missing] = await book_cash([delivery(moved("paid-out"))], Collaborators())
    assert refused(missing) is Reason.NOT_BOOKABLE_HERE
    all_ = Collaborators(companies=company(accounts={"paid-out": "7000"}))
    posted((await book_cash([delivery(moved("paid-out"))], all_))[0])
    [booked] = all_.transactions.booked.values()
    assert booked.income_expense_lines[0]["AccountNumber"] == "7000"


async def test_another_ledger_than_the_sales_may_keep_the_drawers_or_none() -> None:
    elsewhere = company(ledger="commerce", cash="finance-operations")
    all_ = Collaborators(companies=elsewhere)
    posted((await book_cash([delivery(moved())], all_))[0])
    assert len(all_.transactions.booked) == 1
    nowhere = Collaborators(companies=company(ledger="commerce", cash="none"))
    assert await book_cash([delivery(moved())], nowhere) == [Done()]


async def test_a_foreign_movement_does_not_fit_a_journal_of_the_companys_currency() -> None:
    settings = company(ledger="business-central", currencies=("USD", "EUR"))
    [outcome] = await book_cash(
        [delivery(moved(currency="EUR"))], Collaborators(companies=settings)
    )
    assert refused(outcome) is Reason.NOT_BOOKABLE_HERE


@pytest.mark.parametrize("fact", [moved(), declared()])
async def test_drawers_of_unknown_companies_are_rejected(fact: CashMoved | TenderDeclared) -> None:
    [outcome] = await book_cash([delivery(fact)], Collaborators(companies={}))
    assert refused(outcome) is Reason.UNKNOWN_COMPANY


async def test_taking_a_sale_back_books_all_its_goods_the_other_way_in_place_of_nothing() -> None:
    all_ = Collaborators()
    await book([delivery(simple_sale())], all_)
    [outcome] = await reverse([delivery(order(simple_sale()))], all_)
    assert posted(outcome).amount == Decimal("-12.10")
    sold, back = all_.transactions.booked.values()
    assert back.transaction_number == f"R{order(simple_sale()).event_id.hex}"
    assert back.header["PaymentAmount"] == -sold.header["PaymentAmount"]  # type: ignore[operator]
    assert back.sales_lines[0]["Quantity"] == 2
    assert back.sales_lines[0]["ReturnTransactionNumber"] == "20260301-17"


async def test_taking_a_return_back_is_a_sale_again() -> None:
    all_ = Collaborators(companies=company(ledger="business-central"))
    await book([delivery(simple_sale()), delivery(simple_return())], all_)
    [outcome] = await reverse([delivery(order(simple_return()))], all_)
    assert posted(outcome).amount == Decimal("12.10")
    *_, document = all_.documents.booked.values()
    assert isinstance(document, SalesDocument)
    assert document.kind is DocumentKind.INVOICE


async def test_taking_a_movement_back_turns_its_journal_round() -> None:
    all_ = Collaborators(companies=company(ledger="business-central"))
    await book_cash([delivery(moved())], all_)
    [outcome] = await reverse([delivery(order(moved(), "cash"))], all_)
    assert (posted(outcome).effect, posted(outcome).amount) == ("cash", Decimal(50))
    journals = [each for each in all_.journals.booked.values() if isinstance(each, Journal)]
    assert [{line.account: line.amount for line in each.lines} for each in journals] == [
        {"10": Decimal(-50), "12": Decimal(50)},
        {"10": Decimal(50), "12": Decimal(-50)},
    ]


async def test_a_ticket_of_a_statement_is_taken_back_by_a_journal_of_its_own() -> None:
    all_ = Collaborators(companies=company(ledger="business-central", grain="statement"))
    await book([delivery(simple_sale())], all_)
    await close_day(all_)
    [outcome] = await reverse([delivery(order(simple_sale()))], all_)
    assert posted(outcome).amount == Decimal("-12.10")
    first, second = all_.journals.booked.values()
    assert isinstance(first, Journal)
    assert isinstance(second, Journal)
    assert [line.amount for line in second.lines] == [-line.amount for line in first.lines]


async def test_a_ticket_of_an_aggregate_is_taken_back_by_a_document_applied_to_none() -> None:
    all_ = Collaborators(companies=company(ledger="business-central", grain="aggregate"))
    await book([delivery(simple_sale())], all_)
    await close_day(all_)
    [outcome] = await reverse([delivery(order(simple_sale()))], all_)
    assert posted(outcome).amount == Decimal("-12.10")
    *_, memo = all_.documents.booked.values()
    assert isinstance(memo, SalesDocument)
    assert (memo.kind, memo.applies_to) == (DocumentKind.CREDIT_MEMO, "")


async def test_what_a_return_brought_may_come_back_again_once_it_is_undone() -> None:
    all_ = Collaborators()
    await with_archive(all_, simple_sale())
    await book([delivery(simple_sale()), delivery(simple_return(18))], all_)
    [over] = await book([delivery(simple_return(19))], all_)
    assert refused(over) is Reason.RETURNS_MORE_THAN_SOLD
    posted((await reverse([delivery(order(simple_return(18)))], all_))[0])
    posted((await book([delivery(simple_return(19))], all_))[0])


async def test_an_order_delivered_twice_takes_back_once() -> None:
    all_ = Collaborators()
    await book([delivery(simple_sale())], all_)
    first, again = await reverse([delivery(order(simple_sale()))] * 2, all_)
    assert posted(first) == posted(again)
    assert len(all_.transactions.booked) == 2


async def test_what_is_not_booked_or_not_carried_cannot_be_taken_back() -> None:
    all_ = Collaborators()
    [unknown] = await reverse([delivery(order(simple_sale()))], all_)
    assert refused(unknown) is Reason.NOT_REVERSIBLE
    await book([delivery(simple_sale())], all_)
    other = order(simple_sale(), event=order(simple_sale(99)).event)
    [mismatch] = await reverse([delivery(other)], all_)
    assert refused(mismatch) is Reason.NOT_REVERSIBLE
    [empty] = await reverse([delivery(order(simple_sale(), event={}))], all_)
    assert refused(empty) is Reason.NOT_REVERSIBLE


async def test_the_document_of_a_closed_day_is_not_taken_back() -> None:
    all_ = Collaborators(companies=company(grain="statement"))
    all_.statements.are_set_up = True
    [outcome] = await close_days([delivery(close())], all_)
    assert isinstance(outcome, Done)
    assert outcome.document

    [outcome] = await reverse([delivery(order(close(), "cash"))], all_)

    assert refused(outcome) is Reason.NOT_REVERSIBLE


async def test_what_was_booked_under_an_older_tax_table_can_be_taken_back() -> None:
    all_ = Collaborators(companies=company(country="US"))
    await book([delivery(simple_sale())], all_)
    all_.tax_check = lambda _sale, _country: (Reason.TAX_RATE_NOT_IN_FORCE, "line 1")

    [outcome] = await reverse([delivery(order(simple_sale()))], all_)

    assert posted(outcome).amount == Decimal("-12.10")


async def test_effects_of_other_services_are_left_to_them() -> None:
    assert await reverse([delivery(order(simple_sale(), "stock"))], Collaborators()) == [Done()]
