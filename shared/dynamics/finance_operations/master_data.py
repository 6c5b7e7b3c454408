"""Reads of what Finance & Operations masters: products, prices, places, vendors.

Its entities tell no time of change: `since` cannot be asked for, every read is a whole one
(data events or change tracking of exports are the ways to less).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from shared.dynamics.finance_operations.entities import Entity
from shared.dynamics.finance_operations.queries import rows_of
from shared.dynamics.finance_operations.variants import DIMENSIONS, variant_of
from shared.dynamics.odata.requests import literal
from shared.dynamics.ports.master_data import Place, Price, Product, Vendor
from shared.dynamics.service import Service

_PRODUCTS_BY = ("MasterData.products",)
PRODUCTS: Entity[Any] = Entity(
    "ReleasedProductsV2",
    ("dataAreaId", "ItemNumber"),
    read=(
        *("SearchName", "SalesPrice", "SalesPriceQuantity", "SalesUnitSymbol"),
        *("SalesSalesTaxItemGroupCode", "IsPOSRegistrationBlocked"),
    ),
    used_by=(*_PRODUCTS_BY, "ItemPrices.of_items"),
)
VARIANTS: Entity[Any] = Entity(
    "ReleasedProductVariantsV2",
    ("dataAreaId", "ProductMasterNumber", *DIMENSIONS),
    read=("ItemNumber", "ProductName"),
    used_by=_PRODUCTS_BY,
)
BARCODES: Entity[Any] = Entity(
    "ProductBarcodesV3",
    (
        *("dataAreaId", "ItemNumber", *DIMENSIONS),
        *("ProductQuantityUnitSymbol", "BarcodeSetupId", "Barcode"),
    ),
    used_by=_PRODUCTS_BY,
)
PRICES: Entity[Any] = Entity(
    "SalesPriceAgreements",
    ("dataAreaId", "RecordId"),
    read=(
        *("ItemNumber", *DIMENSIONS, "Price", "SalesPriceQuantity", "PriceCurrencyCode"),
        *("QuantityUnitySymbol", "FromQuantity", "CustomerAccountNumber"),
        *("PriceCustomerGroupCode", "PriceWarehouseId"),
        *("PriceApplicableFromDate", "PriceApplicableToDate"),
    ),
    used_by=("MasterData.prices", "ItemPrices.of_items"),
)
WAREHOUSES: Entity[Any] = Entity(
    "Warehouses",
    ("dataAreaId", "WarehouseId"),
    read=("WarehouseName", "OperationalSiteId", "IsRetailStoreWarehouse"),
    used_by=("MasterData.places",),
)
STORES: Entity[Any] = Entity(
    "RetailStores",
    ("RetailChannelId",),
    read=(
        *("OperatingUnitNumber", "StoreNumber", "Currency", "WarehouseId"),
        "DefaultCustomerLegalEntity",
    ),
    used_by=("MasterData.places",),
)
UNITS: Entity[Any] = Entity(
    "OperatingUnits",
    ("OperatingUnitNumber",),
    read=("Name",),
    used_by=("MasterData.places",),
)
CHANNELS: Entity[Any] = Entity(
    "RetailChannels",
    ("dataAreaId", "RetailChannelId"),
    read=("OperatingUnitNumber", "Currency", "WarehouseId"),
    used_by=("MasterData.places",),
)
VENDORS: Entity[Any] = Entity(
    "VendorsV3",
    ("dataAreaId", "VendorAccountNumber"),
    read=("VendorOrganizationName", "CurrencyCode"),
    used_by=("MasterData.vendors",),
)
READ = (PRODUCTS, VARIANTS, BARCODES, PRICES, WAREHOUSES, STORES, UNITS, CHANNELS, VENDORS)

_NO_DATE = date(1900, 1, 2)
"""Dynamics has no empty date: what is before this one means none."""


class FinanceOperationsMasterData:
    """The `MasterData` port."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def products(self, company: str, since: datetime | None = None) -> AsyncIterator[Product]:
        """Yield every product, and after a master its variants. Holds barcodes and variants of
        the company in memory."""
        barcodes: dict[tuple[str, str], list[str]] = defaultdict(list)
        async for row in self._rows(BARCODES, company):
            barcodes[row["ItemNumber"].casefold(), variant_of(row).casefold()].append(
                row["Barcode"]
            )
        variants: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        async for row in self._rows(VARIANTS, company):
            variants[row["ItemNumber"].casefold()].append(row)
        async for row in self._rows(PRODUCTS, company):
            item = row["ItemNumber"].casefold()
            yield _product(row, row["SearchName"], "", barcodes[item, ""])
            for each in variants[item]:
                variant = variant_of(each)
                codes = barcodes[item, variant.casefold()]
                yield _product(row, each["ProductName"], variant, codes)

    async def prices(self, company: str, since: datetime | None = None) -> AsyncIterator[Price]:
        """Yield every active price, per one unit of its unit."""
        async for row in self._rows(PRICES, company):
            yield price_of(row)

    async def places(self, company: str) -> AsyncIterator[Place]:
        """Yield warehouses, stores and the other channels of a company."""
        async for row in self._rows(WAREHOUSES, company):
            kind = "store-warehouse" if row["IsRetailStoreWarehouse"] == "Yes" else "warehouse"
            yield Place(
                company=row["dataAreaId"],
                code=row["WarehouseId"],
                name=row["WarehouseName"],
                kind=kind,
                site=row["OperationalSiteId"],
                warehouse=row["WarehouseId"],
            )
        units = {row["OperatingUnitNumber"]: row["Name"] async for row in self._rows(UNITS)}
        stores = set[str]()
        async for row in self._rows(STORES):
            stores.add(row["RetailChannelId"])
            if row["DefaultCustomerLegalEntity"].casefold() == company.casefold():
                yield _channel(row, company, units, "store")
        async for row in self._rows(CHANNELS, company):
            if row["RetailChannelId"] not in stores:
                yield _channel(row, company, units, "channel")

    async def vendors(self, company: str) -> AsyncIterator[Vendor]:
        async for row in self._rows(VENDORS, company):
            yield Vendor(
                company=row["dataAreaId"],
                number=row["VendorAccountNumber"],
                name=row["VendorOrganizationName"],
                currency=row["CurrencyCode"],
            )

    def _rows(self, entity: Entity[Any], company: str = "") -> AsyncIterator[dict[str, Any]]:
        condition = f"dataAreaId eq {literal(company)}" if company else ""
        select = (*entity.key, *entity.read)
        return self._service.rows(rows_of(entity.entity_set, condition, select))


def price_of(row: Mapping[str, Any]) -> Price:
    """Return the price that a row of `PRICES` says."""
    return Price(
        company=row["dataAreaId"],
        item=row["ItemNumber"],
        amount=per_unit(row["Price"], row["SalesPriceQuantity"]),
        currency=row["PriceCurrencyCode"],
        variant=variant_of(row),
        unit=row["QuantityUnitySymbol"],
        customer=row["CustomerAccountNumber"],
        customer_group=row["PriceCustomerGroupCode"],
        location=row["PriceWarehouseId"],
        quantity_from=Decimal(row["FromQuantity"]),
        first_day=_day(row["PriceApplicableFromDate"]),
        last_day=_day(row["PriceApplicableToDate"]),
    )


def _product(row: Mapping[str, Any], name: str, variant: str, barcodes: Sequence[str]) -> Product:
    return Product(
        company=row["dataAreaId"],
        item=row["ItemNumber"],
        name=name,
        variant=variant,
        unit=row["SalesUnitSymbol"],
        price=per_unit(row["SalesPrice"], row["SalesPriceQuantity"]),
        tax_group=row["SalesSalesTaxItemGroupCode"],
        barcodes=tuple(barcodes),
        blocked=row["IsPOSRegistrationBlocked"] == "Yes",
    )


def _channel(row: Mapping[str, Any], company: str, units: Mapping[str, str], kind: str) -> Place:
    unit = row["OperatingUnitNumber"]
    return Place(
        company=company,
        code=unit,
        name=units.get(unit, unit),
        kind=kind,
        warehouse=row["WarehouseId"],
        currency=row["Currency"],
    )


def per_unit(price: object, quantity: object) -> Decimal:
    """Return the price of one unit, of one that Dynamics keeps for so many."""
    return Decimal(str(price)) / (Decimal(str(quantity)) or 1)


def _day(text: str) -> date | None:
    day = date.fromisoformat(text[:10])
    return None if day <= _NO_DATE else day
