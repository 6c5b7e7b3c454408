"""Stock: what is there, and the journals that change it."""

from __future__ import annotations

from infra.local.dynamics.finance_operations import types
from infra.local.dynamics.odata.entities import (
    DATE,
    DATE_TIME,
    DECIMAL,
    TEXT,
    EntitySet,
    field_table,
)

from .common import COMPANY, DIMENSION_NAMES, DIMENSIONS, TRACKING, TRACKING_NAMES

ON_HAND = EntitySet(
    "WarehousesOnHandV2",
    "WarehouseOnHandV2",
    "InventWarehouseOnHandV2Entity",
    "Inventory on-hand by warehouse (InventSum)",
    ("dataAreaId", "ItemNumber", *DIMENSIONS, "InventorySiteId", "InventoryWarehouseId"),
    field_table(
        (
            TEXT,
            f"""dataAreaId ItemNumber {DIMENSION_NAMES} InventorySiteId InventoryWarehouseId
            ProductName""",
        ),
        (
            DECIMAL,
            """OnHandQuantity ReservedOnHandQuantity AvailableOnHandQuantity OrderedQuantity
            OnOrderQuantity TotalAvailableQuantity""",
        ),
    ),
    related=COMPANY,
)


def _headers(kind: str, label: str) -> EntitySet:
    return EntitySet(
        f"Inventory{kind}JournalHeaders",
        f"Inventory{kind}JournalHeader",
        f"InventInventory{kind}JournalHeaderEntity",
        label,
        ("dataAreaId", "JournalNumber"),
        field_table(
            (
                TEXT,
                """dataAreaId JournalNumber JournalNameId Description DefaultInventorySiteId
                DefaultWarehouseId PostedUserId""",
            ),
            (DATE_TIME, "PostedDateTime"),
            (types.NO_YES, "IsPosted AreLinesDeletedAfterPosting"),
        ),
        related={**COMPANY, "DefaultWarehouseId": "Warehouses"},
    )


COUNTING_JOURNALS = _headers("Counting", "Inventory counting journal headers (InventJournalTable)")
ADJUSTMENT_JOURNALS = _headers("Adjustment", "Inventory adjustment headers (InventJournalTable)")
MOVEMENT_JOURNALS = _headers("Movement", "Inventory movement headers (InventJournalTable)")
TRANSFER_JOURNALS = _headers("Transfer", "Inventory transfer headers (InventJournalTable)")

COUNTING_LINES = EntitySet(
    "InventoryCountingJournalLines",
    "InventoryCountingJournalLine",
    "InventInventoryCountingJournalLineEntity",
    "Inventory counting journal lines (InventJournalTrans)",
    ("dataAreaId", "JournalNumber", "LineNumber"),
    field_table(
        (
            TEXT,
            f"""dataAreaId JournalNumber ItemNumber {DIMENSION_NAMES} {TRACKING_NAMES}
            InventorySiteId WarehouseId CountingReasonCode""",
        ),
        (DECIMAL, "LineNumber CountedQuantity OnHandQuantity AdjustmentQuantity"),
        (DATE, "CountingDate"),
        (types.NO_YES, "IsCountedQuantityZero"),
    ),
    parent=COUNTING_JOURNALS,
    related={**COMPANY, "ItemNumber": "Released products", "WarehouseId": "Warehouses"},
)

_ENTRY_KEYS = (
    "dataAreaId",
    "JournalNumber",
    "ItemNumber",
    *DIMENSIONS,
    "InventorySiteId",
    "InventoryWarehouseId",
    *TRACKING,
)


def _entries(
    kind: str, version: str, parent: EntitySet, more_keys: str, more_texts: str = ""
) -> EntitySet:
    keys = (*_ENTRY_KEYS, *more_keys.split(), "LineNumber")
    return EntitySet(
        f"Inventory{kind}JournalEntries{version}",
        f"Inventory{kind}JournalEntry{version}",
        f"InventInventory{kind}JournalEntry{version}Entity",
        f"Inventory {kind.lower()} journal lines (InventJournalTrans)",
        keys,
        field_table(
            (
                TEXT,
                f"""{" ".join(keys[:-1])} JournalNameId DefaultLedgerDimensionDisplayValue
                {more_texts}""",
            ),
            (
                DECIMAL,
                """LineNumber InventoryQuantity UnitCost CostAmount UnitCostQuantity
                FixedCostCharges""",
            ),
            (DATE, "TransactionDate"),
        ),
        parent=parent,
        related={
            **COMPANY,
            "ItemNumber": "Released products",
            "InventoryWarehouseId": "Warehouses",
        },
    )


ADJUSTMENT_ENTRIES = _entries("Adjustment", "V2", ADJUSTMENT_JOURNALS, "")
MOVEMENT_ENTRIES = _entries(
    "Movement",
    "V4",
    MOVEMENT_JOURNALS,
    "InventoryOwnerId InventoryProfileId",
    "OffsetMainAccountIdDisplayValue",
)

_BOTH_ENDS = " ".join(
    f"{end}{name}"
    for end in ("Source", "Destination")
    for name in (*DIMENSIONS, *TRACKING, "InventorySiteId", "WarehouseId")
)

TRANSFER_ENTRIES = EntitySet(
    "InventoryTransferJournalEntries",
    "InventoryTransferJournalEntry",
    "InventInventoryTransferJournalEntryEntity",
    "Inventory transfer journal lines (InventJournalTrans)",
    ("dataAreaId", "JournalNumber", "LineNumber"),
    field_table(
        (
            TEXT,
            f"""dataAreaId JournalNumber JournalNameId ItemNumber {_BOTH_ENDS}
            DefaultLedgerDimensionDisplayValue""",
        ),
        (DECIMAL, "LineNumber InventoryQuantity UnitCostQuantity CatchWeightQuantity"),
        (DATE, "TransactionDate"),
    ),
    parent=TRANSFER_JOURNALS,
    related={
        **COMPANY,
        "ItemNumber": "Released products",
        "SourceWarehouseId": "Warehouses",
        "DestinationWarehouseId": "Warehouses",
    },
)

SETS = (
    ON_HAND,
    COUNTING_JOURNALS,
    COUNTING_LINES,
    ADJUSTMENT_JOURNALS,
    ADJUSTMENT_ENTRIES,
    MOVEMENT_JOURNALS,
    MOVEMENT_ENTRIES,
    TRANSFER_JOURNALS,
    TRANSFER_ENTRIES,
)
