"""Customers, vendors, and what customers hold: loyalty and gift cards."""

from __future__ import annotations

from infra.local.dynamics.finance_operations import types
from infra.local.dynamics.odata.entities import DATE, DECIMAL, INT32, TEXT, EntitySet, field_table

from .common import COMPANY

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
            NameAlias CustomerGroupId SalesCurrencyCode LanguageId PrimaryContactEmail
            PrimaryContactPhone AddressStreet AddressCity AddressZipCode AddressCountryRegionId
            AddressDescription TaxExemptNumber SalesTaxGroup PaymentTerms PartyNumber
            DiscountPriceGroupId""",
        ),
        (DECIMAL, "CreditLimit CredManEligibleCreditMax"),
        (DATE, "CredManCreditLimitExpiryDate"),
        (types.NO_YES, "CreditLimitIsMandatory"),
        (types.PARTY_TYPE, "PartyType"),
        (types.CUSTOMER_ON_HOLD, "OnHoldStatus"),
    ),
    related={**COMPANY, "SalesCurrencyCode": "Currencies"},
)

CREDIT_GROUPS = EntitySet(
    "CustomerCreditGroups",
    "CustomerCreditGroup",
    "CredManCustomerCreditGroupEntity",
    "Customer credit groups (CredManCreditLimitCustGroup)",
    ("CreditLimitId",),
    field_table(
        (TEXT, "CreditLimitId Description CurrencyCode"),
        (DECIMAL, "CreditMax"),
        (DATE, "ExpiryDate"),
    ),
    related={"CurrencyCode": "Currencies"},
)

VENDORS = EntitySet(
    "VendorsV3",
    "VendorV3",
    "VendVendorV3Entity",
    "Vendors (VendTable)",
    ("dataAreaId", "VendorAccountNumber"),
    field_table(
        (
            TEXT,
            """dataAreaId VendorAccountNumber VendorOrganizationName VendorGroupId CurrencyCode
            VendorSearchName""",
        ),
    ),
    related={**COMPANY, "CurrencyCode": "Currencies"},
)

GIFT_CARDS = EntitySet(
    "RetailGiftCards",
    "RetailGiftCard",
    "RetailGiftCardEntity",
    "Gift card table (RetailGiftCardTable)",
    ("dataAreaId", "EntryId"),
    field_table(
        (TEXT, "dataAreaId EntryId CurrencyCode"),
        (DECIMAL, "FaceValue"),
        (DATE, "ActiveFrom ExpiryDate"),
        (types.NO_YES, "NonReloadable OneTimeRedemption IsReserved"),
        (types.GIFT_CARD_STATUS, "Status"),
    ),
    related={**COMPANY, "CurrencyCode": "Currencies"},
)

GIFT_CARD_TRANSACTIONS = EntitySet(
    "RetailGiftCardTransactions",
    "RetailGiftCardTransaction",
    "RetailGiftCardTransactionEntity",
    "Gift card transactions (RetailGiftCardTransactions)",
    ("dataAreaId", "CardNumber", "TransactionId"),
    field_table(
        (
            TEXT,
            """dataAreaId CardNumber TransactionId StaffId ReceiptId TerminalId
            MCRInvoiceAccount""",
        ),
        (DECIMAL, "Amount"),
        (DATE, "TransactionDate"),
        (types.GIFT_CARD_OPERATION, "Operation"),
    ),
    parent=GIFT_CARDS,
    related=COMPANY,
)

LOYALTY_CARDS = EntitySet(
    "RetailLoyaltyCards",
    "RetailLoyaltyCard",
    "RetailLoyaltyCardEntity",
    "Loyalty card (RetailLoyaltyCard)",
    ("CardNumber",),
    field_table(
        (TEXT, "CardNumber PartyNumber ReplacementCardNumber OmOperatingUnitNumber"),
        (DATE, "LoyaltyEnrollmentDate"),
        (types.LOYALTY_TENDER_TYPE, "CardTenderType"),
    ),
)

REWARD_TRANSACTIONS = EntitySet(
    "RetailLoyaltyCardRewardPointTransactionV2",
    "RetailLoyaltyCardRewardPointTransactionV2Type",
    "RetailLoyaltyCardRewardPointTransactionV2Entity",
    "Loyalty card reward point transactions (RetailLoyaltyCardRewardPointTrans)",
    (
        "OperatingUnitNumber",
        "storeId",
        "Terminal",
        "TransactionNumber",
        "LoyaltyTransactionCompany",
        "LoyaltyTransactionLineNumber",
        "SalesOrderId",
        "AdjustmentId",
        "CardNumber",
        "NonTransactionalActivityId",
        "EntryDate",
        "EntryTime",
    ),
    field_table(
        (
            TEXT,
            """OperatingUnitNumber storeId Terminal TransactionNumber LoyaltyTransactionCompany
            SalesOrderId AdjustmentId CardNumber NonTransactionalActivityId RewardPointId""",
        ),
        (DECIMAL, "LoyaltyTransactionLineNumber RewardPointAmountQty"),
        (INT32, "EntryTime"),
        (DATE, "EntryDate ExpirationDate"),
        (types.REWARD_ENTRY_TYPE, "EntryType"),
    ),
)

POINT_ADJUSTMENTS = EntitySet(
    "LoyaltyCardRewardPointAdjustments",
    "LoyaltyCardRewardPointAdjustment",
    "RetailLoyaltyCardRewardPointAdjustmentEntity",
    "Loyalty card adjustments (RetailLoyaltyCardRewardPointAdjustment)",
    ("AdjustmentId",),
    field_table(
        (
            TEXT,
            """AdjustmentId RetailLoyaltyCard_CardNumber RetailLoyaltyRewardPoint_RewardPointId
            RetailAffiliation_Name Comment""",
        ),
        (DECIMAL, "RewardPointAmountQty"),
        (DATE, "TransactionDate"),
        (types.ADJUSTMENT_STATUS, "AdjustmentStatus"),
    ),
    related={"RetailLoyaltyCard_CardNumber": "Loyalty cards"},
)

SETS = (
    CUSTOMERS,
    CREDIT_GROUPS,
    VENDORS,
    GIFT_CARDS,
    GIFT_CARD_TRANSACTIONS,
    LOYALTY_CARDS,
    REWARD_TRANSACTIONS,
    POINT_ADJUSTMENTS,
)
