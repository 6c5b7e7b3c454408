"""Prices of a few items for one customer, read while somebody waits for the answer."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shared.dynamics.business_central import requests
from shared.dynamics.business_central.api import Api, text_of
from shared.dynamics.business_central.master_data import PRICE, price
from shared.dynamics.ports.master_data import Price
from shared.dynamics.service import Entity

ITEMS_AT_ONCE = 20
"""Items of one filter; each adds some forty characters to the URL."""

CARD = ("number", "unitPrice", "baseUnitOfMeasureCode")


class BusinessCentralItemPrices:
    """The `ItemPrices` port. The API tells no customer's price group: prices of groups are nobody's
    here. Without the retail custom API each item has the one price of its card."""

    def __init__(self, api: Api, custom: Api | None) -> None:
        self._api = api
        self._custom = custom

    async def of_items(self, company: str, items: Sequence[str], customer: str) -> Sequence[Price]:
        """See the port. Not from the read replica: it may be older than an agreement."""
        names = list(dict.fromkeys(item.upper() for item in items))
        found: list[Price] = []
        for at in range(0, len(names), ITEMS_AT_ONCE):
            some = names[at : at + ITEMS_AT_ONCE]
            found += await self._cards(company, some)
            found += await self._listed(company, some, customer.upper())
        return found

    async def _cards(self, company: str, items: Sequence[str]) -> list[Price]:
        path = await self._api.company(company, "items")
        rows = requests.rows(path, where=requests.either("number", items), select=CARD)
        return [_card(company, row) async for row in self._api.rows(rows)]

    async def _listed(self, company: str, items: Sequence[str], customer: str) -> list[Price]:
        if self._custom is None:
            return []
        path = await self._custom.company(company, "itemPrices")
        where = requests.both(
            requests.either("itemNumber", items),
            requests.either("customerNumber", ("", customer)),
            requests.equal("customerPriceGroup", ""),
        )
        rows = requests.rows(path, where=where, select=PRICE)
        return [price(company, row) async for row in self._custom.rows(rows)]


def _card(company: str, row: Entity) -> Price:
    return Price(
        company,
        str(row["number"]),
        Decimal(str(row["unitPrice"])),
        currency="",
        unit=text_of(row, "baseUnitOfMeasureCode"),
        is_card=True,
    )
