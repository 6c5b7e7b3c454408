"""Sales orders and return orders."""

from __future__ import annotations

from infra.local.dynamics.finance_operations import types
from infra.local.dynamics.odata.entities import DATE, DECIMAL, TEXT, EntitySet, field_table

from .common import COMPANY, DIMENSION_NAMES

_HEADER_FIELDS = field_table(
    (
        TEXT,
        """dataAreaId SalesOrderNumber OrderingCustomerAccountNumber InvoiceCustomerAccountNumber
        CurrencyCode CustomersOrderReference CustomerRequisitionNumber SalesOrderOriginCode
        SalesOrderName DefaultShippingSiteId DefaultShippingWarehouseId DeliveryModeCode
        SalesTaxGroupCode Email CustomerPaymentMethodName LanguageId DeliveryAddressName
        DeliveryAddressStreet DeliveryAddressCity DeliveryAddressZipCode
        DeliveryAddressCountryRegionId""",
    ),
    (DECIMAL, "OrderTotalAmount OrderTotalTaxAmount OrderTotalDiscountAmount"),
    (DATE, "RequestedShippingDate RequestedReceiptDate"),
    (types.NO_YES, "ArePricesIncludingSalesTax IsDeliveryAddressOrderSpecific"),
    (types.SALES_STATUS, "SalesOrderStatus"),
)
_HEADER_RELATED = {
    **COMPANY,
    "OrderingCustomerAccountNumber": "Customers",
    "InvoiceCustomerAccountNumber": "Customers",
    "CurrencyCode": "Currencies",
    "DefaultShippingWarehouseId": "Warehouses",
}


def _headers(version: str) -> EntitySet:
    return EntitySet(
        f"SalesOrderHeaders{version}",
        f"SalesOrderHeader{version}",
        f"SalesOrderHeader{version}Entity",
        "Sales orders (SalesTable)",
        ("dataAreaId", "SalesOrderNumber"),
        _HEADER_FIELDS,
        related=_HEADER_RELATED,
        table="SalesOrderHeaders",
    )


ORDERS_V2, ORDERS, ORDERS_V4 = (_headers(version) for version in ("V2", "V3", "V4"))
"""Three versions of one table; what differs between their fields is not known here."""

_LINE_FIELDS = field_table(
    (
        TEXT,
        f"""dataAreaId InventoryLotId SalesOrderNumber ItemNumber {DIMENSION_NAMES} SalesUnitSymbol
        SalesTaxGroupCode SalesTaxItemGroupCode ShippingSiteId ShippingWarehouseId
        OrderLineReference GiftCardNumber LineDescription CurrencyCode""",
    ),
    (
        DECIMAL,
        """LineNumber CustomersLineNumber OrderedSalesQuantity SalesPrice SalesPriceQuantity
        LineAmount LineDiscountAmount LineDiscountPercentage""",
    ),
    (DATE, "RequestedShippingDate"),
    (types.SALES_STATUS, "SalesOrderLineStatus"),
)


def _lines(version: str) -> EntitySet:
    return EntitySet(
        f"SalesOrderLines{version}",
        f"SalesOrderLine{version}",
        f"SalesOrderLine{version}Entity",
        "Order lines (SalesLine)",
        ("dataAreaId", "InventoryLotId"),
        _LINE_FIELDS,
        parent=ORDERS,
        related={
            **COMPANY,
            "ItemNumber": "Released products",
            "ShippingWarehouseId": "Warehouses",
        },
        table="SalesOrderLines",
    )


ORDER_LINES, ORDER_LINES_V3 = _lines(""), _lines("V3")

RETURN_ORDERS = EntitySet(
    "ReturnOrderHeadersV2",
    "ReturnOrderHeaderV2",
    "ReturnOrderHeaderV2Entity",
    "Return orders (SalesTable)",
    ("dataAreaId", "ReturnOrderNumber"),
    field_table(
        (
            TEXT,
            """dataAreaId ReturnOrderNumber RMANumber CustomerAccountNumber CurrencyCode
            CustomersOrderReference CustomerRequisitionNumber CustomerReturnReasonCode
            DefaultReturnSiteId DefaultReturnWarehouseId Email""",
        ),
        (DATE, "ReturnDeadline"),
        (types.RETURN_STATUS, "ReturnStatus"),
        (types.SALES_STATUS, "ReturnOrderStatus"),
    ),
    related={
        **COMPANY,
        "CustomerAccountNumber": "Customers",
        "CurrencyCode": "Currencies",
        "DefaultReturnWarehouseId": "Warehouses",
    },
)

RETURN_ORDER_LINES = EntitySet(
    "ReturnOrderLinesV2",
    "ReturnOrderLineV2",
    "ReturnOrderLineV2Entity",
    "Return order lines (SalesLine)",
    ("dataAreaId", "ReturnOrderNumber", "ReturnInventoryLotId"),
    field_table(
        (
            TEXT,
            f"""dataAreaId ReturnOrderNumber ReturnInventoryLotId RMANumber ItemNumber
            {DIMENSION_NAMES} SalesUnitSymbol ReturnDispositionCode ReferenceInventoryLotId
            ReturnSiteId ReturnWarehouseId LineDescription""",
        ),
        (DECIMAL, "ReturnSalesQuantity SalesPrice LineAmount ReturnUnitCost"),
        (DATE, "ExpectedReturnArrivalDate"),
    ),
    parent=RETURN_ORDERS,
    related={
        **COMPANY,
        "ItemNumber": "Released products",
        "ReturnWarehouseId": "Warehouses",
    },
)

SETS = (
    ORDERS_V2,
    ORDERS,
    ORDERS_V4,
    ORDER_LINES,
    ORDER_LINES_V3,
    RETURN_ORDERS,
    RETURN_ORDER_LINES,
)
