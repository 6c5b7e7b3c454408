"""Products, their variants and barcodes, and their prices."""

from __future__ import annotations

from infra.local.dynamics.finance_operations import types
from infra.local.dynamics.odata.entities import (
    DATE,
    DECIMAL,
    INT32,
    INT64,
    TEXT,
    EntitySet,
    field_table,
)

from .common import COMPANY, DIMENSION_NAMES, DIMENSIONS

RELEASED_PRODUCTS = EntitySet(
    "ReleasedProductsV2",
    "ReleasedProductV2",
    "EcoResReleasedProductV2Entity",
    "Released products (InventTable)",
    ("dataAreaId", "ItemNumber"),
    field_table(
        (
            TEXT,
            """dataAreaId ItemNumber ProductNumber SearchName SalesUnitSymbol InventoryUnitSymbol
            SalesSalesTaxItemGroupCode ProductLifecycleStateId ProductDimensionGroupName
            BarcodeSetupId""",
        ),
        (DECIMAL, "SalesPrice SalesPriceQuantity"),
        (types.NO_YES, "IsPOSRegistrationBlocked"),
    ),
    related=COMPANY,
)

VARIANTS = EntitySet(
    "ReleasedProductVariantsV2",
    "ReleasedProductVariantV2",
    "EcoResReleasedProductVariantV2Entity",
    "Released product variants (InventDimCombination)",
    ("dataAreaId", "ProductMasterNumber", *DIMENSIONS),
    field_table(
        (
            TEXT,
            f"""dataAreaId ProductMasterNumber {DIMENSION_NAMES} ItemNumber ProductVariantNumber
            ProductName ProductSearchName ProductDescription ProductLifecycleStateId""",
        ),
    ),
    related=COMPANY,
)

BARCODES = EntitySet(
    "ProductBarcodesV3",
    "ProductBarcodeV3",
    "EcoResProductBarcodeV3Entity",
    "Item - bar code (InventItemBarcode)",
    (
        "dataAreaId",
        "ItemNumber",
        *DIMENSIONS,
        "ProductQuantityUnitSymbol",
        "BarcodeSetupId",
        "Barcode",
    ),
    field_table(
        (
            TEXT,
            f"""dataAreaId ItemNumber {DIMENSION_NAMES} ProductQuantityUnitSymbol BarcodeSetupId
            Barcode ProductDescription""",
        ),
        (DECIMAL, "ProductQuantity"),
        (
            types.NO_YES,
            "IsDefaultScannedBarcode IsDefaultPrintedBarcode IsDefaultDisplayedBarcode",
        ),
    ),
    related={**COMPANY, "ItemNumber": "Released products"},
)

_PRICE_TEXTS = f"""ItemNumber {DIMENSION_NAMES} PriceCurrencyCode PriceSiteId PriceWarehouseId
CustomerAccountNumber PriceCustomerGroupCode AttributeBasedPricingId"""
_PRICE_DECIMALS = "Price SalesPriceQuantity FromQuantity ToQuantity FixedPriceCharges"
_PRICE_DATES = "PriceApplicableFromDate PriceApplicableToDate"
_PRICE_FLAGS = """WillSearchContinue IsGenericCurrencySearchEnabled
WillDeliveryDateControlDisregardLeadTime"""

PRICE_AGREEMENTS = EntitySet(
    "SalesPriceAgreements",
    "SalesPriceAgreement",
    "SalesPriceAgreementEntity",
    "Sales price agreements (PriceDiscTable)",
    ("dataAreaId", "RecordId"),
    field_table(
        (TEXT, f"dataAreaId ProductNumber QuantityUnitySymbol {_PRICE_TEXTS}"),
        (INT64, "RecordId"),
        (INT32, "SalesLeadTimeDays"),
        (DECIMAL, _PRICE_DECIMALS),
        (DATE, _PRICE_DATES),
        (types.NO_YES, _PRICE_FLAGS),
    ),
    related=COMPANY,
)

PRICE_JOURNALS = EntitySet(
    "TradeAgreementJournalHeaders",
    "TradeAgreementJournalHeader",
    "PriceDiscTradeAgreementJournalHeaderEntity",
    "Price/discount journal (PriceDiscAdmTable)",
    ("dataAreaId", "JournalNumber"),
    field_table(
        (TEXT, "dataAreaId JournalNumber JournalDescription TradeAgreementJournalNameId"),
        (DATE, "PostedDate"),
        (types.NO_YES, "Posted IsCurrentPriceExported"),
        (types.PRICE_TYPE, "DefaultTradeAgreementType"),
    ),
    related=COMPANY,
)

PRICE_JOURNAL_LINES = EntitySet(
    "OpenSalesPriceJournalLinesV2",
    "OpenSalesPriceJournalLineV2",
    "PriceDiscOpenSalesPriceJournalLineV2Entity",
    "Price/discount journal lines (PriceDiscAdmTrans)",
    ("dataAreaId", "TradeAgreementJournalNumber", "LineNumber"),
    field_table(
        (
            TEXT,
            f"""dataAreaId TradeAgreementJournalNumber QuantityUnitSymbol ProcessingLog
            {_PRICE_TEXTS}""",
        ),
        (INT32, "SalesLeadTimeDays"),
        (DECIMAL, f"LineNumber {_PRICE_DECIMALS}"),
        (DATE, _PRICE_DATES),
        (types.NO_YES, _PRICE_FLAGS),
    ),
    parent=PRICE_JOURNALS,
    related={
        **COMPANY,
        "ItemNumber": "Released products",
        "PriceCurrencyCode": "Currencies",
        "CustomerAccountNumber": "Customers",
        "PriceWarehouseId": "Warehouses",
    },
)

SETS = (
    RELEASED_PRODUCTS,
    VARIANTS,
    BARCODES,
    PRICE_AGREEMENTS,
    PRICE_JOURNALS,
    PRICE_JOURNAL_LINES,
)
