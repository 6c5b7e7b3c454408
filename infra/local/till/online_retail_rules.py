"""What becomes of each row of an Online Retail file: a table of named rules, first match wins.

The README beside this file gives the reasons. Each row falls under exactly one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

from shared.events import extended_amount

from .online_retail_file import Row

CURRENCY = "GBP"

SERVICE_CODES = frozenset(
    ["POST", "DOT", "C2", "M", "D", "S", "B", "PADS", "CRUK", "BANK CHARGES", "AMAZONFEE"]
)
"""Codes that stand for a service, fee or correction rather than an article."""
SERVICE_CODE_PREFIXES = ("GIFT_", "DCGS")
REDUCTION_CODES = frozenset(["D", "M"])
"""Discount and manual adjustment: with a negative quantity they reduce their invoice."""


class Kind(Enum):
    """What an invoice number says about the invoice, by its first character."""

    SALE = "sale"
    RETURN = "return"
    BAD_DEBT = "bad debt"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Invoice:
    """The rows of one invoice number, in file order, and where it stands in the file."""

    number: str
    kind: Kind
    position: int
    """How many invoices began before it in the file."""
    wanted: bool
    """Whether it is among the invoices asked for; the others only keep sequence numbers stable."""
    rows: list[Row] = field(default_factory=list)

    @property
    def moment(self) -> datetime:
        """Return when the invoice was made out: its earliest row."""
        return min(row.moment for row in self.rows)


def kind_of(number: str) -> Kind:
    """Return what an invoice number says the invoice is."""
    if number[:1].isdigit():
        return Kind.SALE
    return {"C": Kind.RETURN, "A": Kind.BAD_DEBT}.get(number[:1], Kind.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Rule:
    """One way a row can be handled."""

    name: str
    books: bool
    """Whether the row becomes part of a fact."""
    meaning: str


@dataclass(frozen=True, slots=True)
class RowRule(Rule):
    """A rule that a row meets on its own, knowing what kind of invoice it stands on."""

    applies: Callable[[Row, Kind], bool]


def code_of(row: Row) -> str:
    """Return the article code in its one spelling: the file has it under both cases."""
    return row.code.strip().upper()


def line_amount(row: Row) -> Decimal:
    """Return what the row costs, positive, in pence, halves up: some prices have 3 decimals."""
    return extended_amount(abs(row.quantity), row.price, CURRENCY)


def _is_service(row: Row, _: Kind) -> bool:
    code = code_of(row)
    return code in SERVICE_CODES or code.startswith(SERVICE_CODE_PREFIXES)


EXCLUDING: tuple[RowRule, ...] = (
    RowRule(
        "bad-debt",
        False,
        "invoice number starts with A: a ledger correction, no till transaction",
        lambda row, kind: kind is Kind.BAD_DEBT,
    ),
    RowRule(
        "unknown-invoice-kind",
        False,
        "invoice number starts neither with a digit nor with C or A",
        lambda row, kind: kind is Kind.UNKNOWN,
    ),
    RowRule(
        "zero-quantity",
        False,
        "quantity zero: nothing was sold",
        lambda row, kind: row.quantity == 0,
    ),
    RowRule(
        "negative-price",
        False,
        "price below zero: no till sells for less than nothing",
        lambda row, kind: row.price < 0,
    ),
    RowRule(
        "positive-on-return",
        False,
        "quantity above zero on a cancellation: contradicts its invoice",
        lambda row, kind: kind is Kind.RETURN and row.quantity > 0,
    ),
    RowRule(
        "stock-correction",
        False,
        "negative quantity at price zero without C: damaged, lost or counted goods",
        lambda row, kind: kind is Kind.SALE and row.quantity < 0 and row.price == 0,
    ),
    RowRule(
        "negative-quantity",
        False,
        "negative quantity at a price without C, other than a reduction (D, M)",
        lambda row, kind: (
            kind is Kind.SALE and row.quantity < 0 and code_of(row) not in REDUCTION_CODES
        ),
    ),
)
"""Rows that never book, in the order they are asked."""

BOOKING: tuple[RowRule, ...] = (
    RowRule(
        "reduction",
        True,
        "code D or M with negative quantity on a sale: a discount on the whole invoice",
        lambda row, kind: kind is Kind.SALE and row.quantity < 0,
    ),
    RowRule(
        "free-of-charge",
        True,
        "price zero (or below half a penny) on an invoice that is paid: a line of 0.00",
        lambda row, kind: line_amount(row) == 0,
    ),
    RowRule(
        "service-code",
        True,
        "postage, carriage, fee, voucher or manual entry: a line with the code as its item",
        _is_service,
    ),
    RowRule("article", True, "an article: a line", lambda row, kind: True),
)
"""Rows that book once their invoice does, in the order they are asked."""

UNREADABLE = Rule("unreadable", False, "a column is missing, or a number or date cannot be read")
AFTER_ITS_DAY = Rule("after-its-day", False, "stands in the file after its day was over")
NOTHING_TO_PAY = Rule("nothing-to-pay", False, "the rows left of its invoice come to 0.00 or less")
REFUSED_BY_CONTRACT = Rule(
    "refused-by-contract", False, "its invoice breaks a constraint of the published facts"
)
REPEATED = Rule("repeated-row", True, "equal to an earlier row of its invoice: a line of its own")

RULES: tuple[Rule, ...] = (
    UNREADABLE,
    AFTER_ITS_DAY,
    *EXCLUDING,
    NOTHING_TO_PAY,
    REFUSED_BY_CONTRACT,
    REPEATED,
    *BOOKING,
)
"""All rules in the order they are asked."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An invoice's rows apart: those that book with their rule, and those that do not."""

    booking: list[tuple[Row, Rule]]
    excluded: list[tuple[Row, Rule]]


def judge(invoice: Invoice) -> Judged:
    """Return each row of the invoice under its rule."""
    judged = Judged([], [])
    seen: set[tuple[object, ...]] = set()
    for row in invoice.rows:
        if (excluding := _first(EXCLUDING, row, invoice.kind)) is not None:
            judged.excluded.append((row, excluding))
            continue
        content = row[1:]
        rule = REPEATED if content in seen else _first(BOOKING, row, invoice.kind)
        seen.add(content)
        judged.booking.append((row, rule or BOOKING[-1]))
    if judged.booking and _worth(judged.booking, invoice.kind) <= 0:
        judged.excluded.extend((row, NOTHING_TO_PAY) for row, _ in judged.booking)
        judged.booking.clear()
    return judged


def is_reduction(row: Row, kind: Kind) -> bool:
    """Return whether a booking row reduces its invoice instead of being a line of it."""
    return kind is Kind.SALE and row.quantity < 0


def _worth(booking: Sequence[tuple[Row, Rule]], kind: Kind) -> Decimal:
    return sum(
        (-line_amount(row) if is_reduction(row, kind) else line_amount(row) for row, _ in booking),
        Decimal(0),
    )


def _first(rules: Sequence[RowRule], row: Row, kind: Kind) -> RowRule | None:
    return next((rule for rule in rules if rule.applies(row, kind)), None)
