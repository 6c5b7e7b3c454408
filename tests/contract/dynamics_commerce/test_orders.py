"""Orders told to a scale unit: each once, whatever gets lost on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics import (
    Booked,
    Conflict,
    DynamicsError,
    Failed,
    MissingParent,
    Posting,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.commerce import commerce
from shared.dynamics.ports.documents import DocumentKind, DocumentStatus, SalesLine, Tender
from tests.contract.dynamics_commerce.conftest import sale, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="session")

UPLOAD = "^/Commerce/SalesOrders$"


def failure(posting: Posting) -> DynamicsError:
    assert isinstance(posting, Failed), posting
    return posting.error


async def stored(simulator: DynamicsSimulator) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=f"{simulator.api_url}/_simulator") as http:
        answer = await http.get("/entities", params={"product": "commerce", "set": "SalesOrders"})
        rows: list[dict[str, Any]] = answer.raise_for_status().json()["value"]
        return rows


async def test_a_sale_is_uploaded_and_found_by_its_reference(simulator: DynamicsSimulator) -> None:
    async with commerce(settings_for(simulator)) as port:
        [posting] = await port.sales_documents.post([sale(1)])
        assert posting == Booked("web:101:T1:1", already_there=False)
        status = await port.sales_documents.status(DocumentKind.INVOICE, "usrt", "web:101:T1:1")
        assert status == DocumentStatus(
            "web:101:T1:1", "web:101:T1:1", "Invoiced", Decimal("12.75")
        )
        nothing = await port.sales_documents.status(DocumentKind.INVOICE, "usrt", "other")
        assert nothing is None


async def test_a_sale_booked_before_is_found_and_compared(simulator: DynamicsSimulator) -> None:
    async with commerce(settings_for(simulator)) as port:
        await port.sales_documents.post([sale(1)])
        same, other = await port.sales_documents.post([sale(1), sale(1, amount="99.00")])
        assert same == Booked("web:101:T1:1", already_there=True)
        assert isinstance(failure(other), Conflict)
        assert "TotalAmount: 12.75 there, 99.00 here" in failure(other).message
    assert len(await stored(simulator)) == 1


async def test_a_key_longer_than_commerce_keeps_still_names_one_sale(
    simulator: DynamicsSimulator,
) -> None:
    long = sale("7" * 60)
    async with commerce(settings_for(simulator)) as port:
        first, second = [(await port.sales_documents.post([long]))[0] for _ in range(2)]
        assert isinstance(first, Booked)
        assert second == Booked(first.key, already_there=True)
        status = await port.sales_documents.status(DocumentKind.INVOICE, "usrt", long.key)
        assert status is not None
        assert status.key == long.key


@pytest.mark.parametrize(
    ("kind", "found"), [(FaultKind.DROP_BEFORE_COMMIT, False), (FaultKind.DROP_AFTER_COMMIT, True)]
)
async def test_a_lost_answer_is_looked_up(
    simulator: DynamicsSimulator, kind: FaultKind, found: bool
) -> None:
    simulator.faults.add(Fault(kind=kind, path=UPLOAD))
    async with commerce(settings_for(simulator)) as port:
        [posting] = await port.sales_documents.post([sale(1)])
        assert posting == Booked("web:101:T1:1", already_there=found)
    assert len(await stored(simulator)) == 1


async def test_where_the_look_up_fails_nothing_is_written(simulator: DynamicsSimulator) -> None:
    simulator.faults.add(Fault(kind=FaultKind.SERVER_ERROR, path="LookupCriteria$", count=None))
    async with commerce(settings_for(simulator)) as port:
        [posting] = await port.sales_documents.post([sale(1)])
        assert isinstance(failure(posting), TryLater)
    assert await stored(simulator) == []


@pytest.mark.parametrize("kind", [FaultKind.DEADLOCK, FaultKind.UPDATE_CONFLICT])
async def test_a_victim_of_others_is_repeated_at_once(
    simulator: DynamicsSimulator, kind: FaultKind
) -> None:
    simulator.faults.add(Fault(kind=kind))
    async with commerce(settings_for(simulator)) as port:
        assert isinstance((await port.sales_documents.post([sale(1)]))[0], Booked)
    assert len(await stored(simulator)) == 1


async def test_throttling_is_for_later_with_the_time_it_asks_for(
    simulator: DynamicsSimulator,
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, retry_after=30, path=UPLOAD))
    async with commerce(settings_for(simulator)) as port:
        [posting] = await port.sales_documents.post([sale(1)])
        error = failure(posting)
        assert isinstance(error, TryLater)
        assert error.retry_after is not None
        assert error.retry_after.total_seconds() == 30


async def test_a_refusal_keeps_what_commerce_said(simulator: DynamicsSimulator) -> None:
    async with commerce(settings_for(simulator)) as port:
        good, bad = await port.sales_documents.post(
            [sale(1), sale(2, tenders=(Tender("1", Decimal(5)),), currency="EUR")]
        )
        assert isinstance(good, Booked)
        error = failure(bad)
        assert isinstance(error, Refused)
        assert error.message == "The channel's currency is USD."
        assert error.code == "Microsoft_Dynamics_Commerce_Runtime_InvalidFormat"


async def test_an_item_the_channel_does_not_sell_is_a_missing_parent(
    simulator: DynamicsSimulator,
) -> None:
    unknown = sale(1, lines=(SalesLine(1, "22", Decimal(1), Decimal(3)),))
    async with commerce(settings_for(simulator)) as port:
        [posting] = await port.sales_documents.post([unknown])
        assert isinstance(failure(posting), MissingParent)


async def test_another_company_and_a_variant_are_refused_before_anything_is_sent(
    simulator: DynamicsSimulator,
) -> None:
    varied = sale(2, lines=(SalesLine(1, "TSHIRT", Decimal(1), Decimal(3), variant="M"),))
    async with commerce(settings_for(simulator)) as port:
        for posting in await port.sales_documents.post([sale(1, company="dert"), varied]):
            assert isinstance(failure(posting), Refused)
    assert "single" not in simulator.counts.listing()


async def test_a_store_that_is_not_set_is_named(simulator: DynamicsSimulator) -> None:
    async with commerce(settings_for(simulator, store="")) as port:
        [posting] = await port.sales_documents.post([sale(1)])
        assert isinstance(failure(posting), SetUpWrong)
        assert "COMMERCE_STORE" in failure(posting).message


async def test_a_wrong_operating_unit_is_a_matter_of_set_up(simulator: DynamicsSimulator) -> None:
    async with commerce(settings_for(simulator, operating_unit="999")) as port:
        [posting] = await port.sales_documents.post([sale(1)])
        assert isinstance(failure(posting), SetUpWrong)


async def test_an_order_is_not_cancelled_in_the_channel(simulator: DynamicsSimulator) -> None:
    async with commerce(settings_for(simulator)) as port:
        posting = await port.sales_documents.cancel(DocumentKind.ORDER, "usrt", "web:101:T1:1")
        assert isinstance(failure(posting), Refused)


async def test_what_was_sold_leaves_the_estimated_stock(simulator: DynamicsSimulator) -> None:
    back = sale("1r", kind=DocumentKind.CREDIT_MEMO, applies_to="web:101:T1:1")
    async with commerce(settings_for(simulator)) as port:
        await port.sales_documents.post([sale(n) for n in range(3)])
        [left] = await port.stock.on_hand("usrt", ["20223"], ["W2"])
        assert left.available == 17
        assert isinstance((await port.sales_documents.post([back]))[0], Booked)
        [left] = await port.stock.on_hand("usrt", ["20223"], ["W2"])
        assert left.available == 18
