"""What a channel knows: prices, stock, customers, gift cards."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import MissingParent, Refused, SetUpWrong
from shared.dynamics.commerce import commerce
from shared.dynamics.ports.master_data import Quote
from tests.contract.dynamics_commerce.conftest import settings_for
from tests.contract.dynamics_simulator.talking import access_token

pytestmark = pytest.mark.asyncio(loop_scope="session")

SPRING = datetime(2026, 3, 2, 9, tzinfo=UTC)
SUMMER = datetime(2026, 6, 15, 9, tzinfo=UTC)


async def test_a_price_depends_on_the_day_the_catalog_and_the_customer(
    simulator: DynamicsSimulator,
) -> None:
    async with commerce(settings_for(simulator)) as port:
        in_spring = await port.quotes.quote("usrt", ["TSHIRT", "20223"], SPRING)
        [in_summer] = await port.quotes.quote("usrt", ["TSHIRT"], SUMMER)
        [for_trade] = await port.quotes.quote("usrt", ["TSHIRT"], SPRING, "C-1001")
    assert in_spring == [
        Quote("usrt", "TSHIRT", Decimal(15), Decimal(15), "USD", "ea"),
        Quote("usrt", "20223", Decimal("12.50"), Decimal("12.50"), "USD", "ea"),
    ]
    assert (in_summer.amount, in_summer.base) == (Decimal("9.99"), Decimal(15))
    assert for_trade.amount == Decimal("13.5")
    async with commerce(settings_for(simulator, catalog_id=1)) as port:
        [in_catalog] = await port.quotes.quote("usrt", ["20223"], SPRING)
    assert in_catalog.amount == Decimal("11.25")


async def test_a_product_is_asked_for_by_its_number_once(simulator: DynamicsSimulator) -> None:
    async with commerce(settings_for(simulator)) as port:
        for _ in range(3):
            await port.quotes.quote("usrt", ["TSHIRT"], SPRING)
        assert simulator.counts.listing()["single"] == 1 + 3
        with pytest.raises(MissingParent, match="does not sell the item SHIRT"):
            await port.quotes.quote("usrt", ["SHIRT"], SPRING)


async def test_stock_is_told_by_location(simulator: DynamicsSimulator) -> None:
    async with commerce(settings_for(simulator)) as port:
        everywhere = await port.stock.on_hand("usrt", ["TSHIRT", "20331"])
        [here] = await port.stock.on_hand("usrt", ["TSHIRT"], ["W2"])
        with pytest.raises(Refused, match="belongs to usrt"):
            await port.stock.on_hand("dert", ["TSHIRT"])
    assert {(each.item, each.location, int(each.on_hand)) for each in everywhere} == {
        ("TSHIRT", "W1", 100), ("TSHIRT", "W2", 20), ("20331", "W1", 100), ("20331", "W2", 20),
    }  # fmt: skip
    assert (here.location, here.available) == ("W2", Decimal(20))


async def test_customers_are_found_by_number_and_by_what_is_known_of_them(
    simulator: DynamicsSimulator,
) -> None:
    async with commerce(settings_for(simulator)) as port:
        ada = await port.customers.find("usrt", "C-1002")
        assert ada is not None
        assert (ada.name, ada.currency, ada.city, ada.is_person) == (
            "Ada Hartmann", "USD", "Exampleton", True,
        )  # fmt: skip
        assert await port.customers.find("usrt", "C-9'9") is None
        by_mail = await port.customers.search("usrt", "ada@example")
        assert [each.number for each in by_mail] == ["C-1002"]
        companies = await port.customers.search("usrt", "ing", most=1)
        assert len(companies) == 1, "no more than asked for"
        assert await port.customers.search("usrt", "nobody") == []


async def test_a_gift_card_tells_its_balance(simulator: DynamicsSimulator) -> None:
    async with commerce(settings_for(simulator)) as port:
        assert await port.gift_cards.balance("usrt", "GC-1001") == 50
        assert await port.gift_cards.balance("usrt", "GC-1002") == 0
        assert await port.gift_cards.balance("usrt", "GC-9999") is None


async def test_every_company_has_a_channel_of_its_own(simulator: DynamicsSimulator) -> None:
    settings = settings_for(simulator, company="dert", operating_unit="103", channel_id=5637144594)
    async with commerce(settings) as port:
        [quote] = await port.quotes.quote("dert", ["TSHIRT"], SPRING)
    assert quote.currency == "EUR"


async def test_a_token_for_another_scale_unit_is_a_matter_of_set_up(
    simulator: DynamicsSimulator,
) -> None:
    settings = settings_for(simulator, scope="https://other.example/.default")
    async with commerce(settings) as port:
        with pytest.raises(SetUpWrong, match="another audience"):
            await port.gift_cards.balance("usrt", "GC-1001")
    assert simulator.counts.listing()["token"] == 2, "one refresh, not a loop"


async def test_loyalty_cards_are_not_for_applications(simulator: DynamicsSimulator) -> None:
    headers = {"Authorization": f"id_token {await access_token(simulator)}", "OUN": "101"}
    async with httpx.AsyncClient(base_url=simulator.api_url, headers=headers) as http:
        answer = await http.post("/Commerce/LoyaltyCards/GetByIds", json={})
    assert answer.status_code == 403
