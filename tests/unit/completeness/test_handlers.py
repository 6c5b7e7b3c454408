from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event

from services.completeness import handlers
from services.completeness.certificate import Verdict
from services.completeness.certify import certify
from shared.bus import Done, Later
from shared.bus.consumer import consume
from shared.bus.message import Received
from shared.bus.settlement import Rejection, Unsettled
from shared.bus.verdicts import Subscription
from shared.events import DocumentRejected, Reason, encode
from shared.store import (
    ClosedDay,
    DayFilter,
    Entries,
    MemoryLedger,
    Store,
    StoreDay,
    StoreUnavailable,
)
from tests.unit.bus.samples import MemoryBus

from .conftest import Collaborators, deliveries, document, event, rejection, sale
from .days import DAY, NOON, closing, transactions


async def test_a_day_that_was_witnessed_whole_is_certified_balanced(
    collaborators: Collaborators,
) -> None:
    day = transactions(["1.00", "2.50", "3.00"])
    facts = [*map(sale, day), *map(document, day), closing(day)]

    outcomes = await handlers.witness(deliveries(*facts), collaborators)
    [certificate] = await handlers.evaluate(collaborators)

    assert outcomes == [Done()] * 7
    assert certificate.verdict is Verdict.BALANCED
    assert (certificate.facts_seen, certificate.documents_posted) == (3, 3)


async def test_facts_that_come_twice_in_any_order_change_nothing(
    collaborators: Collaborators,
) -> None:
    day = transactions(["1.00", "2.50"])
    facts = deliveries(*map(document, day), closing(day), *map(sale, day))

    await handlers.witness(facts, collaborators)
    once = await handlers.evaluate(collaborators)
    await handlers.witness([*facts, *reversed(facts)], collaborators)

    assert await handlers.evaluate(collaborators) == once


async def test_a_batch_of_two_hundred_costs_at_most_two_statements_a_table(
    store: Store, collaborators: Collaborators
) -> None:
    day = transactions(["1.00"] * 60)
    facts = deliveries(
        *map(sale, day), *map(document, day), *map(rejection, day), *[closing(day)] * 20
    )
    statements: Counter[str] = Counter()

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        words = statement.split()
        statements[words[2] if words[0] == "INSERT" else words[1]] += 1

    sqlalchemy_event.listen(store._database.engine.sync_engine, "before_cursor_execute", count)
    await handlers.witness(facts, collaborators)

    assert len(facts) == 200
    written = {name: times for name, times in statements.items() if name.startswith("ledger_")}
    assert set(written) == {
        "ledger_facts", "ledger_documents", "ledger_rejections", "ledger_days",
    }  # fmt: skip
    assert max(written.values()) <= 2


class _Settled:
    def __init__(self) -> None:
        self.completed: list[Received] = []
        self.abandoned: list[Received] = []
        self.dead: list[Rejection] = []

    async def complete_many(self, messages: Sequence[Received]) -> list[Unsettled]:
        self.completed += messages
        return []

    async def abandon_many(self, messages: Sequence[Received]) -> list[Unsettled]:
        self.abandoned += messages
        return []

    async def dead_letter_many(self, rejections: Sequence[Rejection]) -> list[Unsettled]:
        self.dead += rejections
        return []


async def _consume(bodies: Sequence[bytes], collaborators: Collaborators) -> _Settled:
    """Take messages as the trigger of the sale topics does."""
    settled = _Settled()

    async def note(rejections: Sequence[DocumentRejected]) -> None:
        await handlers.note_invalid(rejections, collaborators)

    await consume(
        [
            Received(body, f"m{n}", {}, delivery_count=0, lock_token=str(n), native=None)
            for n, body in enumerate(bodies)
        ],
        settled,
        lambda deliveries: handlers.witness(deliveries, collaborators),
        source=Subscription("sale-completed", "completeness"),
        bus=MemoryBus().collaborators(),
        note_invalid=note,
    )
    return settled


def _invalid(body: bytes) -> bytes:
    envelope = json.loads(body)
    envelope["data"]["total"] = "999.99"
    return json.dumps(envelope).encode()


async def test_an_invalid_sale_counts_as_seen_and_is_not_dead_lettered_a_second_time(
    collaborators: Collaborators,
) -> None:
    day = transactions(["1.00", "2.00", "3.00"])
    bodies = [encode(event(sale(each))) for each in day]

    settled = await _consume([bodies[0], _invalid(bodies[1]), bodies[2], b"no json"], collaborators)
    await handlers.witness(deliveries(rejection(day[1])), collaborators)

    assert (len(settled.completed), settled.dead, settled.abandoned) == (4, [], [])
    [known] = await collaborators.ledger.entries([DAY])
    certificate = certify(DAY, known.entries)
    assert certificate.missing_sequences == 0
    assert certificate.facts_seen == 3
    [put_aside] = certificate.rejected
    assert (put_aside.sequence, put_aside.reason) == (2, Reason.AMOUNTS_DO_NOT_ADD_UP)
    assert await collaborators.ledger.rejections_without_key(10) == []


class _Down(MemoryLedger):
    async def record(self, entries: Entries) -> None:
        raise StoreUnavailable("the store cannot be reached")


async def test_facts_wait_while_the_store_is_down_and_none_is_lost() -> None:
    down = Collaborators(_Down(), lambda: NOON)
    day = transactions(["1.00", "2.00"])
    bodies = [encode(event(sale(each))) for each in day]

    outcomes = await handlers.witness(deliveries(*map(sale, day)), down)
    settled = await _consume([_invalid(bodies[0])], down)

    assert outcomes == [Later("the store is unavailable: the store cannot be reached")] * 2
    assert (len(settled.abandoned), settled.completed, settled.dead) == (1, [], [])


async def test_only_days_that_changed_are_looked_at_again(collaborators: Collaborators) -> None:
    first, second = day = transactions(["1.00", "2.00"])
    await handlers.witness(deliveries(sale(first), closing(day)), collaborators)

    assert len(await handlers.evaluate(collaborators)) == 1
    assert await handlers.evaluate(collaborators) == []
    await handlers.witness(deliveries(sale(second)), collaborators)
    [certificate] = await handlers.evaluate(collaborators)
    assert certificate.facts_seen == 2


async def test_an_open_day_is_looked_at_whole_only_while_it_has_a_gap(
    collaborators: Collaborators,
) -> None:
    first, second, third = transactions(["1.00"] * 3)

    looked_at = []
    for told in (first, third, second):
        await handlers.witness(deliveries(sale(told)), collaborators)
        looked_at.append([each.reasons[1:] for each in await handlers.evaluate(collaborators)])

    assert [len(each) for each in looked_at] == [0, 1, 0]
    assert looked_at[1][0][0] == "terminal T1: no fact for sequence 2"
    [evaluation] = await collaborators.ledger.evaluations(other_than=Verdict.BALANCED)
    assert (evaluation.verdict, evaluation.missing_sequences) == (Verdict.OPEN, 0)
    assert await collaborators.ledger.unevaluated(10) == []


class _Gauge:
    def __init__(self) -> None:
        self.values: dict[object, float] = {}

    def set(self, value: float, attributes: dict[str, str]) -> None:
        self.values[attributes["company"]] = value


async def test_a_missing_sequence_is_named_and_metered_until_it_is_found(
    collaborators: Collaborators,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gauge = _Gauge()
    monkeypatch.setattr(handlers, "MISSING_SEQUENCES", gauge)
    caplog.set_level(logging.INFO, "tillbus.completeness")
    day = transactions(["1.00", "2.00", "3.00"])
    there = [day[0], day[2]]
    await handlers.witness(
        deliveries(*map(sale, there), *map(document, there), closing(day)), collaborators
    )

    await handlers.evaluate(collaborators)
    await handlers.evaluate(collaborators)

    assert gauge.values == {"usrt": 1}
    [line] = [each.getMessage() for each in caplog.records]
    assert line.startswith(
        "Store-day usrt/S1/2026-03-01 is incomplete: terminal T1: no fact for sequence 2;"
    )

    await handlers.witness(deliveries(sale(day[1]), document(day[1])), collaborators)
    await handlers.evaluate(collaborators)

    assert gauge.values == {"usrt": 0}
    assert caplog.records[-1].getMessage() == f"Store-day {DAY} is balanced: 3 documents"
    assert await collaborators.ledger.days(DayFilter()) == [DAY]


async def test_nothing_is_issued_about_a_day_that_is_still_open(
    collaborators: Collaborators,
) -> None:
    first, _, third = day = transactions(["1.00"] * 3)
    await handlers.witness(deliveries(sale(first), sale(third)), collaborators)

    [certificate] = await handlers.evaluate(collaborators)
    assert certificate.missing_sequences == 1
    assert await collaborators.certificates.days(DayFilter()) == []

    await handlers.witness(deliveries(closing(day)), collaborators)
    await handlers.evaluate(collaborators)
    assert await collaborators.certificates.days(DayFilter()) == [DAY]


async def test_a_day_that_cannot_be_certified_does_not_keep_the_others_from_it(
    collaborators: Collaborators, caplog: pytest.LogCaptureFixture
) -> None:
    day = transactions(["1.00"])
    damaged = ClosedDay(StoreDay("usrt", "S0", DAY.business_day), 0, "no close at all")
    await collaborators.ledger.record(Entries(closed=[damaged]))
    await handlers.witness(deliveries(*map(sale, day), closing(day)), collaborators)

    certificates = await handlers.evaluate(collaborators)

    assert [each.store for each in certificates] == ["S1"]
    assert "Store-day usrt/S0/2026-03-01 cannot be certified" in caplog.text
    assert await collaborators.ledger.unevaluated(10) == [damaged.day]


async def test_days_nobody_closes_are_metered_once_the_next_day_is_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    gauge = _Gauge()
    monkeypatch.setattr(handlers, "DAYS_NOT_CLOSED", gauge)
    now = NOON
    books = Collaborators(store.ledger, lambda: now, store.certificates)
    day = transactions(["1.00"])
    await handlers.witness(deliveries(*map(sale, day)), books)

    for days, expected in ((0, 0), (1, 0), (2, 1)):
        now = NOON + timedelta(days=days)
        await handlers.witness(deliveries(*map(sale, day)), books)
        await handlers.evaluate(books)
        assert gauge.values == {"usrt": expected}

    await handlers.witness(deliveries(closing(day), *map(document, day)), books)
    await handlers.evaluate(books)
    assert gauge.values == {"usrt": 0}


async def test_a_day_that_stays_incomplete_is_named_once_and_briefly(
    collaborators: Collaborators, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tillbus.completeness")
    first, second, *_ = day = transactions(["1.00"] * 3)
    await handlers.witness(deliveries(*map(sale, day), closing(day)), collaborators)
    await handlers.evaluate(collaborators)

    for booked in (first, second):
        await handlers.witness(deliveries(document(booked)), collaborators)
        await handlers.evaluate(collaborators)

    [line] = [each.getMessage() for each in caplog.records]
    assert line.startswith(f"Store-day {DAY} is incomplete: 3 facts without a document yet")


async def test_a_line_about_a_day_gives_three_reasons_and_counts_the_rest(
    collaborators: Collaborators, caplog: pytest.LogCaptureFixture
) -> None:
    tills = [transactions(["1.00"] * 3, terminal=f"T{number}") for number in range(5)]
    seen = [each for till in tills for each in (till[0], till[2])]
    await handlers.witness(deliveries(*map(sale, seen)), collaborators)

    [certificate] = await handlers.evaluate(collaborators)

    [line] = [each.getMessage() for each in caplog.records]
    assert line.count("no fact for sequence 2") == 2
    assert line.startswith(f"Store-day {DAY} is open: the store has not closed the day yet; ")
    assert line.endswith(f"; and {len(certificate.reasons) - 3} more")
