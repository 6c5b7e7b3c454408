"""What facts say together: repetitions, sequences, returns against sales, closes against both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256

from shared.events import (
    Event,
    Reason,
    ReturnLine,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    TransactionKey,
)
from shared.events.till_transactions import TillTransaction

from .report import Finding, refusal
from .sequences import TerminalLog, Used

Sale = SaleCompleted | SaleReturned
StoreDay = tuple[str, str, date]


@dataclass(slots=True)
class _Day:
    """One store's business day as far as the files tell it."""

    terminals: dict[str, TerminalLog] = field(default_factory=lambda: defaultdict(TerminalLog))
    sales: dict[TransactionKey, tuple[str, Sale]] = field(default_factory=dict)
    """Newest revision of each, and where it stands."""
    closed: tuple[str, StoreDayClosed] | None = None
    """Newest revision, and where it stands."""


class Books:
    """Keeps what has been read, and compares."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, bytes]] = {}
        self._days: dict[StoreDay, _Day] = defaultdict(_Day)

    def enter(self, where: str, event: Event) -> list[Finding]:
        """Enter an event; return what is wrong with its coming again, if it does."""
        fact = event.data
        digest = sha256(fact.model_dump_json(exclude_defaults=True).encode()).digest()
        earlier = self._seen.setdefault(str(event.id), (where, digest))
        if earlier != (where, digest):
            return [_repeated(where, event, earlier[0], same=earlier[1] == digest)]
        if isinstance(fact, SaleCompleted | SaleReturned | TillTransaction):
            key = fact.key
            day = self._days[key.company, key.store, key.business_day]
            day.terminals[key.terminal].use(Used(key.sequence, where, fact))
        if isinstance(fact, SaleCompleted | SaleReturned):
            self._enter_sale(where, fact)
        if isinstance(fact, StoreDayClosed):
            day = self._days[fact.company, fact.store, fact.business_day]
            if day.closed is None or day.closed[1].revision < fact.revision:
                day.closed = (where, fact)
        return []

    def close(self) -> Iterator[Finding]:
        """Yield what is wrong with everything entered."""
        yield from self._returns()
        for (company, store, business_day), day in self._days.items():
            about = f"{company}/{store}/{business_day}"
            closed = day.closed[1] if day.closed else None
            stated = {each.terminal: each for each in closed.terminals} if closed else {}
            for terminal, log in day.terminals.items():
                for where, text in log.contradictions(stated.get(terminal)):
                    yield Finding("sequences", where, text, subject=f"{about}/{terminal}")
            if day.closed is not None and day.terminals:
                yield from _close(*day.closed, day)

    def _enter_sale(self, where: str, sale: Sale) -> None:
        day = self._days[sale.key.company, sale.key.store, sale.key.business_day]
        known = day.sales.get(sale.key)
        if known is None or known[1].revision <= sale.revision:
            day.sales[sale.key] = (where, sale)

    def _returns(self) -> Iterator[Finding]:
        entered = [each for day in self._days.values() for each in day.sales.values()]
        lines = [
            (where, sale, line)
            for where, sale in entered
            for line in (*sale.lines, *sale.exchanged_lines)
        ]
        left = {
            (sale.key, line.number): line.quantity
            for _, sale, line in lines
            if not isinstance(line, ReturnLine)
        }
        keys = {key for key, _ in left}
        for where, sale, line in lines:
            if not isinstance(line, ReturnLine) or line.original is None:
                continue
            sold = (line.original.key, line.original.line)
            if line.original.key not in keys:
                continue  # sold before these files begin
            remaining = left.get(sold, Decimal(0))
            left[sold] = max(remaining - line.quantity, Decimal(0))
            if line.quantity > remaining:
                text = (
                    f"line {line.number} brings back {line.quantity} of line {sold[1]} of"
                    f" {sold[0]}, of which {remaining} can come back"
                )
                yield refusal(Reason.RETURNS_MORE_THAN_SOLD, where, text, str(sale.key))


def _repeated(where: str, event: Event, earlier: str, *, same: bool) -> Finding:
    if same:
        text = f"repeats {earlier}: harmless, it would be recognised"
        return Finding("repetitions", where, text, subject=event.subject)
    text = f"says something else than {earlier} under the same id: publish a correction as revision"
    return refusal(Reason.DOCUMENT_DIFFERS, where, text, event.subject)


def _close(where: str, close: StoreDayClosed, day: _Day) -> Iterator[Finding]:
    """Yield where a close states something else than its transactions add up to."""
    sales = [fact for _, fact in day.sales.values()]
    texts = [*_counts(close, day, sales), *_totals(close, sales)]
    return (Finding("day-close", where, text, subject=close.natural_key()) for text in texts)


def _counts(close: StoreDayClosed, day: _Day, sales: Sequence[Sale]) -> Iterator[str]:
    stated = {each.terminal: each for each in close.terminals}
    for terminal in sorted({*stated, *day.terminals}):
        own = [fact for fact in sales if fact.key.terminal == terminal]
        sold = sum(isinstance(fact, SaleCompleted) for fact in own)
        each = stated.get(terminal)
        if each is None:
            yield f"terminal {terminal} traded and is not in the close"
        elif (each.sales, each.returns) != (sold, len(own) - sold):
            yield (
                f"terminal {terminal} states {each.sales} sales and {each.returns} returns,"
                f" there are {sold} and {len(own) - sold}"
            )


def _totals(close: StoreDayClosed, sales: Sequence[Sale]) -> Iterator[str]:
    total = sum((fact.signed_amount for fact in sales), Decimal(0))
    if total != close.total:
        yield f"total is {close.total}, the transactions come to {total}"
    stated: dict[tuple[str, str], Decimal] = {
        (each.type, each.currency): each.amount for each in close.tender_totals
    }
    taken = _tenders(sales)
    for means in sorted({*taken, *stated} if stated else ()):
        said, counted = stated.get(means, Decimal(0)), taken.get(means, Decimal(0))
        if said != counted:
            type_, currency = means
            yield f"{type_} in {currency} is {said}, the transactions come to {counted}"


def _tenders(sales: Iterable[Sale]) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for sale in sales:
        taken_in = isinstance(sale, SaleCompleted)
        for tender in sale.tenders:
            sign = 1 if taken_in != tender.is_change else -1
            found[tender.type, tender.currency] += sign * tender.amount
    return found
