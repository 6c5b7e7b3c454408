"""Companies, stores and warehouses."""

from __future__ import annotations

from infra.local.dynamics.finance_operations import types
from infra.local.dynamics.odata.entities import TEXT, EntitySet, field_table

from .common import COMPANY

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

WAREHOUSES = EntitySet(
    "Warehouses",
    "Warehouse",
    "InventWarehouseEntity",
    "Warehouses (InventLocation)",
    ("dataAreaId", "WarehouseId"),
    field_table(
        (TEXT, "dataAreaId WarehouseId WarehouseName OperationalSiteId TransitWarehouseId"),
        (types.NO_YES, "IsRetailStoreWarehouse"),
        (types.WAREHOUSE_TYPE, "WarehouseType"),
    ),
    related=COMPANY,
)

RETAIL_CHANNELS = EntitySet(
    "RetailChannels",
    "RetailChannel",
    "RetailChannelEntity",
    "Retail channel (RetailChannelTable)",
    ("dataAreaId", "RetailChannelId"),
    field_table(
        (
            TEXT,
            """dataAreaId RetailChannelId OperatingUnitNumber Name Currency WarehouseId
            DefaultCustomerAccount ChannelTimeZone""",
        ),
        (types.NO_YES, "PriceIncludesSalesTax"),
    ),
    related={**COMPANY, "Currency": "Currencies"},
)

SETS = (
    OPERATING_UNITS,
    RETAIL_STORES,
    RETAIL_CHANNELS,
    RETAIL_TERMINALS,
    WAREHOUSES,
    LEGAL_ENTITIES,
    COMPANIES,
)
