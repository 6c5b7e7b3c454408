"""Sales of a company whose books are in Business Central, from settings to ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from services.sales import handlers, reversing, wiring
from shared.bus import Done, Outcome, Parked, Rejected
from shared.events import Fact, Reason, ReversalOrdered, encode, new_event
from tests.contract.sales.conftest import rows, worker
from tests.contract.sales.german import (
    AT,
    COFFEE,
    COMPANY,
    back,
    line,
    moved,
    returned,
    sale,
)
from tests.unit.sales.fakes import delivery


@pytest.fixture(params=["", "tillbus/retail/v1.0"], ids=["standard", "custom"])
async def wired(
    request: pytest.FixtureRequest,
    simulator: DynamicsSimulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[wiring.Wired]:
    """Without and with the retail custom API: what is booked is the same."""
    api = {"BUSINESS_CENTRAL_CUSTOM_API": request.param}
    async with worker(simulator, tmp_path / "s.db", monkeypatch, {"dert": COMPANY}, **api) as found:
        yield found


async def book(wired: wiring.Wired, *facts: Fact) -> list[Outcome]:
    return await handlers.book([delivery(fact) for fact in facts], wired)


def posted(outcome: Outcome) -> Any:
    assert isinstance(outcome, Done), outcome
    assert outcome.document is not None
    return outcome.document


async def invoices(simulator: DynamicsSimulator) -> list[dict[str, Any]]:
    return await rows(simulator, "business-central", "salesInvoices")


async def memos(simulator: DynamicsSimulator) -> list[dict[str, Any]]:
    return await rows(simulator, "business-central", "salesCreditMemos")


async def test_a_sale_is_a_posted_invoice_and_its_return_a_memo_applied_to_it(
    wired: wiring.Wired, simulator: DynamicsSimulator
) -> None:
    [sold] = await book(wired, sale(1))
    [back_] = await book(wired, returned(2, [back(1, 1, of=1)]))

    assert (posted(sold).amount, posted(back_).amount) == (Decimal("44.80"), Decimal("-9.95"))
    assert posted(sold).document.system == "business-central"
    assert posted(sold).document.key.startswith("PS-INV")
    [invoice], [memo] = await invoices(simulator), await memos(simulator)
    assert invoice["number"] == posted(sold).document.key
    assert invoice["externalDocumentNumber"] == "S1/T1/20260301-1"
    assert (invoice["totalAmountIncludingTax"], invoice["remainingAmount"]) == (44.8, 34.85)
    assert (memo["invoiceNumber"], memo["totalAmountIncludingTax"]) == (invoice["number"], 9.95)


async def test_cash_rounding_and_an_exchange_are_lines_of_the_same_document(
    wired: wiring.Wired, simulator: DynamicsSimulator
) -> None:
    exchange = sale(3, [line(1, COFFEE)], exchanged=[line(2)], rounding="-0.05", tender="cash")
    cheaper = returned(4, [line(1, COFFEE)], exchanged=[line(2)], rounding="0.05", tender="cash")
    outcomes = await book(wired, exchange, cheaper)

    assert [posted(each).amount for each in outcomes] == [Decimal("14.90"), Decimal("-15.00")]
    [invoice], [memo] = await invoices(simulator), await memos(simulator)
    assert invoice["totalAmountIncludingTax"] == 14.9
    assert memo["totalAmountIncludingTax"] == 15
    lines = await rows(simulator, "business-central", "salesInvoiceLines")
    assert [(each["lineType"], each["lineObjectNumber"], each["quantity"]) for each in lines] == [
        ("Item", "10001", 1),
        ("Item", "10002", -1),
        ("Account", "6910", -1),
    ]


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT])
@pytest.mark.parametrize("path", ["salesInvoices$|posDocuments$", "NAV.(post|book)$"])
async def test_whatever_answer_is_lost_a_sale_is_one_invoice(
    wired: wiring.Wired, simulator: DynamicsSimulator, kind: FaultKind, path: str
) -> None:
    simulator.faults.add(Fault(kind=kind, method="POST", path=path))
    [outcome] = await book(wired, sale(1))
    [again] = await book(wired, sale(1))
    assert posted(outcome) == posted(again)
    assert [each["status"] for each in await invoices(simulator)] == ["Open"]


async def test_a_return_that_overtook_its_sale_waits_and_then_applies_to_it(
    wired: wiring.Wired, simulator: DynamicsSimulator
) -> None:
    [early] = await book(wired, returned(2, [back(1, 1, of=1)]))
    assert isinstance(early, Parked)
    assert early.key == "sale/dert/S1/2026-03-01/T1/1"
    await book(wired, sale(1))
    posted((await book(wired, returned(2, [back(1, 1, of=1)])))[0])
    [memo] = await memos(simulator)
    assert memo["invoiceNumber"]


async def test_a_return_that_waited_in_vain_is_a_memo_of_its_own(
    wired: wiring.Wired, simulator: DynamicsSimulator
) -> None:
    waited = delivery(returned(2, [back(1, 1, of=1)]), waited_out="sale/dert/S1/2026-03-01/T1/1")
    [outcome] = await handlers.book([waited], wired)
    assert posted(outcome).amount == Decimal("-9.95")
    [memo] = await memos(simulator)
    assert (memo["status"], memo["invoiceNumber"]) == ("Open", "")


async def test_an_unknown_item_parks_the_sale_under_it_and_others_flow(
    wired: wiring.Wired, simulator: DynamicsSimulator
) -> None:
    unknown = line(1) | {"item": "99999"}
    parked, fine = await book(wired, sale(1, [unknown]), sale(2))
    assert isinstance(parked, Parked)
    assert parked.key == "item/dert/99999"
    posted(fine)


async def test_a_drawers_movements_are_journals_and_a_missing_account_is_named(
    wired: wiring.Wired, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, path="NAV.post"))
    drop, unknown = await handlers.book_cash(
        [
            delivery(moved(5, "bank-drop", "300.00")),
            delivery(moved(6, "safe-drop", "50.00")),
        ],
        wired,
    )
    assert (posted(drop).effect, posted(drop).amount) == ("cash", Decimal("-300.00"))
    assert isinstance(unknown, Rejected)
    assert unknown.reason is Reason.NOT_BOOKABLE_HERE
    assert "'safe'" in unknown.detail
    entries = await rows(simulator, "business-central", "generalLedgerEntries")
    assert {
        each["accountNumber"]: each["debitAmount"] - each["creditAmount"] for each in entries
    } == {"2910": -300, "2920": 300}


async def test_a_reversal_is_the_opposite_document_once(
    wired: wiring.Wired, simulator: DynamicsSimulator
) -> None:
    sold = sale(1, rounding="0.20", tender="cash")
    order = ReversalOrdered.model_validate(
        {
            "fact_id": sold.event_id,
            "effect": "ledger",
            "event": _archived(sold),
            "reason": "the loyalty programme refused it",
            "ordered_by": "operator",
            "ordered_at": AT,
        }
    )
    [early] = await reversing.reverse([delivery(order)], wired)
    assert isinstance(early, Rejected)
    assert early.reason is Reason.NOT_REVERSIBLE
    await book(wired, sold)
    [first] = await reversing.reverse([delivery(order)], wired)
    [again] = await reversing.reverse([delivery(order)], wired)
    assert posted(first) == posted(again)
    assert posted(first).amount == Decimal("-45.00")
    assert posted(first).fact_id == order.event_id
    [memo], [invoice] = await memos(simulator), await invoices(simulator)
    assert memo["totalAmountIncludingTax"] == 45
    assert (invoice["status"], invoice["remainingAmount"]) == ("Paid", 0)


def _archived(fact: Fact) -> Any:
    import json

    return json.loads(encode(new_event(fact, source="/tills/S1", time=AT)))
