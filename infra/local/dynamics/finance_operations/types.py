"""Enums of the Finance & Operations entities.

The symbols named in dynamics.md 1.2 and 1.3 come first-hand; the rest of each list is the X++ enum
as documented, and a missing symbol shows as a refused value.
"""

from __future__ import annotations

from infra.local.dynamics.odata.entities import enum

NO_YES = enum("NoYes", "No", "Yes")
TRANSACTION_TYPE = enum(
    "RetailTransactionType",
    "LogOff", "LogOn", "Sales", "Payment", "RemoveTender", "FloatEntry", "ChangeTender",
    "TenderDeclaration", "Voided", "OpenDrawer", "NegativeAdjustment", "PhysicalCount",
    "IncomeExpense", "CustomerOrder", "SafeDrop", "BankDrop", "StartingAmount",
    "SuspendedTransaction", "PendingSalesOrder", "PendingSalesInvoice",
)  # fmt: skip
ENTRY_STATUS = enum(
    "RetailEntryStatus",
    "None", "Voided", "Posted", "Concluded", "Cancelled", "OnHold", "Training",
)  # fmt: skip
CUSTOMER_ON_HOLD = enum(
    "CustVendorBlocked", "No", "Invoice", "All", "Payment", "Requisition", "Never", "PurchOrder"
)
PARTY_TYPE = enum("DirPartyType", "None", "Person", "Organization")
OPERATING_UNIT_TYPE = enum(
    "OMOperatingUnitType", "None", "CostCenter", "BusinessUnit", "ValueStream", "Department",
    "RetailChannel",
)  # fmt: skip
DISCOUNT_ORIGIN = enum(
    "RetailDiscountOriginType", "None", "Customer", "Manual", "Periodic", "Loyalty", "Total",
)  # fmt: skip
CUSTOMER_DISCOUNT = enum(
    "RetailCustomerDiscountType", "None", "LineDiscount", "MultilineDiscount", "TotalDiscount"
)
MANUAL_DISCOUNT = enum(
    "RetailManualDiscountType", "None", "LineDiscountAmount", "LineDiscountPercent",
    "TotalDiscountAmount", "TotalDiscountPercent",
)  # fmt: skip
TENDER_VOID_STATUS = enum("RetailTenderVoidStatus", "None", "Voided", "VoidedByTransaction")
INCOME_EXPENSE = enum("RetailIncomeExpense", "Income", "Expense")
REWARD_ENTRY_TYPE = enum(
    "RetailLoyaltyRewardPointEntryType", "Earn", "Redeem", "ReturnEarned", "Adjust", "Refund"
)
LOYALTY_TENDER_TYPE = enum(
    "RetailLoyaltyTenderTypeBase", "AsCardTender", "AsContactTender", "NoTender", "Blocked"
)
ADJUSTMENT_STATUS = enum("RetailLoyaltyAdjustmentStatusBase", "Draft", "Posted")
GIFT_CARD_STATUS = enum("RetailGiftCardStatus", "Active", "Expired", "Closed")
GIFT_CARD_OPERATION = enum(
    "RetailGiftCardOperation",
    "None", "Issue", "Redeem", "AddTo", "Refund", "Adjust", "MCRVoid", "Close", "ManualUnlock",
    "OfflineUnlock", "VoidIssue", "CashOut",
)  # fmt: skip
SALES_STATUS = enum("SalesStatus", "None", "Backorder", "Delivered", "Invoiced", "Canceled")
RETURN_STATUS = enum("ReturnStatusHeader", "None", "Created", "Open", "Canceled", "Closed")
PRICE_TYPE = enum(
    "PriceType",
    "PricePurch", "LineDiscPurch", "MultiLineDiscPurch", "EndDiscPurch", "PriceSales",
    "LineDiscSales", "MultiLineDiscSales", "EndDiscSales",
)  # fmt: skip
ACCOUNT_TYPE = enum(
    "LedgerJournalACType", "Ledger", "Cust", "Vend", "Project", "FixedAssets", "Bank"
)
WAREHOUSE_TYPE = enum("InventLocationType", "Standard", "Quarantine", "Transit")
