from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.completeness.certificate import Tender as Line
from services.completeness.certify import certify
from services.completeness.drawers import tenders
from shared.events import CashMoved, CountedTender, Fact, SaleCompleted, TenderDeclared
from shared.store import Entries, SeenFact

from .days import DAY, NOON, closed, closing, complete, transactions
from .till_days import key, witnessed

Step = tuple[Any, ...]


def _facts(steps: list[Step], terminal: str = "T1") -> list[Fact]:
    """Return transactions of a till, a minute apart: ("sale", means, amount), …"""
    facts: list[Fact] = []
    for number, (what, means, amount, *shift) in enumerate(steps, start=1):
        at = {"key": key(terminal, number), "occurred_at": NOON + timedelta(minutes=number)}
        money = {"type": means, "currency": "USD", "amount": Decimal(amount)}
        if what == "counted":
            counted = CountedTender.model_validate(money)
            facts.append(
                TenderDeclared(**at, tenders=(counted,), shift=shift[0] if shift else None)
            )
        else:
            facts.append(CashMoved.model_validate({**at, **money, "kind": what}))
    return facts


def _seen(steps: list[Step], terminal: str = "T1") -> list[SeenFact]:
    sales = [place for place, step in enumerate(steps) if step[0] == "sale"]
    stand_ins = [("paid-in", *step[1:]) if step[0] == "sale" else step for step in steps]
    facts = list(witnessed(_facts(stand_ins, terminal)).facts)
    for place in sales:  # a sale for the money's sake alone
        row = facts[place]
        facts[place] = SeenFact(
            **{**vars(row), "fact_type": SaleCompleted.TYPE, "amount": row.tenders[0].amount}  # type: ignore[index]
        )
    return facts


def _line(facts: list[SeenFact], means: str = "cash") -> Line:
    [line] = [each for each in tenders(facts, None) if each.type == means]
    return line


def test_a_drawer_is_held_against_its_float_sales_and_drops() -> None:
    line = _line(
        _seen(
            [
                ("float-entry", "cash", "100.00"),
                ("sale", "cash", "60.00"),
                ("safe-drop", "cash", "50.00"),
                ("counted", "cash", "109.00"),
                ("bank-drop", "cash", "109.00"),
            ]
        )
    )

    assert (line.taken, line.moved) == (Decimal("60.00"), Decimal("-59.00"))
    assert (line.declared, line.expected) == (Decimal("109.00"), Decimal("110.00"))
    assert line.over_short == Decimal("-1.00")


def test_a_shift_that_is_counted_again_counts_once() -> None:
    line = _line(
        _seen(
            [
                ("sale", "card", "60.00"),
                ("counted", "card", "50.00", "early"),
                ("counted", "card", "60.00", "early"),
                ("sale", "card", "7.00"),
                ("counted", "card", "7.00", "late"),
            ]
        ),
        "card",
    )

    assert (line.declared, line.expected, line.over_short) == (
        Decimal("67.00"),
        Decimal("67.00"),
        Decimal("0.00"),
    )


def test_cash_that_stays_in_the_drawer_is_not_counted_twice_over_two_shifts() -> None:
    line = _line(
        _seen(
            [
                ("float-entry", "cash", "100.00"),
                ("sale", "cash", "60.00"),
                ("counted", "cash", "160.00", "early"),
                ("sale", "cash", "7.00"),
                ("counted", "cash", "167.00", "late"),
            ]
        )
    )

    assert (line.declared, line.expected) == (Decimal("167.00"), Decimal("167.00"))


def test_drawers_of_several_terminals_add_up_and_one_nobody_counted_is_left_out() -> None:
    counted = [("sale", "cash", "10.00"), ("counted", "cash", "12.00")]
    line = _line(
        [
            *_seen(counted, "T1"),
            *_seen(counted, "T2"),
            *_seen([("sale", "cash", "99.00")], "T3"),
        ]
    )

    assert line.taken == Decimal("119.00")
    assert (line.declared, line.expected, line.over_short) == (
        Decimal("24.00"),
        Decimal("20.00"),
        Decimal("4.00"),
    )


AMOUNTS = st.decimals("0.01", "500", places=2).map(lambda each: f"{each:.2f}")
MOVES = st.tuples(st.sampled_from(["sale", "float-entry", "paid-in", "safe-drop"]), AMOUNTS)


@given(moves=st.lists(MOVES, min_size=1, max_size=12), off=st.decimals(-50, 50, places=2))
def test_over_and_short_is_what_was_put_in_or_taken_out_unsaid(
    moves: list[tuple[str, str]], off: Decimal
) -> None:
    steps: list[Step] = [(what, "cash", amount) for what, amount in moves]
    there = sum(
        (-Decimal(amount) if what == "safe-drop" else Decimal(amount) for what, amount in moves),
        off,
    )
    if there < 0:
        steps.append(("paid-in", "cash", f"{-there:.2f}"))
        there = Decimal(0)

    line = _line(_seen([*steps, ("counted", "cash", f"{there:.2f}")]))

    assert line.over_short == off


def test_a_drawer_that_is_short_is_no_fault_of_the_books() -> None:
    day = transactions(["10.00"])
    counted = _seen([("sale", "cash", "10.00"), ("counted", "cash", "8.00")])[1:]
    entries = complete(day)
    close = closing(day)
    terminals = (close.terminals[0].model_copy(update={"last_sequence": 2}),)
    entries = Entries(
        facts=[*entries.facts, *counted],
        documents=entries.documents,
        closed=[closed(close.model_copy(update={"terminals": terminals}))],
    )

    certificate = certify(DAY, entries)

    assert certificate.verdict == "balanced"
    [cash] = certificate.tenders
    assert (cash.declared, cash.over_short) == (Decimal("8.00"), Decimal("8.00"))


@pytest.mark.parametrize("known", [True, False])
def test_tenders_of_facts_from_before_they_were_kept_are_not_held_against_the_store(
    known: bool,
) -> None:
    from shared.events import TenderTotal

    day = transactions(["10.00"])
    total = TenderTotal(type="cash", currency="USD", amount=Decimal("10.00"))
    close = closing(day).model_copy(update={"tender_totals": (total,)})
    entries = complete(day)
    facts = [SeenFact(**{**vars(each), "tenders": () if known else None}) for each in entries.facts]

    certificate = certify(
        DAY, Entries(facts=facts, documents=entries.documents, closed=[closed(close)])
    )

    assert certificate.tenders[0].z_total == Decimal("10.00")
    assert (certificate.verdict == "balanced") is not known
