"""`Products`: search, active prices, estimated availability.

Members: Microsoft, "Inventory availability APIs for e-commerce" with its sample answers, the Retail
SDK's ProductPrice, and the captured requests of Microsoft's headless commerce lab.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .books import Books
from .errors import invalid, missing, not_found
from .seed import ADJUSTMENTS, CUSTOMER_PERCENT, PRODUCTS, STOCK, Channel, Product

Row = dict[str, object]

_BY_ID = {product.id: product for product in PRODUCTS}
_LOW_STOCK = 0


def search_by_text(channel: Channel, parameters: Mapping[str, str]) -> list[Row]:
    """Products whose item number or name has the text in it."""
    _check_channel(channel, parameters.get("channelId"), parameters.get("catalogId"))
    text = parameters.get("searchText", "").casefold()
    return [
        {
            "RecordId": product.id,
            "ItemId": product.item,
            "Name": product.name,
            "Price": product.price,
            "BasePrice": product.price,
            "MasterProductId": 0,
            "ExtensionProperties": [],
        }
        for product in PRODUCTS
        if text in product.item.casefold() or text in product.name.casefold()
    ]


def active_prices(channel: Channel, body: Mapping[str, Any]) -> list[Row]:
    domain = body.get("projectDomain") or body.get("projectionDomain")
    if not isinstance(domain, dict):
        raise missing("projectDomain")
    catalog = domain.get("CatalogId", 0)
    _check_channel(channel, domain.get("ChannelId"), catalog)
    date = body.get("activeDate")
    if not isinstance(date, str) or len(date) < 10:
        raise missing("activeDate")
    percent = CUSTOMER_PERCENT.get(str(body.get("customerId") or ""), 0)
    rows: list[Row] = []
    for product in _named(body.get("productIds")):
        adjusted = product.price
        for each in ADJUSTMENTS:
            if each.item == product.item and each.catalog == catalog:
                adjusted = each.price if each.first <= date[:10] <= each.last else adjusted
        rows.append(
            {
                "ProductId": product.id,
                "ListingId": product.id,
                "BasePrice": product.price,
                "TradeAgreementPrice": 0,
                "AdjustedPrice": adjusted,
                "CustomerContextualPrice": round(adjusted * (100 - percent) / 100, 2),
                "CurrencyCode": channel.currency,
                "ItemId": product.item,
                "InventoryDimensionId": "",
                "UnitOfMeasure": product.unit,
                "ValidFrom": "1900-01-01T00:00:00Z",
                "ProductLookupId": product.id,
                "ChannelId": channel.id,
                "CatalogId": catalog,
                "ExtensionProperties": [],
            }
        )
    return rows


def availability(books: Books, channel: Channel, body: Mapping[str, Any]) -> Row:
    """GetEstimatedAvailability: every warehouse of the channel, or its own one only."""
    criteria = body.get("searchCriteria")
    if not isinstance(criteria, dict):
        raise missing("searchCriteria")
    warehouses = list(STOCK)[:1] if criteria.get("DefaultWarehouseOnly") else list(STOCK)
    pairs = [
        (product, warehouse)
        for product in _named(criteria.get("ProductIds"))
        for warehouse in warehouses
    ]
    return _inventory(books, channel, pairs)


def warehouse_availability(books: Books, channel: Channel, body: Mapping[str, Any]) -> Row:
    """GetEstimatedProductWarehouseAvailability: exactly the pairs asked for."""
    asked = body.get("productWarehouses")
    if not isinstance(asked, list):
        raise missing("productWarehouses")
    pairs = []
    for each in asked:
        if not isinstance(each, dict) or not each.get("InventLocationId"):
            raise missing("InventLocationId")
        if each.get("DataAreaId") != channel.company:
            raise invalid(f"'{each.get('DataAreaId')}' is not the company of the channel.")
        pairs += [(product, each["InventLocationId"]) for product in _named([each["ProductId"]])]
    return _inventory(books, channel, pairs)


def _inventory(books: Books, channel: Channel, pairs: Iterable[tuple[Product, str]]) -> Row:
    rows = []
    totals: dict[int, float] = {}
    for product, warehouse in pairs:
        quantity = books.stock(channel.company, product.id, warehouse)
        rows.append(_in_warehouse(channel, product, warehouse, quantity))
        totals[product.id] = totals.get(product.id, 0.0) + quantity
    return {
        "ProductWarehouseInventoryAvailabilities": rows,
        "AggregatedProductInventoryAvailabilities": [
            {
                "ProductId": product,
                "DataAreaId": channel.company,
                "TotalAvailableQuantity": total,
                "PhysicalAvailableQuantity": total,
                "QuantityUnitTypeValue": 0,
                "ExtensionProperties": [],
            }
            for product, total in totals.items()
        ],
        "ExtensionProperties": [],
    }


def _in_warehouse(channel: Channel, product: Product, warehouse: str, quantity: float) -> Row:
    code, label = ("AVAIL", "Available") if quantity > _LOW_STOCK else ("OOS", "Out of stock")
    return {
        "ProductId": product.id,
        "InventLocationId": warehouse,
        "DataAreaId": channel.company,
        "PhysicalInventory": quantity,
        "PhysicalReserved": 0,
        "TotalAvailable": quantity,
        "TotalAvailableInventoryLevelLabel": label,
        "TotalAvailableInventoryLevelCode": code,
        "OrderedInTotal": 0,
        "PhysicalAvailable": quantity,
        "PhysicalAvailableInventoryLevelLabel": label,
        "PhysicalAvailableInventoryLevelCode": code,
        "IsInventoryAvailabilityQuantityReturned": True,
        "QuantityUnitTypeValue": 0,
        "UnitOfMeasure": product.unit,
        "ExtensionProperties": [],
    }


def _named(identifiers: object) -> Iterator[Product]:
    if not isinstance(identifiers, list):
        raise missing("productIds")
    for identifier in identifiers:
        if identifier not in _BY_ID:
            raise not_found(f"The product '{identifier}'")
        yield _BY_ID[identifier]


def _check_channel(channel: Channel, identifier: object, catalog: object) -> None:
    if str(identifier) != str(channel.id):
        raise invalid(f"'{identifier}' is not the channel of the operating unit.")
    if str(catalog) not in ("0", str(channel.catalog)):
        raise not_found(f"The catalog '{catalog}'")
