"""The prices of an order's items, and of no others."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.dynamics.finance_operations import FinanceOperations
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import entity_path, to_json
from shared.dynamics.ports.master_data import Price
from tests.contract.dynamics_finance_operations import samples
from tests.contract.dynamics_finance_operations.conftest import key_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

OURS = Price("dert", "20117", Decimal("2.50"), "EUR", unit="ea")


async def agree(finance: FinanceOperations, *prices: Price) -> None:
    change = replace(samples.price_change(1), prices=prices)
    key_of((await finance.prices.post([change]))[0])


async def test_prices_are_everybodys_the_groups_and_the_customers_own(
    finance: FinanceOperations,
) -> None:
    own, group, everybody = (
        replace(OURS, customer="C-1001"),
        replace(OURS, amount=Decimal("2.40"), customer_group="B2B"),
        replace(OURS, amount=Decimal("2.70"), quantity_from=Decimal(10)),
    )
    others = (
        replace(OURS, customer="C-1002"),
        replace(OURS, customer_group="STAFF"),
        replace(OURS, item="20223"),
    )
    await agree(finance, own, group, everybody, *others)
    await _join(finance, "C-1001", "B2B")

    found = await finance.item_prices.of_items("dert", ["20117", "20117"], "C-1001")

    listed = sorted((price for price in found if not price.is_card), key=lambda each: each.amount)
    assert listed == [group, own, everybody]
    assert [(each.amount, each.unit) for each in found if each.is_card] == [(Decimal("2.95"), "ea")]


async def test_an_item_without_a_card_does_not_exist(finance: FinanceOperations) -> None:
    items = ["20223", "nothing", "*"]
    found = await finance.item_prices.of_items("dert", items, "C-1001")
    assert [(each.item, each.is_card) for each in found] == [("20223", True)]


async def test_many_items_are_asked_for_some_at_a_time(
    finance: FinanceOperations,
) -> None:
    items = [*(f"n{number}" for number in range(45)), "TSHIRT"]
    found = await finance.item_prices.of_items("dert", items, "C-1001")
    assert [each.item for each in found] == ["TSHIRT"]


async def _join(finance: FinanceOperations, customer: str, group: str) -> None:
    """What a person does on the form: our connector never writes a price group."""
    path = entity_path("CustomersV3", {"dataAreaId": "dert", "CustomerAccount": customer})
    body = to_json({"DiscountPriceGroupId": group})
    change = Operation("PATCH", f"{path}?cross-company=true", body, (("If-Match", "*"),))
    await finance._service.write(change)
