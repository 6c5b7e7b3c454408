"""Retail transactions and their lines."""

from __future__ import annotations

from infra.local.dynamics.finance_operations import types
from infra.local.dynamics.odata.entities import (
    DATE,
    DATE_TIME,
    DECIMAL,
    INT32,
    INT64,
    TEXT,
    EntitySet,
    field_table,
)

from .common import COMPANY_AND_UNIT

_TRANSACTION_KEYS = ("dataAreaId", "OperatingUnitNumber", "Terminal", "TransactionNumber")

RETAIL_TRANSACTIONS = EntitySet(
    "RetailTransactions",
    "RetailTransaction",
    "RetailTransactionEntity",
    "Retail transactions (RetailTransactionTable)",
    _TRANSACTION_KEYS,
    field_table(
        (
            TEXT,
            """dataAreaId OperatingUnitNumber Terminal TransactionNumber ChannelReferenceId
            Currency CustomerAccount DeliveryMode InfocodeDiscountGroup Warehouse SiteId
            InvoiceId LoyaltyCardId RreceiptId RefundReceiptId SalesOrderId Staff
            LogisticsLocationId LogisticsPostalAddress LogisticsPostalCity LogisticsPostalCounty
            LogisticsPostalState LogisticsPostalStreet LogisticsPostalZipCode
            LogisticsPostalAddressLocation Comment SuspendedTransactionId
            GiftCardHistoryDetails GiftCardIdMasked BatchTerminalId CreatedOnPosTerminal Shift
            RetailChannelTableOMOperatingUnitID TransactionOrderType TaxCalculationType""",
        ),
        (
            DECIMAL,
            """AmountPostedToAccount CostAmount CustomerDiscountAmount DiscountAmount
            DiscountAmountWithoutTax ExchangeRate GrossAmount IncomeExpenseAmount NetAmount NetPrice
            PaymentAmount SalesInvoiceAmount SalesOrderAmount SalesPaymentDifference
            TotalDiscountAmount TotalManualDiscountAmount TotalManualDiscountPercentage
            GiftCardBalance GiftCardIssueAmount NumberOfItems""",
        ),
        (INT32, "TransactionTime NumberOfItemLines NumberOfPaymentLines"),
        (INT64, "BatchID Channel RetailTransactionAggregationFieldList"),
        (
            DATE,
            """TransactionDate businessDate ShippingDateRequested GiftCardActiveFrom
            GiftCardExpireDate""",
        ),
        (
            DATE_TIME,
            """BeginDateTime LogisticsPostalAddressValidFrom
            LogisticPostalAddressValidTo""",
        ),
        (
            types.NO_YES,
            """CreatedOffline ItemsPosted PostAsShipment SaleIsReturnSale ToAccount
            IsTaxIncludedInPrice IsTaxExemptedForPriceInclusive""",
        ),
        (types.TRANSACTION_TYPE, "TransactionType"),
        (types.ENTRY_STATUS, "TransactionStatus"),
    ),
    related={**COMPANY_AND_UNIT, "Currency": "Currencies"},
)

SALES_LINES = EntitySet(
    "RetailTransactionSalesLinesV2",
    "RetailTransactionSalesLineV2",
    "RetailTransactionSalesLineV2Entity",
    "Retail transaction sales lines (RetailTransactionSalesTrans)",
    (*_TRANSACTION_KEYS, "LineNumber"),
    field_table(
        (
            TEXT,
            """dataAreaId OperatingUnitNumber Terminal TransactionNumber SalesTaxGroup
            ItemSalesTaxGroup BarCode CategoryId Currency CustomerAccount PriceGroups OfferNumber
            ModeOfDelivery ElectronicDeliveryEmail RetailEmailAddressContent ReasonCodeDiscount
            Warehouse SerialNumber SiteId LotID ItemId ItemRelation ChannelListingID
            LogisticPostalAddressId OriginalSalesTaxGroup OriginalItemSalesTaxGroup
            PeriodicDiscountGroup ReceiptNumber ReturnTerminal ReturnTransactionNumber
            ReturnOperatingUnitNumber RFIDTagId SectionNumber ShelfNumber Unit VariantNumber
            CategoryHierarchy CategoryName CategoryHierarchyName LogisticsPostalAddressLocation
            LogisticLocationId ItemColor ItemSize ItemStyle ItemConfigId InventDimId
            InventoryStatus TransactionCode RetailChannelTableOMOperatingUnitID""",
        ),
        (
            DECIMAL,
            """LineNumber CostAmount CustomerDiscount CustomerInvoiceDiscountAmount
            CashDiscountAmount DiscountAmountWithoutTax DiscountAmountForPrinting LineDiscount
            LineManualDiscountAmount LineManualDiscountPercentage NetAmount NetAmountInclusiveTax
            NetPrice OriginalPrice PeriodicDiscountAmount PeriodicDiscountPercentage Price Quantity
            ReturnLineNumber ReturnQuantity StandardNetPrice SalesTaxAmount TotalDiscount
            TotalDiscountInfoCodeLineNum TotalDiscountPercentage UnitPrice UnitQuantity
            LinePercentageDiscount TaxExemptPriceInclusiveOriginalPrice
            TaxExemptPriceInclusiveReductionAmount""",
        ),
        (INT64, "CatalogId Channel"),
        (DATE, "RequestedReceiptDate RequestedShipDate BusinessDate TransactionDate"),
        (DATE_TIME, "LogisticsPostalAddressValidFrom"),
        (
            types.NO_YES,
            """GiftCard ProductScanned KeyboardProductEntry IsLineDiscounted
            IsLinkedProductNotOriginal IsOriginalOfLinkedProductList IsPriceChange PriceInBarCode
            IsReturnNoSale IsScaleProduct IsWeightProduct IsWeightManuallyEntered SkipReports""",
        ),
        (types.ENTRY_STATUS, "TransactionStatus"),
    ),
    parent=RETAIL_TRANSACTIONS,
    related={**COMPANY_AND_UNIT, "Currency": "Currencies"},
)

PAYMENT_LINES = EntitySet(
    "RetailTransactionPaymentLinesV2",
    "RetailTransactionPaymentLineV2",
    "RetailTransactionPaymentLineV2Entity",
    "Retail transaction payment lines (RetailTransactionPaymentTrans)",
    (*_TRANSACTION_KEYS, "LineNumber", "Store"),
    field_table(
        (
            TEXT,
            """dataAreaId OperatingUnitNumber Terminal TransactionNumber Store TenderType
            CurrencyCode GiftCardId CardNumber CardTypeId AccountNumber CreditVoucherId
            LoyaltyCardId ReceiptId Staff LinkedPaymentStore LinkedPaymentTerminal
            LinkedPaymentTransactionNumber LinkedPaymentCurrency PaymentCaptureToken""",
        ),
        (
            DECIMAL,
            """LineNumber AmountTendered AmountInTenderedCurrency AmountInAccountingCurrency
            AmountTenderedAdjustment ExchangeRateInTenderedCurrency
            ExchangeRateInAccountingCurrency RefundableAmount Quantity LinkedPaymentLineNumber""",
        ),
        (types.NO_YES, "IsChangeLine IsPrepayment IsPaymentCaptured IsLinkedRefund"),
        (types.ENTRY_STATUS, "TransactionStatus"),
        (types.TENDER_VOID_STATUS, "VoidStatus"),
    ),
    parent=RETAIL_TRANSACTIONS,
    related={**COMPANY_AND_UNIT, "CurrencyCode": "Currencies"},
)

DISCOUNT_LINES = EntitySet(
    "RetailTransactionDiscountLines",
    "RetailTransactionDiscountLine",
    "RetailTransactionDiscountLineEntity",
    "Retail transaction discount lines (RetailTransactionDiscountTrans)",
    (*_TRANSACTION_KEYS, "SalesLineNumber", "LineNumber"),
    field_table(
        (
            TEXT,
            """dataAreaId OperatingUnitNumber Terminal TransactionNumber DiscountCode
            DiscountOfferId RetailChannelTableOMOperatingUnitID""",
        ),
        (
            DECIMAL,
            """SalesLineNumber LineNumber EffectiveAmount DealPrice DiscountAmount
            DiscountPercentage""",
        ),
        (INT64, "Channel BundleId"),
        (types.CUSTOMER_DISCOUNT, "CustomerDiscountType"),
        (types.DISCOUNT_ORIGIN, "DiscountOriginType"),
        (types.MANUAL_DISCOUNT, "ManualDiscountType"),
    ),
    parent=RETAIL_TRANSACTIONS,
    related=COMPANY_AND_UNIT,
)

TAX_LINES = EntitySet(
    "RetailTransactionTaxLines",
    "RetailTransactionTaxLine",
    "RetailTransactionTaxLineEntity",
    "Retail transaction tax lines (RetailTransactionTaxTrans)",
    (*_TRANSACTION_KEYS, "SalesLineNumber", "TaxCode"),
    field_table(
        (
            TEXT,
            """dataAreaId OperatingUnitNumber Terminal TransactionNumber TaxCode
            RetailChannelTableOMOperatingUnitID""",
        ),
        (DECIMAL, "SalesLineNumber TaxAmount TaxPercentage"),
        (INT64, "Channel"),
        (types.NO_YES, "IsTaxIncludedInPrice IsExempt"),
    ),
    parent=RETAIL_TRANSACTIONS,
    related=COMPANY_AND_UNIT,
)

INCOME_EXPENSE_LINES = EntitySet(
    "RetailTransactionIncomeExpenseLines",
    "RetailTransactionIncomeExpenseLine",
    "RetailTransactionIncomeExpenseLineEntity",
    "Income/Expense transaction (RetailTransactionIncomeExpenseTrans)",
    (*_TRANSACTION_KEYS, "LineNumber"),
    field_table(
        (
            TEXT,
            """dataAreaId OperatingUnitNumber Terminal TransactionNumber AccountNumber
            ReceiptNumber StoreNumber""",
        ),
        (DECIMAL, "LineNumber Amount"),
        (INT32, "TransactionTime"),
        (DATE, "TransactionDate"),
        (types.INCOME_EXPENSE, "AccountType"),
        (types.ENTRY_STATUS, "TransactionStatus"),
    ),
    parent=RETAIL_TRANSACTIONS,
    related=COMPANY_AND_UNIT,
)

LOYALTY_LINES = EntitySet(
    "RetailTransactionLoyaltyRewardPointsLines",
    "RetailTransactionLoyaltyRewardPointsLine",
    "RetailTransactionLoyaltyRewardPointsLineEntity",
    "Loyalty reward point transaction (RetailTransactionLoyaltyRewardPointTrans)",
    (*_TRANSACTION_KEYS, "LineNumber"),
    field_table(
        (
            TEXT,
            """dataAreaId OperatingUnitNumber Terminal TransactionNumber LoyaltyCardNumber
            LoyaltyName LoyaltyTierId RewardPointId ReceiptNumber CustomerAccountNumber""",
        ),
        (DECIMAL, "LineNumber RewardPoints RetailTransactionSalesTransLineNum"),
        (INT32, "EntryTime"),
        (DATE, "EntryDate ExpirationDate"),
        (types.REWARD_ENTRY_TYPE, "EntryType"),
    ),
    parent=RETAIL_TRANSACTIONS,
    related=COMPANY_AND_UNIT,
)

SETS = (
    RETAIL_TRANSACTIONS,
    SALES_LINES,
    PAYMENT_LINES,
    DISCOUNT_LINES,
    TAX_LINES,
    INCOME_EXPENSE_LINES,
    LOYALTY_LINES,
)
