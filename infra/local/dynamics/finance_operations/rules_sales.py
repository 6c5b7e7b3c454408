"""Orders: numbers, statuses, prices, and the dimension Site nobody may leave out."""

from __future__ import annotations

from infra.local.dynamics.odata.entities import EntitySet, Row, Scalar

from . import errors
from .entity_sets import LEGAL_ENTITIES, parties, places, sales
from .rows import Rows
from .rules import Rules

OPEN = "Backorder"


def _order(entity_set: EntitySet, row: Row, rows: Rows) -> None:
    customer = _customer(entity_set, row, "OrderingCustomerAccountNumber", rows)
    row.setdefault("InvoiceCustomerAccountNumber", row["OrderingCustomerAccountNumber"])
    _currency(row, customer, rows)
    row["SalesOrderStatus"] = OPEN


def _customer(entity_set: EntitySet, row: Row, name: str, rows: Rows) -> Row:
    customer = rows.get(parties.CUSTOMERS, row["dataAreaId"], row[name])
    if customer is None:
        raise errors.not_related(entity_set, name, row[name], "Customers")
    if customer.get("OnHoldStatus") == "All":
        raise errors.write_failed(
            entity_set, f"Error: Customer {row[name]} is on hold for all transactions."
        )
    return customer


def _currency(row: Row, customer: Row, rows: Rows) -> None:
    if not row.get("CurrencyCode"):
        company = rows.get(LEGAL_ENTITIES, row["dataAreaId"]) or {}
        currency = customer.get("SalesCurrencyCode") or company.get("AccountingCurrency", "")
        row["CurrencyCode"] = currency


def _line(entity_set: EntitySet, row: Row, rows: Rows) -> None:
    order = rows.get(sales.ORDERS, row["dataAreaId"], row["SalesOrderNumber"])
    if order is None:
        return  # the missing parent is refused in its own words
    warehouse = row.get("ShippingWarehouseId") or order.get("DefaultShippingWarehouseId", "")
    site = (
        row.get("ShippingSiteId")
        or order.get("DefaultShippingSiteId")
        or _site(row, warehouse, rows)
    )
    if not site:
        raise errors.write_failed(
            entity_set,
            "Warning: Inventory dimension Site is mandatory and must consequently be specified.; "
            "Error: Update has been canceled.",
        )
    row["ShippingSiteId"] = site
    if warehouse:
        row["ShippingWarehouseId"] = warehouse
    row["SalesOrderLineStatus"] = OPEN
    quantity, price = float(row.get("OrderedSalesQuantity", 0)), float(row.get("SalesPrice", 0))
    discount = float(row.get("LineDiscountAmount", 0))
    per = float(row.get("SalesPriceQuantity", 0)) or 1
    row.setdefault("LineAmount", round(quantity * (price - discount) / per, 6))
    total = float(order.get("OrderTotalAmount", 0)) + float(row["LineAmount"])
    rows.change(sales.ORDERS, order, OrderTotalAmount=round(total, 6))


def _site(row: Row, warehouse: Scalar, rows: Rows) -> Scalar:
    found = rows.get(places.WAREHOUSES, row["dataAreaId"], warehouse) if warehouse else None
    return (found or {}).get("OperationalSiteId", "")


def _return_order(entity_set: EntitySet, row: Row, rows: Rows) -> None:
    customer = _customer(entity_set, row, "CustomerAccountNumber", rows)
    _currency(row, customer, rows)
    if not row.get("RMANumber"):
        row["RMANumber"] = f"RMA-{rows.next_number(str(row['dataAreaId']), 'RMANumber'):06}"
    row["ReturnStatus"] = "Created"
    row["ReturnOrderStatus"] = OPEN


def _return_line(entity_set: EntitySet, row: Row, rows: Rows) -> None:
    quantity, price = float(row.get("ReturnSalesQuantity", 0)), float(row.get("SalesPrice", 0))
    row.setdefault("LineAmount", round(quantity * price, 6))


def _reward(entity_set: EntitySet, row: Row, rows: Rows) -> None:
    """A posted adjustment is a transaction of its card."""
    if row.get("AdjustmentStatus") == "Posted":
        points = float(row.get("RewardPointAmountQty", 0))
        rows.add(
            parties.REWARD_TRANSACTIONS,
            {
                "AdjustmentId": row["AdjustmentId"],
                "CardNumber": row.get("RetailLoyaltyCard_CardNumber", ""),
                "RewardPointId": row.get("RetailLoyaltyRewardPoint_RewardPointId", ""),
                "RewardPointAmountQty": points,
                "EntryType": "Adjust",
                "EntryDate": row.get("TransactionDate", "1900-01-01T12:00:00Z"),
            },
        )


_ORDER = Rules(
    number="SalesOrderNumber",
    sequence="SO-{:06}",
    required=("OrderingCustomerAccountNumber",),
    read_only=frozenset({"SalesOrderStatus", "OrderTotalAmount", "OrderTotalTaxAmount"}),
    final={"SalesOrderStatus": frozenset({"Invoiced", "Canceled"})},
    before=_order,
)
_ORDER_LINE = Rules(
    number="InventoryLotId",
    numbered_lines=True,
    parent_by=("dataAreaId", "SalesOrderNumber"),
    required=("ItemNumber",),
    read_only=frozenset({"SalesOrderLineStatus"}),
    final={"SalesOrderLineStatus": frozenset({"Invoiced", "Canceled"})},
    before=_line,
)
SALES_RULES = {
    **{each.name: _ORDER for each in (sales.ORDERS_V2, sales.ORDERS, sales.ORDERS_V4)},
    **{each.name: _ORDER_LINE for each in (sales.ORDER_LINES, sales.ORDER_LINES_V3)},
    sales.RETURN_ORDERS.name: Rules(
        number="ReturnOrderNumber",
        sequence="RSO-{:06}",
        required=("CustomerAccountNumber",),
        read_only=frozenset({"ReturnStatus", "ReturnOrderStatus"}),
        final={"ReturnStatus": frozenset({"Canceled", "Closed"})},
        before=_return_order,
    ),
    sales.RETURN_ORDER_LINES.name: Rules(
        number="ReturnInventoryLotId", required=("ItemNumber",), before=_return_line
    ),
    parties.CUSTOMERS.name: Rules(
        number="CustomerAccount", sequence="C-{:06}", required=("CustomerGroupId",)
    ),
    parties.POINT_ADJUSTMENTS.name: Rules(after=_reward),
    parties.REWARD_TRANSACTIONS.name: Rules(optional=frozenset(parties.REWARD_TRANSACTIONS.keys)),
}
