"""Ports, an inbox and sales for the tests of `shared.booking`, all of which can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.booking import Booker, Plan, Prepare
from shared.bus import Delivery, Outcome
from shared.dynamics import Booked, Conflict, DynamicsError, Failed, Posting
from shared.events import new_event
from shared.store.errors import StoreUnavailable
from shared.store.inbox import InboxResult, MemoryInbox
from tests.unit.bus.samples import NOW, clock, sale


@dataclass(frozen=True)
class Document:
    """What a sale becomes: its id in the books, and what they say."""

    fact_id: UUID
    cashier: str


class Port:
    """Books as the ports promise: one document per key; the same again is found, another is not.

    `errors` are answered instead; `crash` raises before the books are written, or after.
    """

    def __init__(self) -> None:
        self.booked: dict[UUID, Document] = {}
        self.calls: list[int] = []
        self.errors: dict[UUID, DynamicsError] = {}
        self.crash: str | None = None

    async def post(self, documents: Sequence[Document]) -> Sequence[Posting]:
        self.calls.append(len(documents))
        if self.crash == "before":
            raise ConnectionError("the process dies before it has posted")
        answers = [self._post(document) for document in documents]
        if self.crash == "after":
            raise ConnectionError("the process dies before it has heard of it")
        return answers

    def _post(self, document: Document) -> Posting:
        error = self.errors.get(document.fact_id)
        if error is not None:
            return Failed(error)
        there = self.booked.setdefault(document.fact_id, document)
        if there != document:
            return Failed(Conflict(f"cashier: {there.cashier} there, {document.cashier} here"))
        return Booked(key=f"'{document.fact_id}'", already_there=there is not document)


class FaultyInbox(MemoryInbox):
    """`fault`: the next call of that name fails; `record` before it is written, `answer` after."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: str | None = None

    async def results(self, fact_ids: Iterable[UUID]) -> dict[UUID, InboxResult]:
        self._fail("results")
        return await super().results(fact_ids)

    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        self._fail("record")
        stored = await super().record(results)
        self._fail("answer")
        return stored

    def _fail(self, call: str) -> None:
        if self.fault == call:
            self.fault = None
            raise StoreUnavailable("the database restarts")


def delivery(sequence: int = 1, cashier: str = "Ada") -> Delivery:
    """A sale; the same sequence with another cashier is another content under one id."""
    fact = sale(sequence).model_copy(update={"cashier": cashier})
    event = new_event(fact, source="/tills/gbrt/LONDON", time=NOW)
    return Delivery(event, 1, NOW, str(event.id))


@dataclass
class Books:
    """One effect booked through two ports: sales with odd numbers in the first."""

    odd: Port = field(default_factory=Port)
    even: Port = field(default_factory=Port)
    inbox: FaultyInbox = field(default_factory=FaultyInbox)
    instead: Mapping[int, Outcome] = field(default_factory=dict)
    """Sequence -> what `prepare` says of it instead of a plan."""

    def prepare(self, delivery: Delivery) -> Plan[Document] | Outcome:
        event = delivery.event
        sequence = event.data.key.sequence
        if sequence in self.instead:
            return self.instead[sequence]
        return Plan(
            document=Document(event.id, event.data.cashier),
            post=(self.odd if sequence % 2 else self.even).post,
            system="finance-operations",
            company="gbrt",
            entity_set="RetailTransactions",
            waits_for=lambda _error: "item/gbrt/ITEM-1",
            amount=event.data.total,
            currency=event.data.currency,
        )

    async def book(
        self, *deliveries: Delivery, prepare: Callable[[Prepare], Prepare] = lambda same: same
    ) -> list[Outcome]:
        return await Booker("ledger", self.inbox, clock).book(deliveries, prepare(self.prepare))
