"""Crashes, outages, duplicates and forgeries in any order: the books hold each fact once."""

from __future__ import annotations

import asyncio
import contextlib
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.bus import Done, Later, Rejected
from shared.dynamics import TryLater
from shared.events import DocumentPosted, Reason
from tests.unit.booking.bookings import Books, delivery

SEQUENCES = st.integers(1, 4)
CASHIERS = st.sampled_from(["Ada", "Bob"])
BATCHES = st.lists(st.tuples(SEQUENCES, CASHIERS), min_size=1, max_size=5)


class Booking(RuleBasedStateMachine):
    """`announced` is what the bus has heard of each fact, which must never change."""

    @initialize()
    def open_the_books(self) -> None:
        self.runner = asyncio.Runner()
        self.books = Books()
        self.announced: dict[UUID, DocumentPosted] = {}

    def teardown(self) -> None:
        self.runner.close()

    @rule(batch=BATCHES)
    def deliver(self, batch: list[tuple[int, str]]) -> None:
        deliveries = [delivery(*each) for each in batch]
        outcomes = self.runner.run(self.books.book(*deliveries))
        for each, outcome in zip(deliveries, outcomes, strict=True):
            fact_id = each.event.id
            if isinstance(outcome, Done):
                assert outcome.document is not None
                assert self.announced.setdefault(fact_id, outcome.document) == outcome.document
                assert self.booked()[fact_id] == each.event.data.cashier
            elif isinstance(outcome, Rejected):
                assert outcome.reason is Reason.DOCUMENT_DIFFERS
                assert self.booked()[fact_id] != each.event.data.cashier

    @rule(batch=BATCHES, moment=st.sampled_from(["before", "after"]), odd=st.booleans())
    def crash_in_a_port(self, batch: list[tuple[int, str]], moment: str, odd: bool) -> None:
        port = self.books.odd if odd else self.books.even
        port.crash = moment
        with contextlib.suppress(ConnectionError):
            self.deliver(batch)
        port.crash = None

    @rule(batch=BATCHES, call=st.sampled_from(["results", "record", "answer"]))
    def lose_the_store(self, batch: list[tuple[int, str]], call: str) -> None:
        self.books.inbox.fault = call
        self.deliver(batch)
        self.books.inbox.fault = None

    @rule(batch=BATCHES, sequence=SEQUENCES)
    def throttle(self, batch: list[tuple[int, str]], sequence: int) -> None:
        port = self.books.odd if sequence % 2 else self.books.even
        port.errors[delivery(sequence).event.id] = TryLater("throttled")
        self.deliver(batch)
        port.errors.clear()

    @rule(sequence=SEQUENCES, cashier=CASHIERS)
    def a_fact_alone_and_without_trouble_waits_for_nothing(
        self, sequence: int, cashier: str
    ) -> None:
        (outcome,) = self.runner.run(self.books.book(delivery(sequence, cashier)))
        assert not isinstance(outcome, Later)

    @invariant()
    def each_fact_has_at_most_one_document(self) -> None:
        assert not self.books.odd.booked.keys() & self.books.even.booked.keys()

    @invariant()
    def nothing_is_announced_that_is_not_in_the_books(self) -> None:
        assert self.announced.keys() <= self.booked().keys()

    def booked(self) -> dict[UUID, str]:
        """Who sold what is in the books."""
        documents = self.books.odd.booked | self.books.even.booked
        return {fact_id: document.cashier for fact_id, document in documents.items()}


TestBooking = Booking.TestCase
TestBooking.settings = settings(stateful_step_count=25, max_examples=100)
