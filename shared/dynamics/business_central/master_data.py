"""Products, prices, places and vendors; read from the replica, which may be some seconds old."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from decimal import Decimal

from shared.dynamics.business_central import requests
from shared.dynamics.business_central.api import Api, text_of
from shared.dynamics.ports.master_data import Place, Price, Product, Vendor
from shared.dynamics.service import Entity

ITEM = (
    "number", "displayName", "itemCategoryCode", "baseUnitOfMeasureCode", "unitPrice",
    "taxGroupCode", "gtin", "blocked", "lastModifiedDateTime",
)  # fmt: skip
VARIANT = ("code", "description", "lastModifiedDateTime")
PRICE = (
    "itemNumber", "variantCode", "unitOfMeasureCode", "locationCode", "customerNumber",
    "customerPriceGroup", "currencyCode", "minimumQuantity", "unitPrice", "startingDate",
    "endingDate",
)  # fmt: skip
CODED = ("code", "displayName")
VENDOR = ("number", "displayName", "currencyCode")
_NO_DATE = "0001-01-01"


class BusinessCentralMasterData:
    def __init__(self, api: Api, custom: Api | None) -> None:
        """With the retail custom API prices are those of the price lists, by store and customer;
        without it each item has the one price of its card."""
        self._api = api
        self._custom = custom

    async def products(self, company: str, since: datetime | None = None) -> AsyncIterator[Product]:
        """Yield each item and, after it, its variants. A variant's change does not change its item:
        whoever asks `since` reads everything once a day."""
        path = await self._api.company(company, "items")
        async for item in self._api.rows(
            requests.rows(
                path,
                where=requests.changed_since(since) if since else "",
                select=ITEM,
                expand=f"itemVariants($select={','.join(VARIANT)})",
                replica=True,
            )
        ):
            yield product(company, item)
            for variant in item["itemVariants"]:
                yield product(company, item, variant)

    async def prices(self, company: str, since: datetime | None = None) -> AsyncIterator[Price]:
        changed = requests.changed_since(since) if since else ""
        if self._custom is None:
            path = await self._api.company(company, "items")
            currency = await self._api.companies.currency(company)
            select = ("number", "unitPrice", "baseUnitOfMeasureCode")
            rows = requests.rows(path, where=changed, select=select, replica=True)
            async for item in self._api.rows(rows):
                amount = Decimal(str(item["unitPrice"]))
                unit = text_of(item, "baseUnitOfMeasureCode")
                yield Price(company, str(item["number"]), amount, currency, unit=unit)
            return
        path = await self._custom.company(company, "itemPrices")
        listed = requests.rows(path, where=changed, select=PRICE, replica=True)
        async for row in self._custom.rows(listed):
            yield price(company, row)

    async def places(self, company: str) -> AsyncIterator[Place]:
        path = await self._api.company(company, "locations")
        async for row in self._api.rows(requests.rows(path, select=CODED, replica=True)):
            code, name = str(row["code"]), text_of(row, "displayName")
            yield Place(company, code, name, "location", warehouse=code)

    async def vendors(self, company: str) -> AsyncIterator[Vendor]:
        path = await self._api.company(company, "vendors")
        async for row in self._api.rows(requests.rows(path, select=VENDOR, replica=True)):
            name, currency = text_of(row, "displayName"), text_of(row, "currencyCode")
            yield Vendor(company, str(row["number"]), name, currency)

    async def codes(self, company: str, entity_set: str) -> dict[str, str]:
        """Return code -> name of a coded set: itemCategories, unitsOfMeasure, currencies,
        paymentMethods, dimensions. Raises DynamicsError."""
        path = await self._api.company(company, entity_set)
        listed = requests.rows(path, select=CODED, replica=True)
        return {
            str(row["code"]): text_of(row, "displayName") async for row in self._api.rows(listed)
        }

    async def dimension_values(self, company: str, dimension: str) -> dict[str, str]:
        """Return code -> name of one dimension's values; {} for an unknown one."""
        path = await self._api.company(company, "dimensions")
        where = requests.equal("code", dimension.upper())
        expand = f"dimensionValues($select={','.join(CODED)})"
        found = await self._api.first(
            requests.rows(path, where=where, select=("id",), expand=expand, replica=True)
        )
        values = [] if found is None else found["dimensionValues"]
        return {str(each["code"]): text_of(each, "displayName") for each in values}


def product(company: str, item: Entity, variant: Entity | None = None) -> Product:
    changed = datetime.fromisoformat(str(item["lastModifiedDateTime"]))
    gtin = text_of(item, "gtin")
    described = None if variant is None else text_of(variant, "description")
    return Product(
        company,
        str(item["number"]),
        described or text_of(item, "displayName"),
        variant="" if variant is None else str(variant["code"]),
        category=text_of(item, "itemCategoryCode"),
        unit=text_of(item, "baseUnitOfMeasureCode"),
        price=Decimal(str(item["unitPrice"])),
        tax_group=text_of(item, "taxGroupCode"),
        barcodes=(gtin,) if gtin and variant is None else (),
        blocked=bool(item["blocked"]),
        changed_at=changed,
    )


def price(company: str, row: Entity) -> Price:
    return Price(
        company,
        str(row["itemNumber"]),
        Decimal(str(row["unitPrice"])),
        text_of(row, "currencyCode"),
        variant=text_of(row, "variantCode"),
        unit=text_of(row, "unitOfMeasureCode"),
        customer=text_of(row, "customerNumber"),
        customer_group=text_of(row, "customerPriceGroup"),
        location=text_of(row, "locationCode"),
        quantity_from=Decimal(str(row["minimumQuantity"])),
        first_day=_day(row["startingDate"]),
        last_day=_day(row["endingDate"]),
    )


def _day(text: object) -> date | None:
    return None if text in ("", None, _NO_DATE) else date.fromisoformat(str(text))
