"""Sales of a company whose tills' orders go to a Commerce Scale Unit."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from services.sales import handlers, wiring
from shared.bus import Done, Outcome, Rejected
from shared.events import CashMoved, Reason, SaleCompleted, SaleReturned, TenderDeclared
from tests.contract.sales.conftest import rows, worker
from tests.unit.sales.baskets import key, simple_return, simple_sale
from tests.unit.sales.fakes import delivery

COMPANY = {"currencies": ["USD"], "ledger": "commerce", "walk_in_customer": "C-1002"}
ITEM = "20223"


@pytest.fixture
async def wired(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[wiring.Wired]:
    async with worker(simulator, tmp_path / "s.db", monkeypatch, {"usrt": COMPANY}) as found:
        yield found


def sold(sequence: int = 17, **changes: Any) -> SaleCompleted:
    lines = [simple_sale().lines[0].model_copy(update={"item": ITEM})]
    return simple_sale(sequence, lines=lines, **changes)


def brought_back(sequence: int = 18) -> SaleReturned:
    return simple_return(
        sequence, lines=[simple_return().lines[0].model_copy(update={"item": ITEM})]
    )


def posted(outcome: Outcome) -> Any:
    assert isinstance(outcome, Done), outcome
    assert outcome.document is not None
    return outcome.document


async def orders(simulator: DynamicsSimulator) -> list[dict[str, Any]]:
    stored = await rows(simulator, "commerce", "SalesOrders")
    return [json.loads(each["document"]) for each in stored]


async def test_a_sale_and_its_return_are_orders_with_their_tenders(
    wired: wiring.Wired, simulator: DynamicsSimulator
) -> None:
    outcomes = await handlers.book([delivery(sold()), delivery(brought_back())], wired)
    assert [posted(each).document.key for each in outcomes] == [
        "S1/T1/20260301-17",
        "S1/T1/20260301-18",
    ]
    first, second = await orders(simulator)
    assert (first["TotalAmount"], first["AmountPaid"]) == (12.1, 12.1)
    assert (second["TotalAmount"], second["AmountPaid"]) == (-12.1, -12.1)
    assert first["TenderLines"][0]["TenderTypeId"] == "3"
    assert second["SalesLines"][0]["ReturnTransactionId"] == "S1/T1/20260301-17"


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT])
async def test_whatever_answer_is_lost_a_sale_is_one_order(
    wired: wiring.Wired, simulator: DynamicsSimulator, kind: FaultKind
) -> None:
    simulator.faults.add(Fault(kind=kind, path="^/Commerce/SalesOrders$"))
    [outcome] = await handlers.book([delivery(sold())], wired)
    [again] = await handlers.book([delivery(sold())], wired)
    assert posted(outcome) == posted(again)
    assert len(await orders(simulator)) == 1


async def test_movements_of_drawers_are_not_bookable_here_and_a_count_needs_no_document(
    wired: wiring.Wired,
) -> None:
    same = {"key": key(), "occurred_at": sold().occurred_at}
    drop = CashMoved.model_validate(
        same | {"kind": "bank-drop", "currency": "USD", "amount": Decimal(5)}
    )
    counted = TenderDeclared.model_validate(
        same | {"tenders": [{"type": "cash", "currency": "USD", "amount": Decimal(5)}]}
    )
    moved, count = await handlers.book_cash([delivery(drop), delivery(counted)], wired)
    assert isinstance(moved, Rejected)
    assert moved.reason is Reason.NOT_BOOKABLE_HERE
    assert count == Done()


async def test_only_the_products_in_use_are_wired(wired: wiring.Wired) -> None:
    assert [*wired.books] == ["commerce"]
