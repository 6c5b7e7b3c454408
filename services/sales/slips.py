"""What is on its way into the books: one sale or return, or the sum of many, and its number.

A sale's goods leave the store and money comes in; a return is the reverse; in an exchange some of
the goods go the other way. `directed` says which way, so that no mapping guesses it from a sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from shared.events import (
    CashMoved,
    ReturnLine,
    SaleCompleted,
    SaleLine,
    SaleReturned,
    TenderDeclared,
    TransactionKey,
)

Sale = SaleCompleted | SaleReturned
Drawer = CashMoved | TenderDeclared

SALES: Mapping[str, type[SaleCompleted] | type[SaleReturned]] = {
    SaleCompleted.TYPE: SaleCompleted,
    SaleReturned.TYPE: SaleReturned,
}


@dataclass(frozen=True, slots=True)
class Slip:
    """A sale to be booked; an aggregate is a sale like any other, the sum of its tickets."""

    sale: Sale
    number: str
    """Unique for ever within store and terminal."""
    fact_id: UUID
    loose: frozenset[TransactionKey] = frozenset()
    """Sales it takes goods back from that are not known to be booked: no document of theirs can be
    named, only they themselves."""
    traceparent: str | None = None

    @staticmethod
    def of(
        sale: Sale, traceparent: str | None = None, loose: Iterable[TransactionKey] = ()
    ) -> Slip:
        """Return the slip of a ticket."""
        number = transaction_number(sale.key)
        return Slip(sale, number, sale.event_id, frozenset(loose), traceparent)

    @property
    def document_key(self) -> str:
        """The key of its document, for ledgers whose documents have one text for it."""
        return document_key(self.sale.key, self.number)


@dataclass(frozen=True, slots=True)
class DrawerSlip:
    """What happened to a drawer's money, to be booked; `sign` is -1 where it is taken back."""

    fact: Drawer
    number: str
    fact_id: UUID
    sign: int = 1
    traceparent: str | None = None

    @staticmethod
    def of(fact: Drawer, traceparent: str | None = None) -> DrawerSlip:
        return DrawerSlip(fact, transaction_number(fact.key), fact.event_id, 1, traceparent)

    @property
    def document_key(self) -> str:
        return document_key(self.fact.key, self.number)


def transaction_number(key: TransactionKey) -> str:
    """Return the number that is unique within store and terminal.

    A till's counter starts again every business day, Dynamics' key has no day: so the day goes in.
    """
    return f"{key.business_day:%Y%m%d}-{key.sequence}"


def document_key(key: TransactionKey, number: str = "") -> str:
    """Return the text that names the document of a transaction within its company."""
    return f"{key.store}/{key.terminal}/{number or transaction_number(key)}"


def directed(sale: Sale) -> Iterator[tuple[SaleLine, bool]]:
    """Yield every line, and whether its goods leave the store; the exchanged ones last."""
    leaves = isinstance(sale, SaleCompleted)
    for line in sale.lines:
        yield line, leaves
    for line in sale.exchanged_lines:
        yield line, not leaves


def lines_sold(sale: Sale) -> list[SaleLine]:
    return [line for line, leaves in directed(sale) if leaves]


def lines_back(sale: Sale) -> list[ReturnLine]:
    return [line for line, leaves in directed(sale) if not leaves and isinstance(line, ReturnLine)]


def originals(sale: Sale) -> tuple[TransactionKey, ...]:
    """Return the transactions that goods come back from, each once, in order."""
    found = (line.original.key for line in lines_back(sale) if line.original)
    return tuple(dict.fromkeys(found))


def discount(line: SaleLine) -> Decimal:
    """Return everything taken off the line's price."""
    return sum((each.amount for each in line.discounts), line.basket_discount)
