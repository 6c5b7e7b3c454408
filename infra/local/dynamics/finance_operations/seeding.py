"""The rows of a new database: companies, and in each a store, customers and products to sell."""

from __future__ import annotations

from infra.local.dynamics.odata.entities import EntitySet, Row
from infra.local.dynamics.odata.store import EntityStore

from .entity_sets import COMPANIES, LEGAL_ENTITIES, OPERATING_UNITS, parties, places, products
from .master_data import SEEDED_COMPANIES
from .operations import Operations

CUSTOMERS = (
    ("C-1001", "Riverside Outfitters", "Organization", 5_000, "No"),
    ("C-1002", "Ada Hartmann", "Person", 0, "No"),
    ("C-1003", "Blocked Trading", "Organization", 1_000, "All"),
)
"""Account, name, party type, credit limit, hold."""

ITEMS = (
    ("85123A", "WHITE HANGING HEART T-LIGHT HOLDER", 2.55, "4006381333931"),
    ("22423", "REGENCY CAKESTAND 3 TIER", 12.75, "4006381333948"),
    ("71053", "WHITE METAL LANTERN", 3.39, "4006381333955"),
    ("TSHIRT", "T-SHIRT", 15.00, ""),
)
"""Number, name, price, barcode."""

VARIANTS = (("M", "Blue", "4006381333962"), ("L", "Blue", "4006381333979"))
"""Size, colour and barcode of the T-shirt's variants."""

SITE, WAREHOUSE, OTHER_WAREHOUSE = "S1", "W1", "W2"
STORE = "101"
LOYALTY_CARD = "LC-55001"


def seed(store: EntityStore) -> None:
    """Put them into a database that has none."""
    if store.count(COMPANIES, "1", ()):
        return
    operations = Operations(store, strict_operating_units=False)

    def put(entity_set: EntitySet, row: Row) -> None:
        operations.upsert(entity_set, row)

    with store.transaction():
        for company, (name, currency) in SEEDED_COMPANIES.items():
            put(COMPANIES, {"DataArea": company, "Name": name})
            put(
                LEGAL_ENTITIES,
                {"LegalEntityId": company, "Name": name, "AccountingCurrency": currency},
            )
        put(OPERATING_UNITS, {"OperatingUnitNumber": STORE, "Name": f"Store {STORE}"})
        put(parties.LOYALTY_CARDS, {"CardNumber": LOYALTY_CARD})
        for company, (name, currency) in SEEDED_COMPANIES.items():
            for entity_set, row in _rows_of(company, name, currency):
                put(entity_set, {"dataAreaId": company, **row})
        company, (_, currency) = next(iter(SEEDED_COMPANIES.items()))
        put(
            places.RETAIL_STORES,
            {
                "RetailChannelId": "000001",
                "OperatingUnitNumber": STORE,
                "StoreNumber": f"STORE{STORE}",
                "Currency": currency,
                "WarehouseId": WAREHOUSE,
                "DefaultCustomerLegalEntity": company,
                "DefaultCustomerAccount": "C-1001",
            },
        )


def _rows_of(company: str, name: str, currency: str) -> list[tuple[EntitySet, Row]]:
    rows: list[tuple[EntitySet, Row]] = [
        (
            places.WAREHOUSES,
            {
                "WarehouseId": warehouse,
                "WarehouseName": f"{name}, {warehouse}",
                "OperationalSiteId": SITE,
                "IsRetailStoreWarehouse": "Yes",
            },
        )
        for warehouse in (WAREHOUSE, OTHER_WAREHOUSE)
    ]
    rows.append(
        (
            parties.VENDORS,
            {
                "VendorAccountNumber": "V-1001",
                "VendorOrganizationName": "Acme Imports",
                "CurrencyCode": currency,
            },
        )
    )
    for account, customer, kind, limit, hold in CUSTOMERS:
        first, _, last = customer.partition(" ")
        person = {"PersonFirstName": first, "PersonLastName": last}
        rows.append(
            (
                parties.CUSTOMERS,
                {
                    "CustomerAccount": account,
                    "PartyType": kind,
                    "CustomerGroupId": "RETAIL",
                    "SalesCurrencyCode": currency,
                    "CreditLimit": limit,
                    "OnHoldStatus": hold,
                    **(person if kind == "Person" else {"OrganizationName": customer}),
                },
            )
        )
    for item, product, price, barcode in ITEMS:
        rows.append(
            (
                products.RELEASED_PRODUCTS,
                {
                    "ItemNumber": item,
                    "ProductNumber": item,
                    "SearchName": product,
                    "SalesPrice": price,
                    "SalesPriceQuantity": 1,
                    "SalesUnitSymbol": "ea",
                    "InventoryUnitSymbol": "ea",
                    "SalesSalesTaxItemGroupCode": "STANDARD",
                },
            )
        )
        if barcode:
            rows.append((products.BARCODES, _barcode(item, barcode)))
    for size, color, barcode in VARIANTS:
        dimensions: Row = {"ProductSizeId": size, "ProductColorId": color}
        rows.append(
            (
                products.VARIANTS,
                {
                    "ProductMasterNumber": "TSHIRT",
                    "ItemNumber": "TSHIRT",
                    "ProductVariantNumber": f"TSHIRT : {size} : {color}",
                    "ProductName": f"T-SHIRT {size} {color}",
                    **dimensions,
                },
            )
        )
        rows.append((products.BARCODES, _barcode("TSHIRT", barcode) | dimensions))
    return rows


def _barcode(item: str, barcode: str) -> Row:
    return {
        "ItemNumber": item,
        "Barcode": barcode,
        "BarcodeSetupId": "EAN13",
        "ProductQuantityUnitSymbol": "ea",
        "ProductQuantity": 1,
        "IsDefaultScannedBarcode": "Yes",
    }
