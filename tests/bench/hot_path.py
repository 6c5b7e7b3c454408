"""What one fact costs our own code: `python -m tests.bench.hot_path [--facts 200000]`.

Sales of ten lines as a till makes them. First the processor time of each step on its way, then
all steps through the bus's consumer with Dynamics, bus and store in memory, and whether memory
stays flat while very many facts go through.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psutil  # type: ignore[import-untyped]
from azure.servicebus import ServiceBusMessageBatch
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from infra.local.till.baskets import STORES, TradingDay
from services.sales import handlers
from services.sales.ledgers.finance_operations import FinanceOperationsBook
from services.sales.slips import Slip
from shared.booking import content_digest
from shared.booking.booking import posted
from shared.bus import BusCollaborators, Delivery, Done, Publisher, RetryPolicy
from shared.bus.consumer import consume
from shared.bus.message import Received, event_message
from shared.bus.settlement import Rejection, Unsettled
from shared.bus.verdicts import Case, Subscription, judge
from shared.clock import utc_now
from shared.companies import Company
from shared.dynamics import Booked, Posting, RetailTransaction
from shared.events import DocumentRef, Event, SaleCompleted, decode, encode, new_event
from shared.store.archive import MemoryArchive
from shared.store.inbox import Inbox, InboxResult
from shared.store.parking import MemoryParking
from shared.store.records import MemoryRecords
from shared.tax import TaxRates, check
from shared.telemetry import process_spans

LINES = 10
SALES = 200
BATCH = 100
ROUNDS = 5

COMPANY = "gbrt"
SOURCE = Subscription("sale-completed", "sales", announce=True)


def ten_line_sales(count: int) -> list[Event[SaleCompleted]]:
    """Return events of sales with ten lines, in pounds, from as many trading days as it takes."""
    found: list[Event[SaleCompleted]] = []
    day = date(2026, 3, 2)
    while len(found) < count:
        for fact in TradingDay(1, STORES, day, transactions_per_store=2000):
            if not isinstance(fact, SaleCompleted):
                continue
            if len(fact.lines) == LINES and fact.key.company == COMPANY:
                traceparent = f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
                event = new_event(
                    fact, source="/tills/x", time=fact.occurred_at, traceparent=traceparent
                )
                found.append(event)
        day += timedelta(days=1)
    return found[:count]


class Ledger:
    """Books everything at once and keeps nothing."""

    async def post(self, transactions: Sequence[RetailTransaction]) -> Sequence[Posting]:
        return [Booked(key="/".join(each.key), already_there=False) for each in transactions]


class Forgetful(Inbox):
    """Has never heard of a fact, so that each is booked anew."""

    async def results(self, fact_ids: Iterable[UUID]) -> dict[UUID, InboxResult]:
        return {}

    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        return {each.fact_id: each for each in results}

    async def forget_content(self, fact_ids: Iterable[UUID]) -> None: ...


class Everything:
    """Settles whatever it is given; `count` of it."""

    def __init__(self) -> None:
        self.count = 0

    async def complete_many(self, messages: Sequence[Received]) -> list[Unsettled]:
        self.count += len(messages)
        return []

    async def abandon_many(self, messages: Sequence[Received]) -> list[Unsettled]:
        if messages:
            raise AssertionError(f"abandoned: {messages[0].message_id}")
        return []

    async def dead_letter_many(self, rejections: Sequence[Rejection]) -> list[Unsettled]:
        if rejections:
            raise AssertionError(f"dead-lettered: {rejections[0].description}")
        return []


class Sink:
    """A bus client whose batches are the SDK's own and go nowhere."""

    def get_topic_sender(self, _topic: str) -> Sink:
        return self

    async def create_message_batch(self) -> ServiceBusMessageBatch:
        return ServiceBusMessageBatch(max_size_in_bytes=1024 * 1024)

    async def send_messages(self, _batch: ServiceBusMessageBatch, *, timeout: float) -> None: ...  # noqa: ASYNC109  the SDK's own signature

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Sales:
    """The sales service with everything around it in memory."""

    bus: BusCollaborators
    companies: dict[str, Company]
    books: dict[str, Any]
    inbox: Inbox
    cash_inbox: Inbox
    records: MemoryRecords
    tax_check: Any
    clock: Any = utc_now

    @classmethod
    def in_memory(cls) -> Sales:
        port: Any = Ledger()
        bus = BusCollaborators(
            publisher=Publisher(Sink()),  # type: ignore[arg-type]
            clock=utc_now,
            retry_policy=RetryPolicy(),
            parking=MemoryParking(),
            archive=MemoryArchive(),
        )
        return cls(
            bus=bus,
            companies={COMPANY: Company(currencies=("GBP",), country="GB")},
            books={"finance-operations": FinanceOperationsBook(port, port, port)},
            inbox=Forgetful(),
            cash_inbox=Forgetful(),
            records=MemoryRecords(),
            tax_check=partial(check, rates=TaxRates.packaged()),
        )

    @property
    def archive(self) -> Any:
        return self.bus.archive

    @property
    def parking(self) -> Any:
        return self.bus.parking

    @property
    def announcer(self) -> Any:
        return self.bus.publisher


def steps(events: Sequence[Event[SaleCompleted]]) -> Iterator[tuple[str, Callable[[int], object]]]:
    """Yield each step with what it does for the n-th sale."""
    sales = Sales.in_memory()
    company, book = sales.companies[COMPANY], sales.books["finance-operations"]
    messages = [message(event) for event in events]
    deliveries = [Delivery(each, 1, each.time, str(each.id)) for each in events]
    cases = [
        Case(SOURCE, m, d, sales.bus.retry_policy, sales.bus.parking_patience, utc_now())
        for m, d in zip(messages, deliveries, strict=True)
    ]
    results = [result(event) for event in events]
    documents = [posted(event.data, result) for event, result in zip(events, results, strict=True)]
    announcements = [judge(Done(d), c).events[0] for d, c in zip(documents, cases, strict=True)]

    yield "decode and validate", lambda n: decode(messages[n].body)
    yield "check its taxes", lambda n: sales.tax_check(events[n].data, "GB")
    yield "map to a document", lambda n: book.sale(Slip.of(events[n].data), company)
    yield "digest of its content", lambda n: content_digest(events[n].data)
    yield "what is announced", lambda n: posted(events[n].data, results[n])
    yield "verdict", lambda n: judge(Done(documents[n]), cases[n])
    yield "announcement to message", lambda n: event_message(announcements[n])
    yield "trace", lambda n: spanned(messages[:BATCH]) if n % BATCH == 0 else None


def spanned(batch: Sequence[Received]) -> None:
    """Open and end the spans of a batch."""
    with process_spans(SOURCE.topic, SOURCE.name, batch):
        pass


def message(event: Event[Any]) -> Received:
    properties = {"traceparent": event.traceparent, "type": event.type}
    return Received(encode(event), str(event.id), properties, 1, str(event.id), None)


def result(event: Event[SaleCompleted]) -> InboxResult:
    document = DocumentRef(
        system="finance-operations", company=COMPANY, entity_set="RetailTransactions", key="k"
    )
    return InboxResult(
        event.id, event.type, event.subject, document, event.data.total, "GBP", utc_now()
    )


def cheapest(step: Callable[[int], object], count: int) -> float:
    """Return the processor microseconds of one call, of the least disturbed round."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for n in range(count):
            step(n)
        best = min(best, time.process_time() - began)
    return best / count * 1e6


async def drain(batches: Iterable[Sequence[Received]]) -> int:
    """Take batches through the consumer and the sales service; return how many were completed."""
    sales, settlement = Sales.in_memory(), Everything()
    for batch in batches:
        await consume(
            batch,
            settlement,
            partial(handlers.book, all_=sales),
            source=SOURCE,
            bus=sales.bus,
        )
    return settlement.count


def whole(messages: Sequence[Received]) -> float:
    """Return the processor microseconds of one fact through the consumer, in batches."""
    batches = [messages[start : start + BATCH] for start in range(0, len(messages), BATCH)]
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        done = asyncio.run(drain(batches))
        best = min(best, (time.process_time() - began) / done)
    return best * 1e6


def memory(messages: Sequence[Received], facts: int) -> None:
    """Print the resident memory at ten points on the way."""
    process = psutil.Process()
    batches = [messages[start : start + BATCH] for start in range(0, len(messages), BATCH)]
    points: list[float] = []

    def endless() -> Iterator[Sequence[Received]]:
        for taken in range(0, facts, BATCH):
            if taken % max(facts // 10 // BATCH * BATCH, BATCH) == 0:
                gc.collect()
                points.append(process.memory_info().rss / 1e6)
            yield batches[taken // BATCH % len(batches)]

    began = time.process_time()
    done = asyncio.run(drain(endless()))
    seconds = time.process_time() - began
    print(f"{done} facts in {seconds:.0f} s CPU; resident MB on the way:", end=" ")
    print(" ".join(f"{point:.0f}" for point in points))


def main() -> int:
    """Return 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=200_000, help="for the memory; 0: none")
    facts = parser.parse_args().facts
    events = ten_line_sales(SALES)
    messages = [message(event) for event in events]
    print(f"sales of {LINES} lines, {sum(len(m.body) for m in messages) // SALES} bytes each")
    total = 0.0
    for name, step in steps(events):
        cost = cheapest(step, SALES)
        total += cost
        print(f"{name:<26} {cost:7.1f} us")
    print(f"{'all steps':<26} {total:7.1f} us")
    print(f"{'through the consumer':<26} {whole(messages):7.1f} us, in batches of {BATCH}")
    trace.set_tracer_provider(TracerProvider())
    print(f"{'with spans recorded':<26} {whole(messages):7.1f} us", flush=True)
    if facts:
        memory(messages, facts)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
