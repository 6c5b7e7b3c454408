"""Aggregates and statements in Business Central: one document, and the way to every ticket."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from services.sales import handlers, posting, ripening, wiring
from shared.bus import Done, Publisher
from shared.events import DocumentPosted, Event, Fact
from tests.contract.sales.conftest import rows, worker
from tests.contract.sales.german import COFFEE, COMPANY, MUG, back, closed, line, returned, sale
from tests.unit.sales.fakes import delivery


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[DocumentPosted]:
    """What is published: no bus listens here."""
    facts: list[DocumentPosted] = []

    async def publish(_: Publisher, events: Iterable[Event[Any]]) -> None:
        facts.extend(event.data for event in events if isinstance(event.data, DocumentPosted))

    monkeypatch.setattr(Publisher, "publish", publish)
    return facts


def trade() -> list[Fact]:
    return [
        sale(1),
        sale(2, [line(1, MUG, 3)], tender="cash", rounding="0.05"),
        sale(3, [line(1, MUG), line(2, COFFEE, 2)]),
        returned(4, [back(1, 1, of=1)], tender="cash", rounding="0.05"),
        sale(5, [line(1, COFFEE)], exchanged=[line(2)], tender="cash"),
    ]


async def day(wired: wiring.Wired) -> None:
    kept = await handlers.book([delivery(fact) for fact in trade()], wired)
    assert kept == [Done()] * 5
    assert await handlers.close_days([delivery(closed())], wired) == [Done()]


@pytest.mark.parametrize("api", ["", "tillbus/retail/v1.0"], ids=["standard", "custom"])
async def test_a_day_is_one_document_per_direction_and_tender_and_adds_up(
    simulator: DynamicsSimulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    announced: list[DocumentPosted],
    api: str,
) -> None:
    companies = {"dert": COMPANY | {"grain": "aggregate"}}
    simulator.faults.add(
        Fault(
            kind=FaultKind.DROP_AFTER_COMMIT,
            method="POST",
            path="salesInvoices$|posDocuments$",
        )
    )
    async with worker(
        simulator, tmp_path / "s.db", monkeypatch, companies, BUSINESS_CENTRAL_CUSTOM_API=api
    ) as wired:
        await day(wired)
    invoices = await rows(simulator, "business-central", "salesInvoices")
    [memo] = await rows(simulator, "business-central", "salesCreditMemos")
    totals = {each["number"]: each["totalAmountIncludingTax"] for each in invoices}
    assert sorted(totals.values()) == [44.85, 104.55]
    assert memo["totalAmountIncludingTax"] == 10
    by_document: dict[str, Decimal] = {}
    for fact in announced:
        key = fact.document.key
        by_document[key] = by_document.get(key, Decimal(0)) + fact.amount
    assert by_document == {
        **{number: Decimal(str(total)) for number, total in totals.items()},
        memo["number"]: Decimal(-10),
    }
    assert {fact.fact_id for fact in announced} == {fact.event_id for fact in trade()}


async def test_a_statement_is_one_journal_with_the_stores_dimension(
    simulator: DynamicsSimulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    announced: list[DocumentPosted],
) -> None:
    companies = {"dert": COMPANY | {"grain": "statement", "store_dimension": "STORE"}}
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, path="NAV.post"))
    async with worker(simulator, tmp_path / "s.db", monkeypatch, companies) as wired:
        await day(wired)
    entries = await rows(simulator, "business-central", "generalLedgerEntries")
    booked: dict[str, Decimal] = {}
    for each in entries:
        amount = Decimal(str(each["debitAmount"])) - Decimal(str(each["creditAmount"]))
        booked[each["accountNumber"]] = booked.get(each["accountNumber"], Decimal(0)) + amount
    assert sum(booked.values(), Decimal(0)) == 0
    assert (booked["2910"], booked["2920"]) == (Decimal("34.85"), Decimal("104.55"))
    assert {each["documentNumber"] for each in entries} == {fact.document.key for fact in announced}
    assert sum((fact.amount for fact in announced), Decimal(0)) == Decimal("139.40")


async def test_a_worker_that_died_after_posting_is_continued_by_another_without_a_second_document(
    simulator: DynamicsSimulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    announced: list[DocumentPosted],
) -> None:
    companies = {"dert": COMPANY | {"grain": "aggregate"}}
    store = tmp_path / "s.db"

    class Died(BaseException):
        pass

    def dies(*_: Any) -> Any:
        raise Died

    async with worker(simulator, store, monkeypatch, companies) as wired:
        with monkeypatch.context() as dying:
            dying.setattr(posting, "_results", dies)
            with pytest.raises(Died):
                await day(wired)
    assert announced == []
    async with worker(simulator, store, monkeypatch, companies) as wired:
        await ripening.post_ripe(wired)
    assert len(announced) == 5
    assert len(await rows(simulator, "business-central", "salesInvoices")) == 2
