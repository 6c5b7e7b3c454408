"""What our requests carry and what we read of the answers, by operation.

Sources: captured requests of Microsoft's headless commerce lab (orders, prices, customers), sample
answers of "Inventory availability APIs for e-commerce", and the Retail SDK's data model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.dynamics.fields import EntityFields

SEARCH_PRODUCTS = "Products/SearchByText"
ACTIVE_PRICES = "Products/GetActivePrices"
AVAILABILITY = "Products/GetEstimatedAvailability"
WAREHOUSE_AVAILABILITY = "Products/GetEstimatedProductWarehouseAvailability"
SEARCH_CUSTOMERS = "Customers/SearchByFields"
GIFT_CARD = "GiftCards/GetGiftCardInquiry"
ORDER_LOOK_UP = "SalesOrders/GetOrderByChannelReferenceLookupCriteria"
UPLOAD = "SalesOrders"
CUSTOMER = "Customers"


@dataclass(frozen=True, slots=True)
class Members:
    """`written`: every member of the request, those of nested objects with a dot between, lists
    without an index; `read`: the same of the answer."""

    written: tuple[str, ...]
    read: tuple[str, ...]


def _below(name: str, members: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}.{member}" for member in members)


ORDER = (
    "Id", "ChannelReferenceId", "ChannelId", "StoreId", "TerminalId", "InventoryLocationId",
    "CustomerId", "CurrencyCode", "BusinessDate", "BeginDateTime", "TransactionDate",
    "RequestedDeliveryDate", "TransactionTypeValue", "StatusValue", "IsTaxIncludedInPrice",
    "CustomerRequisition", "NumberOfItems", "DiscountAmount", "NetAmount", "NetAmountWithoutTax",
    "SubtotalAmount", "SubtotalAmountWithoutTax", "TaxAmount", "TaxAmountInclusive",
    "TaxAmountExclusive", "GrossAmount", "TotalAmount", "AmountPaid", "SalesLines", "TenderLines",
)  # fmt: skip
ORDER_LINE = (
    "LineId", "LineNumber", "ItemId", "ProductId", "ListingId", "CatalogId", "Quantity",
    "UnitOfMeasureSymbol", "SalesOrderUnitOfMeasure", "Price", "OriginalPrice", "DiscountAmount",
    "NetAmount", "NetAmountWithoutTax", "GrossAmount", "TotalAmount", "TaxAmount",
    "TaxAmountInclusive", "TaxAmountExclusive", "ItemTaxGroupId", "InventoryLocationId",
    "ReturnTransactionId", "Comment",
)  # fmt: skip
TENDER_LINE = (
    "TenderLineId", "LineNumber", "TransactionId", "StoreId", "TerminalId", "ChannelId",
    "TenderTypeId", "Amount", "AmountInTenderedCurrency", "AmountInCompanyCurrency", "Currency",
    "ExchangeRate", "CompanyCurrencyExchangeRate", "TenderDate", "StatusValue", "IsChangeLine",
)  # fmt: skip
_ORDER_READ = (
    "Id", "ChannelReferenceId", "SalesId", "StatusValue", "CustomerId", "CurrencyCode",
    "TotalAmount",
)  # fmt: skip
_CUSTOMER_READ = (
    "AccountNumber", "Name", "CustomerTypeValue", "CustomerGroup", "CurrencyCode", "Language",
    "Email", "Phone", "Addresses",
)  # fmt: skip
_ADDRESS_READ = ("Street", "StreetNumber", "City", "ZipCode", "ThreeLetterISORegionName",
                 "IsPrimary")  # fmt: skip
_LEVELS = _below(
    "ProductWarehouseInventoryAvailabilities",
    ("ProductId", "InventLocationId", "PhysicalInventory", "TotalAvailable"),
)

MEMBERS: Mapping[str, Members] = {
    UPLOAD: Members(
        (*ORDER, *_below("SalesLines", ORDER_LINE), *_below("TenderLines", TENDER_LINE)),
        _ORDER_READ,
    ),
    ORDER_LOOK_UP: Members(
        (
            "channelReferenceLookupCriteria",
            "channelReferenceLookupCriteria.ChannelReferenceId",
        ),
        _ORDER_READ,
    ),
    SEARCH_PRODUCTS: Members(
        ("channelId", "catalogId", "searchText"), ("value.RecordId", "value.ItemId")
    ),
    ACTIVE_PRICES: Members(
        (
            "projectDomain", *_below("projectDomain", ("ChannelId", "CatalogId")), "productIds",
            "activeDate", "customerId", "includeSimpleDiscountsInContextualPrice",
        ),
        _below(
            "value",
            ("ProductId", "BasePrice", "CustomerContextualPrice", "CurrencyCode", "UnitOfMeasure"),
        ),
    ),
    AVAILABILITY: Members(
        (
            "searchCriteria",
            *_below(
                "searchCriteria",
                ("ProductIds", "DefaultWarehouseOnly", "FilterByChannelFulfillmentGroup"),
            ),
        ),
        _LEVELS,
    ),
    WAREHOUSE_AVAILABILITY: Members(
        (
            "productWarehouses",
            *_below("productWarehouses", ("ProductId", "InventLocationId", "DataAreaId")),
        ),
        _LEVELS,
    ),
    SEARCH_CUSTOMERS: Members(
        (
            "CustomerSearchByFieldCriteria",
            "CustomerSearchByFieldCriteria.DataLevelValue",
            "CustomerSearchByFieldCriteria.Criteria",
            "CustomerSearchByFieldCriteria.Criteria.SearchTerm",
            "CustomerSearchByFieldCriteria.Criteria.SearchField",
            "CustomerSearchByFieldCriteria.Criteria.SearchField.Name",
            "CustomerSearchByFieldCriteria.Criteria.SearchField.Value",
        ),
        _below("value", ("AccountNumber", "FullName", "CustomerTypeValue", "Email", "Phone")),
    ),
    CUSTOMER: Members((), (*_CUSTOMER_READ, *_below("Addresses", _ADDRESS_READ))),
    GIFT_CARD: Members(("giftCardId",), ("Balance",)),
}  # fmt: skip

FIELDS: tuple[EntityFields, ...] = (
    EntityFields(
        "SalesOrders",
        key=("Id",),
        written=ORDER,
        read=_ORDER_READ,
        actions=("GetOrderByChannelReferenceLookupCriteria",),
        used_by=("SalesDocuments.post", "SalesDocuments.status"),
    ),
    EntityFields(
        "Customers",
        key=("AccountNumber",),
        read=_CUSTOMER_READ,
        actions=("SearchByFields",),
        used_by=("CustomerDirectory.find", "CustomerDirectory.search"),
    ),
    EntityFields(
        "Products",
        key=("RecordId",),
        read=("RecordId", "ItemId"),
        actions=(
            "SearchByText", "GetActivePrices", "GetEstimatedAvailability",
            "GetEstimatedProductWarehouseAvailability",
        ),
        used_by=("Quotes.quote", "StockLevels.on_hand", "SalesDocuments.post"),
    ),
)  # fmt: skip
"""The entity sets among them, as `metadata check` compares them."""
