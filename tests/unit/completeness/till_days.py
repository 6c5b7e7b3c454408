"""Random days of a store's tills, as facts on the bus: every kind of transaction, counters that
begin again, several means of payment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

from hypothesis import strategies as st

from services.completeness.mapping import entries
from shared.events import (
    CashMoved,
    CountedTender,
    CounterReset,
    DocumentPosted,
    DocumentRef,
    Fact,
    ReturnLine,
    SaleCompleted,
    SaleLine,
    SaleReturned,
    SaleVoided,
    StoreDayClosed,
    Tender,
    TenderDeclared,
    TenderTotal,
    TerminalDay,
    TransactionKey,
    TransactionRecorded,
    new_event,
)
from shared.events.till_transactions import CashMovement, RecordedKind
from shared.store import Entries

from .days import DAY, NOON

KINDS = ("sale", "return", "voided", "recorded", "moved", "declared")
SALES = ("sale", "return")


@dataclass(frozen=True)
class Till:
    """One terminal's day: the kinds of its transactions, run by run, and where each run begins."""

    name: str
    runs: tuple[tuple[int, tuple[str, ...]], ...]

    def numbers(self) -> list[int]:
        return [begin + place for begin, kinds in self.runs for place in range(len(kinds))]

    @property
    def resets(self) -> list[CounterReset]:
        ends = [begin + len(kinds) - 1 for begin, kinds in self.runs[:-1]]
        begins = [begin for begin, _ in self.runs[1:]]
        return [
            CounterReset(last_before=end, first_after=begin)
            for end, begin in zip(ends, begins, strict=True)
        ]


@dataclass(frozen=True)
class StoreDayOfTills:
    """What the tills of a store did; `amounts` are taken in turn."""

    tills: tuple[Till, ...]
    amounts: tuple[Decimal, ...]

    def facts(self) -> list[Fact]:
        """Return every transaction in the order of its till's clock."""
        return [fact for till in self.tills for fact in _facts_of(till, self.amounts)]

    def close(self) -> StoreDayClosed:
        sales = [fact for fact in self.facts() if isinstance(fact, SaleCompleted | SaleReturned)]
        totals: dict[tuple[str, str], Decimal] = {}
        for sale in sales:
            sign = 1 if isinstance(sale, SaleCompleted) else -1
            for tender in sale.tenders:
                means = tender.type, tender.currency
                paid = -tender.amount if tender.is_change else tender.amount
                totals[means] = totals.get(means, Decimal(0)) + sign * paid
        return StoreDayClosed(
            company=DAY.company,
            store=DAY.store,
            business_day=DAY.business_day,
            closed_at=NOON + timedelta(hours=10),
            terminals=tuple(_terminal_day(till) for till in self.tills),
            currency="USD",
            total=sum((sale.signed_amount for sale in sales), Decimal(0)),
            tender_totals=tuple(
                TenderTotal.model_validate({"type": type_, "currency": currency, "amount": amount})
                for (type_, currency), amount in totals.items()
            ),
        )

    def documents(self) -> list[DocumentPosted]:
        sales = [fact for fact in self.facts() if isinstance(fact, SaleCompleted | SaleReturned)]
        return [booked(fact) for fact in sales]


def booked(fact: Any, effect: str = "ledger", amount: Decimal | None = None) -> DocumentPosted:
    """Return what a service announces about a transaction."""
    return DocumentPosted.model_validate(
        {
            "fact_id": fact.event_id,
            "fact_type": fact.TYPE,
            "effect": effect,
            "key": fact.key,
            "document": DocumentRef(
                system="finance-operations", company="usrt", entity_set="Some", key=str(fact.key)
            ),
            "amount": fact.signed_amount if amount is None else amount,
            "currency": "USD",
            "posted_at": NOON,
        }
    )


def witnessed(facts: Sequence[Fact]) -> Entries:
    """Return what the ledger holds once these facts have been on the bus, repeats told once."""
    distinct = {fact.event_id: fact for fact in facts}
    events = [new_event(fact, source="/tills/S1", time=NOON) for fact in distinct.values()]
    return entries(events, NOON)


def key(terminal: str, sequence: int) -> TransactionKey:
    return TransactionKey(
        company=DAY.company,
        store=DAY.store,
        business_day=DAY.business_day,
        terminal=terminal,
        sequence=sequence,
    )


def _facts_of(till: Till, amounts: Sequence[Decimal]) -> list[Fact]:
    facts: list[Fact] = []
    for place, (begin, kinds) in enumerate(till.runs):
        for offset, kind in enumerate(kinds):
            at = {
                "key": key(till.name, begin + offset),
                "occurred_at": NOON + timedelta(minutes=len(facts)),
            }
            if offset == 0 and place > 0:
                reset = till.resets[place - 1].last_before
                facts.append(TransactionRecorded(**at, kind="counter-reset", last_before=reset))
            else:
                amount = amounts[len(facts) % len(amounts)]
                facts.append(_fact(kind, len(facts), amount, at))
    return facts


def _fact(kind: str, number: int, amount: Decimal, at: dict[str, Any]) -> Fact:
    if kind == "voided":
        return SaleVoided(**at, currency="USD", amount=amount)
    if kind == "recorded":
        recorded = [each for each in get_args(RecordedKind) if each != "counter-reset"]
        return TransactionRecorded(**at, kind=recorded[number % len(recorded)])
    if kind == "moved":
        moves = get_args(CashMovement)
        return CashMoved(**at, kind=moves[number % len(moves)], currency="USD", amount=amount)
    if kind == "declared":
        counted = CountedTender(type="cash", currency="USD", amount=amount)
        return TenderDeclared(**at, tenders=(counted,))
    return _sale(kind, amount, at)


def _sale(kind: str, amount: Decimal, at: dict[str, Any]) -> Fact:
    line = {
        "number": 1,
        "item": "ITEM-1",
        "quantity": Decimal(1),
        "unit_price": amount,
        "net_amount": amount,
    }
    common = {**at, "currency": "USD", "prices_include_tax": False, "total": amount}
    if kind == "return":
        paid_out = _tender("cash", amount)
        return SaleReturned(**common, lines=(ReturnLine(**line),), tenders=(paid_out,))
    note = _tender("cash", amount + 5)
    change = _tender("cash", Decimal(3), is_change=True)
    card = _tender("card", Decimal(2), is_change=True)
    tenders = (note, change, card)
    return SaleCompleted(**common, lines=(SaleLine(**line),), tenders=tenders)


def _tender(type_: str, amount: Decimal, *, is_change: bool = False) -> Tender:
    return Tender.model_validate(
        {
            "type": type_,
            "currency": "USD",
            "amount": amount,
            "amount_in_sale_currency": amount,
            "is_change": is_change,
        }
    )


def _terminal_day(till: Till) -> TerminalDay:
    kinds = [
        kind
        for place, (_, kinds) in enumerate(till.runs)
        for offset, kind in enumerate(kinds)
        if place == 0 or offset > 0
    ]
    return TerminalDay(
        terminal=till.name,
        first_sequence=till.runs[0][0],
        last_sequence=till.runs[-1][0] + len(till.runs[-1][1]) - 1,
        resets=tuple(till.resets),
        sales=kinds.count("sale"),
        returns=kinds.count("return"),
    )


@st.composite
def _tills(draw: st.DrawFn, name: str) -> Till:
    """Runs lie far apart, in any order: a counter comes to no number twice on a day."""
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    places = draw(st.permutations(range(len(lengths))))
    runs = []
    for length, place in zip(lengths, places, strict=True):
        kinds = draw(st.lists(st.sampled_from(KINDS), min_size=length, max_size=length))
        runs.append((place * 100 + draw(st.integers(1, 50)), tuple(kinds)))
    return Till(name, tuple(runs))


DAYS = st.builds(
    StoreDayOfTills,
    st.tuples(_tills("T1")) | st.tuples(_tills("T1"), _tills("T2")),
    st.lists(
        st.decimals("0.01", "500", places=2).map(lambda each: Decimal(str(each))),
        min_size=1,
        max_size=5,
    ).map(tuple),
)
