"""The entity sets this stand-in serves.

Keys: dynamics.md 1.2 and 1.3. Field names: the CDM extract of the internal entities (microsoft/CDM,
operationsCommon), payment lines and CurrencyCode from dynamics.md 1.3. Types follow the backing
tables' extended data types; where those say nothing the name decides.
"""

from __future__ import annotations

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

from . import types

_TRANSACTION_KEYS = ("dataAreaId", "OperatingUnitNumber", "Terminal", "TransactionNumber")
_COMPANY = {"dataAreaId": "Companies"}
_COMPANY_AND_UNIT = {**_COMPANY, "OperatingUnitNumber": "Operating units"}

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
    related={**_COMPANY_AND_UNIT, "Currency": "Currencies"},
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
    related={**_COMPANY_AND_UNIT, "Currency": "Currencies"},
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
            CurrencyCode GiftCardId CardOrAccount CardTypeId CreditVoucherId LoyaltyCardId
            ReceiptId Staff Shift""",
        ),
        (
            DECIMAL,
            """LineNumber AmountTendered AmountInTenderedCurrency
            AmountInAccountingCurrency ExchangeRate Quantity""",
        ),
        (INT32, "TransactionTime"),
        (INT64, "Channel"),
        (DATE, "TransactionDate BusinessDate"),
        (types.NO_YES, "IsChangeLine IsPrepayment"),
        (types.ENTRY_STATUS, "VoidStatus TransactionStatus"),
    ),
    parent=RETAIL_TRANSACTIONS,
    related={**_COMPANY_AND_UNIT, "CurrencyCode": "Currencies"},
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
    related=_COMPANY_AND_UNIT,
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
    related=_COMPANY_AND_UNIT,
)

CUSTOMERS = EntitySet(
    "CustomersV3",
    "CustomerV3",
    "CustCustomerV3Entity",
    "Customers (CustTable)",
    ("dataAreaId", "CustomerAccount"),
    field_table(
        (
            TEXT,
            """dataAreaId CustomerAccount OrganizationName PersonFirstName PersonLastName
            CustomerGroupId SalesCurrencyCode LanguageId PrimaryContactEmail PrimaryContactPhone
            AddressStreet AddressCity AddressZipCode AddressCountryRegionId TaxExemptNumber
            SalesTaxGroup PaymentTerms""",
        ),
        (DECIMAL, "CreditLimit CredManEligibleCreditMax"),
        (DATE, "CredManCreditLimitExpiryDate"),
        (types.PARTY_TYPE, "PartyType"),
        (types.CUSTOMER_ON_HOLD, "OnHoldStatus"),
    ),
    related={**_COMPANY, "SalesCurrencyCode": "Currencies"},
)

RELEASED_PRODUCTS = EntitySet(
    "ReleasedProductsV2",
    "ReleasedProductV2",
    "EcoResReleasedProductV2Entity",
    "Released products (InventTable)",
    ("dataAreaId", "ItemNumber"),
    field_table(
        (
            TEXT,
            """dataAreaId ItemNumber ProductNumber SearchName SalesUnitSymbol
            InventoryUnitSymbol SalesSalesTaxItemGroupCode ProductLifecycleStateId""",
        ),
        (DECIMAL, "SalesPrice SalesPriceQuantity"),
        (types.NO_YES, "IsPOSRegistrationBlocked"),
    ),
    related=_COMPANY,
)

OPERATING_UNITS = EntitySet(
    "OperatingUnits",
    "OperatingUnit",
    "OMOperatingUnitEntity",
    "Operating units (OMOperatingUnit)",
    ("OperatingUnitNumber",),
    field_table(
        (TEXT, "OperatingUnitNumber Name NameAlias PartyNumber LanguageId"),
        (types.OPERATING_UNIT_TYPE, "OperatingUnitType"),
    ),
)

RETAIL_STORES = EntitySet(
    "RetailStores",
    "RetailStore",
    "RetailStoreEntity",
    "Stores (RetailStoreTable)",
    ("RetailChannelId",),
    field_table(
        (
            TEXT,
            """RetailChannelId OperatingUnitNumber StoreNumber Currency WarehouseId
            DefaultCustomerAccount DefaultCustomerLegalEntity ChannelTimeZone""",
        ),
        (types.NO_YES, "PriceIncludesSalesTax"),
    ),
    related={"Currency": "Currencies"},
)

RETAIL_TERMINALS = EntitySet(
    "RetailTerminals",
    "RetailTerminal",
    "RetailTerminalEntity",
    "Registers (RetailTerminalTable)",
    ("TerminalNumber",),
    field_table((TEXT, "TerminalNumber Name StoreNumber HardwareProfile VisualProfile Location")),
)

LEGAL_ENTITIES = EntitySet(
    "LegalEntities",
    "LegalEntity",
    "OMLegalEntity",
    "Legal entities (CompanyInfo)",
    ("LegalEntityId",),
    field_table((TEXT, "LegalEntityId Name NameAlias LanguageId AccountingCurrency")),
    related={"AccountingCurrency": "Currencies"},
)

COMPANIES = EntitySet(
    "Companies",
    "Company",
    "DataAreaEntity",
    "Companies (DataArea)",
    ("DataArea",),
    field_table((TEXT, "DataArea Name")),
)

RETAIL_SETS = (RETAIL_TRANSACTIONS, SALES_LINES, PAYMENT_LINES, DISCOUNT_LINES, TAX_LINES)

ENTITY_SETS = {
    entity_set.name: entity_set
    for entity_set in (
        *RETAIL_SETS,
        CUSTOMERS,
        RELEASED_PRODUCTS,
        OPERATING_UNITS,
        RETAIL_STORES,
        RETAIL_TERMINALS,
        LEGAL_ENTITIES,
        COMPANIES,
    )
}
