"""Dynamics as its ports promise it, and workers that share a store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from services.orders.books import Book
from services.orders.handlers import book_orders, book_payments, cancel_orders
from shared.bus import Delivery, Outcome
from shared.clock import Clock
from shared.companies import OrderBook
from shared.dynamics import (
    Booked,
    Conflict,
    DynamicsError,
    Failed,
    MissingParent,
    Posting,
    Refused,
    TryLater,
)
from shared.dynamics.claims import Claims
from shared.dynamics.ports.documents import (
    DocumentKind,
    DocumentStatus,
    Payment,
    SalesDocument,
)
from shared.dynamics.ports.master_data import Credit, Customer, Price
from shared.events import OrderCancelled, PaymentCaptured
from shared.store import MemoryInbox, MemoryNotes
from shared.store.parking import MemoryParking
from shared.store.records import MemoryRecords, Record
from tests.unit.orders.facts import COMPANIES, NOW

T = TypeVar("T")

UNLIMITED = Credit(limit=None, balance=None, on_hold=False)


class Crash(Exception):
    """The process died here."""


@dataclass
class Sale:
    document: SalesDocument
    number: str
    state: str = "Backorder"

    @property
    def total(self) -> Decimal:
        lines = self.document.lines
        return sum((each.quantity * each.unit_price - each.discount for each in lines), Decimal(0))


@dataclass
class Dynamics:
    """One environment. `forgets` it deletes what is cancelled, as Business Central does; else it
    keeps it. `before` and `after` are called around every write and may raise: what the latter
    raises happened after everything was stored."""

    forgets: bool = False
    sales: dict[tuple[str, str], Sale] = field(default_factory=dict)
    paid: dict[tuple[str, str], Payment] = field(default_factory=dict)
    credits: dict[str, Credit] = field(
        default_factory=lambda: {"C-1001": Credit(None, None, False)}
    )
    cards: dict[str, Decimal] = field(default_factory=lambda: {"20117": Decimal(10)})
    agreed: list[Price] = field(default_factory=list)
    errors: dict[str, DynamicsError] = field(default_factory=dict)
    """By the key of a document or payment: what its posting ends in."""
    before: Callable[[], Awaitable[None]] | None = None
    after: Callable[[], Awaitable[None]] | None = None
    calls: list[str] = field(default_factory=list)
    most_at_once: int = 0
    """Of the sales orders of one shop order that stood at the same moment."""

    async def post_orders(self, documents: Sequence[SalesDocument]) -> Sequence[Posting]:
        return [await self._written(self._post, each) for each in documents]

    def _post(self, document: SalesDocument) -> Posting:
        self.calls.append(f"post {document.key}")
        if error := self.errors.get(document.key):
            return Failed(error)
        if document.customer not in self.credits:
            return Failed(MissingParent("The sell-to customer cannot be found."))
        for each in document.lines:
            if each.item not in self.cards:
                return Failed(MissingParent(f"Item {each.item} does not exist."))
        new = Sale(document, f"SO-{len(self.sales) + 1}")
        there = self.sales.setdefault((document.company, document.key), new)
        if there.document != document:
            return Failed(Conflict("another document"))
        self.most_at_once = max(self.most_at_once, len(self.standing(document.reference)))
        return Booked(there.number, already_there=there is not new)

    async def cancel(self, kind: DocumentKind, company: str, key: str) -> Posting:
        return await self._written(self._cancel, (company, key))

    def _cancel(self, where: tuple[str, str]) -> Posting:
        self.calls.append(f"cancel {where[1]}")
        sale = self.sales.get(where)
        if sale is None:
            gone = Booked(where[1], already_there=True)
            return gone if self.forgets else Failed(MissingParent("No document"))
        if sale.state == "Invoiced":
            return Failed(Refused(f"Order {sale.number} is Invoiced and cannot be cancelled."))
        if error := self.errors.get(f"cancel {where[1]}"):
            return Failed(error)
        already = sale.state == "Canceled"
        sale.state = "Canceled"
        if self.forgets:
            del self.sales[where]
        return Booked(sale.number, already_there=already)

    async def status(self, kind: DocumentKind, company: str, key: str) -> DocumentStatus | None:
        await asyncio.sleep(0)
        sale = self.sales.get((company, key))
        if sale is None or (self.forgets and (kind is DocumentKind.ORDER) is _is_invoiced(sale)):
            return None
        state = "Open" if kind is DocumentKind.INVOICE else sale.state
        return DocumentStatus(key, sale.number, state, sale.total)

    async def post_payments(self, payments: Sequence[Payment]) -> Sequence[Posting]:
        return [await self._written(self._pay, each) for each in payments]

    def _pay(self, payment: Payment) -> Posting:
        self.calls.append(f"pay {payment.key}")
        if error := self.errors.get(payment.key):
            return Failed(error)
        there = self.paid.setdefault((payment.company, payment.key), payment)
        return Booked(payment.key, already_there=there is not payment)

    async def credit(self, company: str, number: str) -> Credit | None:
        await asyncio.sleep(0)
        self.calls.append(f"credit {number}")
        return self.credits.get(number)

    async def of_items(self, company: str, items: Sequence[str], customer: str) -> Sequence[Price]:
        await asyncio.sleep(0)
        self.calls.append(f"prices {','.join(items)}")
        cards = [
            Price(company, item, self.cards[item], "", unit="ea", is_card=True)
            for item in dict.fromkeys(items)
            if item in self.cards
        ]
        return [*cards, *(price for price in self.agreed if price.item in items)]

    async def _written(self, write: Callable[[T], Posting], what: T) -> Posting:
        if self.before:
            await self.before()
        posting = write(what)
        if self.after:
            try:
                await self.after()
            except TryLater as error:
                return Failed(error)
        return posting

    def standing(self, order: str) -> list[Sale]:
        """Return the sales orders that stand for one of the shop."""
        return [
            sale
            for sale in self.sales.values()
            if sale.document.reference == order and sale.state != "Canceled"
        ]


def _is_invoiced(sale: Sale) -> bool:
    return sale.state == "Invoiced"


@dataclass
class _Documents:
    dynamics: Dynamics

    async def post(self, documents: Sequence[SalesDocument]) -> Sequence[Posting]:
        return await self.dynamics.post_orders(documents)

    async def cancel(self, kind: DocumentKind, company: str, key: str) -> Posting:
        return await self.dynamics.cancel(kind, company, key)

    async def status(self, kind: DocumentKind, company: str, key: str) -> DocumentStatus | None:
        return await self.dynamics.status(kind, company, key)


@dataclass
class _Payments:
    dynamics: Dynamics

    async def post(self, payments: Sequence[Payment]) -> Sequence[Posting]:
        return await self.dynamics.post_payments(payments)


@dataclass
class _Customers:
    dynamics: Dynamics

    async def save(self, customers: Sequence[Customer]) -> Sequence[Posting]:
        raise NotImplementedError

    async def find(self, company: str, number: str) -> Customer | None:
        raise NotImplementedError

    async def credit(self, company: str, number: str) -> Credit | None:
        return await self.dynamics.credit(company, number)


def book_of(dynamics: Dynamics) -> Book:
    return Book(
        system="business-central" if dynamics.forgets else "finance-operations",
        order_set="salesOrders",
        payment_set="customerPayments",
        documents=_Documents(dynamics),
        payments=_Payments(dynamics),
        customers=_Customers(dynamics),
        prices=dynamics,
        shipped=frozenset() if dynamics.forgets else frozenset({"Delivered", "Invoiced"}),
        order_becomes_invoice=dynamics.forgets,
    )


class FragileRecords(MemoryRecords):
    """`error` is raised by every call; the write after `writes` more dies, before or after it was
    kept."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.writes: int | None = None
        self.dies_after = False

    async def read(self, kind: str, keys: Iterable[str]) -> dict[str, Record]:
        if self.error:
            raise self.error
        return await super().read(kind, keys)

    async def write(self, records: Sequence[Record]) -> list[Record | None]:
        if self.writes is None:
            return await super().write(records)
        self.writes -= 1
        if self.writes < 0 and not self.dies_after:
            raise Crash
        in_the_way = await super().write(records)
        if self.writes < 0:
            raise Crash
        return in_the_way


@dataclass
class Shared:
    """What all workers share: the store and Dynamics."""

    dynamics: Dynamics = field(default_factory=Dynamics)
    orders: MemoryInbox = field(default_factory=MemoryInbox)
    payments: MemoryInbox = field(default_factory=MemoryInbox)
    records: FragileRecords = field(default_factory=FragileRecords)
    parking: MemoryParking = field(default_factory=MemoryParking)
    notes: MemoryNotes = field(default_factory=MemoryNotes)
    now: datetime = NOW


class Worker:
    """One process: it has its own locks, and the claims of one that died end with their lease."""

    companies = COMPANIES

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self.orders, self.payments = shared.orders, shared.payments
        self.records, self.parking = shared.records, shared.parking
        self.clock: Clock = lambda: shared.now
        self.claims = Claims("orders", self.clock, shared.notes)
        book = book_of(shared.dynamics)
        self.books: dict[OrderBook, Book] = {"finance-operations": book, "business-central": book}

    async def take(self, delivery: Delivery) -> Outcome:
        """Handle one delivery as the trigger of its topic does."""
        match delivery.event.data:
            case OrderCancelled():
                handler = cancel_orders
            case PaymentCaptured():
                handler = book_payments
            case _:
                handler = book_orders
        [outcome] = await handler([delivery], self)
        return outcome
