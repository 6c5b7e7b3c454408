"""What came in by which means of payment, and what was counted. Pure.

Counting is absolute: it says what is in a drawer at that moment. Cash stays in the drawer until a
movement takes it out, so a terminal's last count is held against everything before it. Slips,
vouchers and the like are handed in with each count, so they are the sum over the shifts counted; a
shift counted again counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from services.completeness.amounts import plain
from services.completeness.certificate import Tender
from shared.events import CashMoved, SaleCompleted, SaleReturned, StoreDayClosed, TenderDeclared
from shared.store.ledger_entries import SeenFact, TenderAmount

Means = tuple[str, str]
"""Type and currency."""

_TAKING = {SaleCompleted.TYPE, SaleReturned.TYPE}


@dataclass
class _Line:
    taken: Decimal = Decimal(0)
    moved: Decimal = Decimal(0)
    z_total: Decimal | None = None
    counted: tuple[Decimal, Decimal] | None = None
    """What was declared, and what was expected then."""


@dataclass
class _Drawer:
    """One terminal's drawer, transaction by transaction."""

    balance: dict[Means, Decimal] = field(default_factory=dict)
    counted: dict[Means, dict[str, Decimal]] = field(default_factory=dict)
    expected: dict[Means, Decimal] = field(default_factory=dict)

    def add(self, tender: TenderAmount) -> None:
        means = tender.type, tender.currency
        self.balance[means] = self.balance.get(means, Decimal(0)) + tender.amount

    def count(self, shift: str, tender: TenderAmount) -> None:
        means = tender.type, tender.currency
        shifts = self.counted.setdefault(means, {})
        if tender.type == "cash":
            shifts.clear()
        shifts[shift] = tender.amount
        self.expected[means] = self.balance.get(means, Decimal(0))


def tenders(facts: Sequence[SeenFact], closed: StoreDayClosed | None) -> tuple[Tender, ...]:
    """Return a line for every means of payment that anything speaks of.

    Facts witnessed before tenders were kept say nothing about them: the store's word is then shown
    beside what is known, and not held against it (`z_totals_comparable`).
    """
    lines: dict[Means, _Line] = {}
    for fact in facts:
        for each in fact.tenders or ():
            line = lines.setdefault((each.type, each.currency), _Line())
            if fact.fact_type in _TAKING:
                line.taken += each.amount
            elif fact.fact_type == CashMoved.TYPE:
                line.moved += each.amount
    _count(facts, lines)
    if closed and closed.tender_totals:
        stated: dict[Means, Decimal] = {
            (each.type, each.currency): each.amount for each in closed.tender_totals
        }
        for means in stated.keys() | {means for means, line in lines.items() if line.taken}:
            lines.setdefault(means, _Line()).z_total = stated.get(means, Decimal(0))
    return tuple(_tender(*means, lines[means]) for means in sorted(lines))


def z_totals_comparable(facts: Iterable[SeenFact]) -> bool:
    """Whether the tenders of all sales and returns are known."""
    return all(fact.tenders is not None for fact in facts if fact.fact_type in _TAKING)


def _count(facts: Sequence[SeenFact], lines: dict[Means, _Line]) -> None:
    drawers: dict[str, _Drawer] = {}
    for fact in sorted(facts, key=_in_time):
        drawer = drawers.setdefault(fact.key.terminal, _Drawer())
        for each in fact.tenders or ():
            if fact.fact_type == TenderDeclared.TYPE:
                drawer.count(fact.what, each)
            else:
                drawer.add(each)
    for drawer in drawers.values():
        for means, shifts in drawer.counted.items():
            line = lines[means]
            declared, expected = line.counted or (Decimal(0), Decimal(0))
            line.counted = declared + sum(shifts.values()), expected + drawer.expected[means]


def _in_time(fact: SeenFact) -> tuple[bool, float, int, str]:
    """Sort key: the till's clock, then its sequence; what has no time comes first."""
    seconds = fact.occurred_at.timestamp() if fact.occurred_at else 0.0
    return fact.occurred_at is not None, seconds, fact.key.sequence, str(fact.fact_id)


def _tender(type_: str, currency: str, line: _Line) -> Tender:
    def written(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else plain(amount, currency)

    declared, expected = line.counted or (None, None)
    return Tender(
        type=type_,
        currency=currency,
        taken=plain(line.taken, currency),
        moved=plain(line.moved, currency),
        z_total=written(line.z_total),
        declared=written(declared),
        expected=written(expected),
        over_short=written(line.counted[0] - line.counted[1]) if line.counted else None,
    )
