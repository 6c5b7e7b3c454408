"""Replays UCI Online Retail files as facts: an invoice is one sale or return of a store.

Store = country, company gbrt, one terminal T1, business day = date of the invoice's earliest row,
transaction numbers from 1 in time order per store and day. Everything is derived from the file
alone, so a replay publishes the same ids every time. The README beside this file has the rules.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from shared.events import (
    Discount,
    Fact,
    ReturnLine,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    TransactionKey,
)

from .closing import DayTotals, Transaction
from .online_retail_file import BrokenRow, Row, UnreadableFile, read_rows
from .online_retail_rules import (
    AFTER_ITS_DAY,
    CURRENCY,
    REFUSED_BY_CONTRACT,
    RULES,
    UNREADABLE,
    Invoice,
    Judged,
    Kind,
    Rule,
    code_of,
    is_reduction,
    judge,
    kind_of,
    line_amount,
)
from .pricing import Position, Terms, exactly, price_lines, ring_up

__all__ = ["RULES", "ExcludedRow", "Replay", "ReplayReport", "UnreadableFile", "read_facts"]

COMPANY = "gbrt"
TERMINAL = "T1"
# The file states no tax: its amounts are booked as they stand, without any.
TERMS = Terms(CURRENCY, prices_include_tax=True)


@dataclass(frozen=True, slots=True)
class ExcludedRow:
    """A row that became part of no fact, and why."""

    row: int
    """Line of the file, the header being line 1."""
    invoice: str
    rule: str
    detail: str = ""


@dataclass(slots=True)
class ReplayReport:
    """What became of every row read; complete once the replay has been iterated to its end."""

    invoices: int = 0
    rows_read: int = 0
    rows_by_rule: Counter[str] = field(default_factory=Counter)
    """Adds up to `rows_read`."""
    excluded: list[ExcludedRow] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    """Dirt that was cleaned or tolerated, counted beside the rules; not a partition."""
    sales: int = 0
    returns: int = 0
    days_closed: int = 0
    sales_amount: Decimal = Decimal(0)
    returns_amount: Decimal = Decimal(0)

    @property
    def excluded_by_rule(self) -> dict[str, int]:
        """Return how many rows each rule excluded."""
        return dict(Counter(row.rule for row in self.excluded))

    def exclude(self, row: Row | BrokenRow, rule: Rule, detail: str = "") -> None:
        """Record a row that books nowhere."""
        self.rows_by_rule[rule.name] += 1
        self.excluded.append(ExcludedRow(row.number, row.invoice, rule.name, detail))

    def book(self, judged: Judged, fact: Transaction) -> None:
        """Record the rows that made up a fact, and the fact."""
        self.rows_by_rule.update(rule.name for _, rule in judged.booking)
        if isinstance(fact, SaleCompleted):
            self.sales += 1
            self.sales_amount += fact.total
        else:
            self.returns += 1
            self.returns_amount += fact.total


class Replay(Iterable[Fact]):
    """The facts of a file, day by day: each store's sales and returns in time order, then closes.

    Iterating reads the file and begins a new report. Raises UnreadableFile and OSError.
    """

    def __init__(self, path: Path, invoices: int | None = None) -> None:
        self._path = path
        self._limit = invoices
        self.report = ReplayReport()

    def __iter__(self) -> Iterator[Fact]:
        self.report = ReplayReport()
        for day, invoices in self._days():
            yield from self._facts_of(day, invoices)

    def _days(self) -> Iterator[tuple[date, list[Invoice]]]:
        """Yield each day's invoices in file order; a day is over when a later one's invoice begins.

        The day on which the invoices asked for end is read to its end: its other invoices get their
        transaction numbers too, so that a longer replay gives the same ids.
        """
        day: date | None = None
        today: dict[str, Invoice] = {}
        earlier: set[str] = set()
        begun = 0
        for row in read_rows(self._path):
            reached = self._limit is not None and begun >= self._limit
            if isinstance(row, BrokenRow):
                known = today.get(row.invoice)
                self._note_broken(row, wanted=known.wanted if known else not reached)
                continue
            invoice = today.get(row.invoice)
            if day is not None and (row.moment.date() < day or row.invoice in earlier):
                self._note_late(row, wanted=invoice.wanted if invoice else not reached)
                continue
            if invoice is None:
                if day is None or row.moment.date() > day:
                    if day is not None:
                        yield day, list(today.values())
                    if reached:
                        return
                    day, earlier, today = row.moment.date(), earlier | today.keys(), {}
                begun += 1
                invoice = Invoice(row.invoice, kind_of(row.invoice), begun, wanted=not reached)
                today[row.invoice] = invoice
            invoice.rows.append(row)
        if day is not None:
            yield day, list(today.values())

    def _facts_of(self, day: date, invoices: list[Invoice]) -> Iterator[Fact]:
        in_time = sorted(invoices, key=lambda invoice: (invoice.moment, invoice.position))
        sequences: Counter[str] = Counter()
        stores: dict[str, DayTotals] = {}
        for invoice in in_time:
            store = store_of(invoice.rows[0].country)
            fact = self._fact(invoice, _key(store, day, sequences[store] + 1))
            if fact is None:
                continue
            sequences[store] += 1
            if invoice.wanted:
                totals = stores.setdefault(store, DayTotals(COMPANY, store, day, CURRENCY))
                totals.add(fact)
                yield fact
        for _, totals in sorted(stores.items()):
            self.report.days_closed += 1
            yield _close(day, totals)

    def _fact(self, invoice: Invoice, key: TransactionKey) -> Transaction | None:
        """Return the fact an invoice becomes, None if none; account for its rows if wanted."""
        judged = judge(invoice)
        problem = ""
        fact: Transaction | None = None
        if judged.booking:
            try:
                fact = _transaction(invoice, [row for row, _ in judged.booking], key)
            except ValidationError as error:
                problem = error.errors(include_url=False, include_input=False)[0]["msg"]
        if invoice.wanted:
            self._account_for(invoice, judged, fact, problem)
        return fact

    def _account_for(
        self, invoice: Invoice, judged: Judged, fact: Transaction | None, problem: str
    ) -> None:
        self.report.invoices += 1
        self.report.rows_read += len(invoice.rows)
        self.report.notes.update(_notes(invoice))
        for row, rule in judged.excluded:
            self.report.exclude(row, rule)
        if fact is not None:
            self.report.book(judged, fact)
            return
        for row, _ in judged.booking:
            self.report.exclude(row, REFUSED_BY_CONTRACT, problem)

    def _note_broken(self, row: BrokenRow, *, wanted: bool) -> None:
        if wanted:
            self.report.rows_read += 1
            self.report.exclude(row, UNREADABLE, row.problem)

    def _note_late(self, row: Row, *, wanted: bool) -> None:
        if wanted:
            self.report.rows_read += 1
            self.report.exclude(row, AFTER_ITS_DAY)


def read_facts(path: Path, *, invoices: int | None = None) -> Replay:
    """Return the facts of a file, or of its first `invoices` invoices of any kind in file order.

    Iterate it, then look at its `report`.
    """
    return Replay(path, invoices)


def store_of(country: str) -> str:
    """Return the store number a country stands for: United Kingdom -> UNITED-KINGDOM."""
    slug = re.sub(r"[^A-Z0-9]+", "-", country.strip().upper()).strip("-")
    return slug[:30].rstrip("-") or "UNSPECIFIED"


def _key(store: str, day: date, sequence: int) -> TransactionKey:
    return TransactionKey(
        company=COMPANY, store=store, business_day=day, terminal=TERMINAL, sequence=sequence
    )


def _transaction(invoice: Invoice, rows: list[Row], key: TransactionKey) -> Transaction:
    customer = rows[0].customer.strip().removesuffix(".0") or None
    payment = exactly("card" if customer else "cash", CURRENCY)
    reductions = tuple(
        Discount(code=code_of(row), amount=line_amount(row))
        for row in rows
        if is_reduction(row, invoice.kind)
    )
    positions = [_position(row) for row in rows if not is_reduction(row, invoice.kind)]
    if invoice.kind is Kind.SALE:
        return ring_up(
            key,
            invoice.moment,
            positions,
            TERMS,
            payment,
            basket_discounts=reductions,
            receipt=invoice.number,
            customer=customer,
        )
    lines = tuple(ReturnLine(**dict(line)) for line in price_lines(positions, Decimal(0), TERMS))
    total = sum((line.gross_amount for line in lines), Decimal(0))
    return SaleReturned(
        key=key,
        occurred_at=invoice.moment,
        currency=CURRENCY,
        prices_include_tax=TERMS.prices_include_tax,
        lines=lines,
        tenders=payment(total),
        total=total,
        receipt=invoice.number,
        customer=customer,
    )


def _position(row: Row) -> Position:
    return Position(
        item=code_of(row),
        description=" ".join(row.description.split()),
        quantity=abs(row.quantity),
        unit_price=row.price,
    )


def _close(day: date, totals: DayTotals) -> StoreDayClosed:
    """Close the day; the revision counts what it covers, so a longer replay's close supersedes."""
    last_moment = datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
    return totals.close(last_moment, revision=min(totals.transactions, 9999))


def _notes(invoice: Invoice) -> Iterator[str]:
    if len({row.moment for row in invoice.rows}) > 1:
        yield "invoice-with-several-timestamps"
    if len({row.country for row in invoice.rows}) > 1:
        yield "invoice-of-several-countries"
    if len({row.customer for row in invoice.rows}) > 1:
        yield "invoice-of-several-customers"
    for row in invoice.rows:
        if row.code.upper() != row.code:
            yield "code-in-lower-case"
        if not row.description.strip():
            yield "no-description"
        elif row.description != " ".join(row.description.split()):
            yield "blanks-in-description"
        if not row.customer.strip():
            yield "no-customer"
