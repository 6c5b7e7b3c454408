"""The retail custom API: one document per POS key, stock by location."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics.business_central import BusinessCentral
from shared.dynamics.odata.errors import Conflict, MissingParent, SetUpWrong
from shared.dynamics.ports.documents import DocumentKind
from shared.dynamics.ports.posting import Booked
from shared.dynamics.ports.stock import Movement, StockChange, StockCount, StockTransfer
from tests.contract.dynamics_business_central.conftest import rows
from tests.contract.dynamics_business_central.documents import (
    LINES,
    assert_found,
    assert_new,
    error_of,
    invoice,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def change(event: str, quantity: str, **changes: object) -> StockChange:
    made = StockChange(event, "dert", "10002", Decimal(quantity), Movement.SOLD, "", "STORE1", AT)
    return replace(made, **changes)  # type: ignore[arg-type]


async def test_ten_workers_with_one_sale_book_one_document(
    custom: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    postings = await asyncio.gather(*(custom.sales_documents.post([invoice()]) for _ in range(10)))
    assert all(isinstance(posting, Booked) for [posting] in postings)
    [made] = await rows(simulator, "salesInvoices")
    assert made["status"] == "Open"
    assert len(await rows(simulator, "generalLedgerEntries")) == 3


@pytest.mark.parametrize("path", ["posDocuments$", "NAV.book"])
@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT])
async def test_a_lost_answer_is_looked_up_by_the_pos_key(
    custom: BusinessCentral, simulator: DynamicsSimulator, kind: FaultKind, path: str
) -> None:
    simulator.faults.add(Fault(kind=kind, method="POST", path=path))
    [posting] = await custom.sales_documents.post([invoice()])
    assert isinstance(posting, Booked)
    assert posting.key.startswith("PS-INV")
    assert len(await rows(simulator, "salesInvoices")) == 1
    assert_found(*await custom.sales_documents.post([invoice()]))


async def test_another_sale_under_the_pos_key_and_a_total_that_differs_are_conflicts(
    custom: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    assert_new(*await custom.sales_documents.post([invoice()]))
    [other] = await custom.sales_documents.post([invoice(lines=LINES[:1])])
    assert isinstance(error_of(other), Conflict)
    cheap = replace(LINES[0], discount=Decimal("19.90"), unit_price=Decimal("9.949"))
    [rounded] = await custom.sales_documents.post([invoice("k2", lines=(cheap,))])
    assert isinstance(rounded, Booked)


async def test_a_return_needs_its_sale_and_orders_go_the_standard_way(
    custom: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    memo = invoice("r1", kind=DocumentKind.CREDIT_MEMO, applies_to="dert:s1:t1:1")
    assert isinstance(error_of((await custom.sales_documents.post([memo]))[0]), MissingParent)
    order = invoice("o1", kind=DocumentKind.ORDER)
    assert_new(*await custom.sales_documents.post([invoice(), order]))
    [posting] = await custom.sales_documents.post([memo])
    assert isinstance(posting, Booked)
    assert posting.key.startswith("PS-CR")
    assert len(await rows(simulator, "salesOrders")) == 1
    status = await custom.sales_documents.status(DocumentKind.INVOICE, "dert", "dert:s1:t1:1")
    assert status is not None
    assert (status.state, status.total) == ("Booked", Decimal("56.35"))


async def test_stock_moves_by_location_and_every_event_counts_once(
    custom: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    counted = StockCount("c1", "dert", "10002", Decimal(10), "", "STORE1", AT)
    moved = StockTransfer("t1", "dert", "10002", Decimal(3), "", "STORE1", "", "STORE2", AT)
    assert_new(*await custom.stock.count([counted]))
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, path="batch"))
    assert_found(*await custom.stock.change([change(f"e{n}", "-1") for n in range(4)]))
    assert_new(*await custom.stock.transfer([moved]))
    assert_found(*await custom.stock.transfer([moved]))
    there = await custom.stock.on_hand("dert", ["10002"])
    assert {each.location: each.on_hand for each in there} == {"STORE1": 3, "STORE2": 3}
    [one] = await custom.stock.on_hand("dert", ["10002"], ["STORE2"])
    assert one.on_hand == 3
    [total] = [each for each in await rows(simulator, "items") if each["inventory"]]
    assert total["inventory"] == 6


async def test_a_batch_that_fails_in_part_is_repaired_item_by_item(
    custom: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    assert_new(*await custom.stock.change([change("e1", "-1")]))
    simulator.faults.add(Fault(kind=FaultKind.DROP_BEFORE_COMMIT, path="batch", changesets=2))
    first, other, second, unknown, third = await custom.stock.change(
        [
            change("e1", "-1"),
            change("e1", "-2"),
            change("e2", "-1"),
            change("e3", "-1", item="NOTHING"),
            change("e4", "-1"),
        ]
    )
    assert_found(first)
    assert isinstance(error_of(other), Conflict)
    assert isinstance(error_of(unknown), MissingParent)
    assert_new(second, third)
    assert len(await rows(simulator, "stockMovements")) == 3


async def test_without_the_custom_api_only_a_total_can_be_counted(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    total = StockCount("c1", "dert", "10002", Decimal(7), "", "", AT)
    somewhere = replace(total, location="STORE1")
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, method="PATCH"))
    counted, refused = await bc.stock.count([total, somewhere])
    assert_found(counted)
    assert isinstance(error_of(refused), SetUpWrong)
    assert isinstance(error_of((await bc.stock.change([change("e1", "1")]))[0]), SetUpWrong)
    [there] = await bc.stock.on_hand("dert", ["10002"])
    assert (there.location, there.on_hand) == ("", Decimal(7))
