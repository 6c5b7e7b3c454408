"""The prices of an order's items, and of no others."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.dynamics.business_central import BusinessCentral, requests

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_without_the_custom_api_an_item_has_the_price_of_its_card(
    bc: BusinessCentral,
) -> None:
    found = await bc.item_prices.of_items("dert", ["10002", "10001", "99999"], "C10001")
    assert [(each.item, each.amount, each.is_card) for each in found] == [
        ("10001", Decimal("24.90"), True),
        ("10002", Decimal("9.95"), True),
    ]


async def test_with_it_the_lists_are_read_for_the_items_and_no_others(
    custom: BusinessCentral,
) -> None:
    path = await custom.api.company("dert", "items")
    card = await custom.api.first(requests.rows(path, where=requests.equal("number", "10002")))
    assert card is not None
    await custom.api.change(
        requests.one(path, card["id"]), {"unitPrice": Decimal("11.95")}, str(card["@odata.etag"])
    )

    found = await custom.item_prices.of_items("dert", ["10002"], "C10001")

    assert [(each.amount, each.currency, each.is_card) for each in found] == [
        (Decimal("11.95"), "", True),
        (Decimal("9.95"), "EUR", False),
    ]
