"""Products of a channel: their record ids, prices and stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.dynamics.commerce.members import (
    ACTIVE_PRICES,
    AVAILABILITY,
    SEARCH_PRODUCTS,
    WAREHOUSE_AVAILABILITY,
)
from shared.dynamics.commerce.requests import PAGE, action, function, rows_of, window
from shared.dynamics.commerce.settings import CommerceSettings
from shared.dynamics.odata.errors import MissingParent
from shared.dynamics.odata.responses import json_object
from shared.dynamics.ports.master_data import Quote
from shared.dynamics.ports.stock import OnHand
from shared.dynamics.service import Service


class Products:
    """Commerce names products by record id; ids never change, so they are asked for once."""

    def __init__(self, service: Service, settings: CommerceSettings) -> None:
        self._service = service
        self._settings = settings
        self._ids: dict[str, int] = {}

    async def ids(self, items: Sequence[str]) -> Mapping[str, int]:
        """Return the id of each item number. Raises MissingParent, DynamicsError."""
        for item in items:
            if item not in self._ids:
                self._ids[item] = await self._find(item)
        return {item: self._ids[item] for item in items}

    async def _find(self, item: str) -> int:
        arguments = {
            "channelId": self._settings.channel_id,
            "catalogId": self._settings.catalog_id,
            "searchText": item,
        }
        skip = 0
        while True:
            search = function(SEARCH_PRODUCTS, arguments, window(skip, PAGE))
            rows = json_object(await self._service.read(search)).get("value") or []
            for row in rows:
                if row["ItemId"] == item:
                    return int(row["RecordId"])
            skip += len(rows)
            if len(rows) < PAGE:
                raise MissingParent(f"The channel does not sell the item {item}.")


class CommerceQuotes:
    """The `Quotes` port: active prices of the channel."""

    def __init__(self, service: Service, products: Products, settings: CommerceSettings) -> None:
        self._service = service
        self._products = products
        self._settings = settings

    async def quote(
        self, company: str, items: Sequence[str], at: datetime, customer: str = ""
    ) -> Sequence[Quote]:
        self._settings.check(company)
        ids = await self._products.ids(items)
        named = {identifier: item for item, identifier in ids.items()}
        body = {
            "projectDomain": {
                "ChannelId": self._settings.channel_id,
                "CatalogId": self._settings.catalog_id,
            },
            "productIds": list(ids.values()),
            "activeDate": at,
            "customerId": customer,
            "includeSimpleDiscountsInContextualPrice": True,
        }
        return [
            Quote(
                company=company,
                item=named[int(row["ProductId"])],
                amount=Decimal(row["CustomerContextualPrice"]),
                base=Decimal(row["BasePrice"]),
                currency=str(row["CurrencyCode"]),
                unit=str(row.get("UnitOfMeasure") or ""),
            )
            async for row in rows_of(self._service, ACTIVE_PRICES, body)
        ]


class CommerceStock:
    """The `StockLevels` port: estimated availability, sales of the channel included that
    headquarters do not know yet."""

    def __init__(self, service: Service, products: Products, settings: CommerceSettings) -> None:
        self._service = service
        self._products = products
        self._settings = settings

    async def on_hand(
        self,
        company: str,
        items: Sequence[str],
        locations: Sequence[str] = (),
        sites: Sequence[str] = (),
    ) -> Sequence[OnHand]:
        """In every warehouse of the channel's fulfillment group where no location is named; the
        site is not told."""
        self._settings.check(company)
        ids = await self._products.ids(items)
        named = {identifier: item for item, identifier in ids.items()}
        if locations:
            pairs = [
                {"ProductId": product, "InventLocationId": location, "DataAreaId": company}
                for product in named
                for location in locations
            ]
            asked = action(WAREHOUSE_AVAILABILITY, {"productWarehouses": pairs})
        else:
            criteria = {
                "ProductIds": list(named),
                "DefaultWarehouseOnly": False,
                "FilterByChannelFulfillmentGroup": True,
            }
            asked = action(AVAILABILITY, {"searchCriteria": criteria})
        answer = json_object(await self._service.read(asked))
        return [
            _level(company, named, row)
            for row in answer.get("ProductWarehouseInventoryAvailabilities") or ()
        ]


def _level(company: str, named: Mapping[int, str], row: Mapping[str, Any]) -> OnHand:
    return OnHand(
        company=company,
        item=named[int(row["ProductId"])],
        site="",
        location=str(row["InventLocationId"]),
        on_hand=Decimal(row["PhysicalInventory"]),
        available=Decimal(row["TotalAvailable"]),
    )
