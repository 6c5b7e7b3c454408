"""The retail transaction entities as `$metadata` names them, with the fields services write.

The port passes bodies through, so the fields are those of `services/sales`; a test there holds
this table against what it writes.
"""

from __future__ import annotations

from shared.dynamics.fields import EntityFields
from shared.dynamics.finance_operations.retail_transactions import IDENTITY_FIELDS

_DOCUMENT = ("dataAreaId", "OperatingUnitNumber", "Terminal", "TransactionNumber")
_USED_BY = ("RetailTransactions.post",)
_YES_NO = ("Yes", "No")

RETAIL_FIELDS: tuple[EntityFields, ...] = (
    EntityFields(
        "RetailTransactions",
        key=_DOCUMENT,
        written=(
            *("TransactionType", "TransactionStatus", "ChannelReferenceId"),
            *("TransactionDate", "TransactionTime", "businessDate"),
            *("Currency", "GrossAmount", "NetAmount", "PaymentAmount", "SalesPaymentDifference"),
            *("DiscountAmount", "TotalDiscountAmount", "SaleIsReturnSale", "IsTaxIncludedInPrice"),
            *("NumberOfItemLines", "NumberOfItems", "NumberOfPaymentLines"),
            *("Warehouse", "Staff", "CustomerAccount", "LoyaltyCardId", "RreceiptId"),
            *("Comment", "Shift", "IncomeExpenseAmount"),
        ),
        read=IDENTITY_FIELDS,
        symbols={
            "TransactionType": (
                *("Sales", "TenderDeclaration", "FloatEntry", "RemoveTender"),
                *("SafeDrop", "BankDrop", "IncomeExpense"),
            ),
            "TransactionStatus": ("None",),
            "SaleIsReturnSale": _YES_NO,
            "IsTaxIncludedInPrice": _YES_NO,
        },
        lengths={"ChannelReferenceId": 36, "Comment": 60},
        used_by=_USED_BY,
    ),
    EntityFields(
        "RetailTransactionSalesLinesV2",
        key=(*_DOCUMENT, "LineNumber"),
        written=(
            *("ItemId", "VariantNumber", "BarCode", "Unit", "Quantity", "Price"),
            *("NetAmount", "NetAmountInclusiveTax", "SalesTaxAmount", "LineDiscount"),
            *("TotalDiscount", "Currency", "Warehouse", "IsReturnNoSale"),
            *("ReturnOperatingUnitNumber", "ReturnTerminal"),
            *("ReturnTransactionNumber", "ReturnLineNumber"),
        ),
        symbols={"IsReturnNoSale": ("Yes",)},
        used_by=_USED_BY,
    ),
    EntityFields(
        "RetailTransactionPaymentLinesV2",
        key=(*_DOCUMENT, "LineNumber", "Store"),
        written=(
            *("TenderType", "CurrencyCode", "AmountTendered", "AmountInTenderedCurrency"),
            *("AmountInAccountingCurrency", "IsChangeLine", "VoidStatus"),
        ),
        symbols={"IsChangeLine": _YES_NO, "VoidStatus": ("None",)},
        used_by=_USED_BY,
    ),
    EntityFields(
        "RetailTransactionTaxLines",
        key=(*_DOCUMENT, "SalesLineNumber", "TaxCode"),
        written=("TaxPercentage", "TaxAmount", "IsTaxIncludedInPrice"),
        symbols={"IsTaxIncludedInPrice": _YES_NO},
        used_by=_USED_BY,
    ),
    EntityFields(
        "RetailTransactionDiscountLines",
        key=(*_DOCUMENT, "SalesLineNumber", "LineNumber"),
        written=(
            *("DiscountCode", "DiscountOriginType", "ManualDiscountType"),
            *("DiscountAmount", "EffectiveAmount"),
        ),
        symbols={
            "DiscountOriginType": ("Manual",),
            "ManualDiscountType": ("LineDiscountAmount", "TotalDiscountAmount"),
        },
        used_by=_USED_BY,
    ),
    EntityFields(
        "RetailTransactionIncomeExpenseLines",
        key=(*_DOCUMENT, "LineNumber"),
        written=("AccountNumber", "AccountType", "Amount"),
        symbols={"AccountType": ("Income", "Expense")},
        used_by=_USED_BY,
    ),
    EntityFields(
        "RetailTransactionLoyaltyRewardPointsLines",
        key=(*_DOCUMENT, "LineNumber"),
        written=("LoyaltyCardNumber", "RewardPointId", "RewardPoints", "EntryType", "EntryDate"),
        symbols={"EntryType": ("Earn", "Redeem", "ReturnEarned", "Adjust", "Refund")},
        used_by=_USED_BY,
    ),
)
