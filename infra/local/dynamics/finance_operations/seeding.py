"""The rows of a new database: companies, and in each a store, customers and products to sell."""

from __future__ import annotations

from collections.abc import Iterator

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
    ("20117", "Enamel mug, blue", 2.95, "4006381333931"),
    ("20223", "Glass vase, tall", 12.50, "4006381333948"),
    ("20331", "Oak tray", 3.25, "4006381333955"),
    ("TSHIRT", "T-shirt", 15.00, ""),
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
            for entity_set, row in _rows_of(name, currency):
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


def _rows_of(company_name: str, currency: str) -> Iterator[tuple[EntitySet, Row]]:
    yield from _warehouses(company_name)
    yield from _parties(currency)
    yield from _items()
    yield from _variants()


def _warehouses(company_name: str) -> Iterator[tuple[EntitySet, Row]]:
    for warehouse in (WAREHOUSE, OTHER_WAREHOUSE):
        yield (
            places.WAREHOUSES,
            {
                "WarehouseId": warehouse,
                "WarehouseName": f"{company_name}, {warehouse}",
                "OperationalSiteId": SITE,
                "IsRetailStoreWarehouse": "Yes",
            },
        )


def _parties(currency: str) -> Iterator[tuple[EntitySet, Row]]:
    vendor: Row = {
        "VendorAccountNumber": "V-1001",
        "VendorOrganizationName": "Acme Imports",
        "CurrencyCode": currency,
    }
    yield parties.VENDORS, vendor
    for account, name, kind, limit, hold in CUSTOMERS:
        first, _, last = name.partition(" ")
        person = {"PersonFirstName": first, "PersonLastName": last}
        customer: Row = {
            "CustomerAccount": account,
            "PartyType": kind,
            "CustomerGroupId": "RETAIL",
            "SalesCurrencyCode": currency,
            "CreditLimit": limit,
            "OnHoldStatus": hold,
            **(person if kind == "Person" else {"OrganizationName": name}),
        }
        yield parties.CUSTOMERS, customer


def _items() -> Iterator[tuple[EntitySet, Row]]:
    for item, name, price, barcode in ITEMS:
        released: Row = {
            "ItemNumber": item,
            "ProductNumber": item,
            "SearchName": name,
            "SalesPrice": price,
            "SalesPriceQuantity": 1,
            "SalesUnitSymbol": "ea",
            "InventoryUnitSymbol": "ea",
            "SalesSalesTaxItemGroupCode": "STANDARD",
        }
        yield products.RELEASED_PRODUCTS, released
        if barcode:
            yield products.BARCODES, _barcode(item, barcode)


def _variants() -> Iterator[tuple[EntitySet, Row]]:
    for size, color, barcode in VARIANTS:
        dimensions: Row = {"ProductSizeId": size, "ProductColorId": color}
        variant: Row = {
            "ProductMasterNumber": "TSHIRT",
            "ItemNumber": "TSHIRT",
            "ProductVariantNumber": f"TSHIRT : {size} : {color}",
            "ProductName": f"T-shirt {size} {color}",
            **dimensions,
        }
        yield products.VARIANTS, variant
        yield products.BARCODES, _barcode("TSHIRT", barcode) | dimensions


def _barcode(item: str, barcode: str) -> Row:
    return {
        "ItemNumber": item,
        "Barcode": barcode,
        "BarcodeSetupId": "EAN13",
        "ProductQuantityUnitSymbol": "ea",
        "ProductQuantity": 1,
        "IsDefaultScannedBarcode": "Yes",
    }
