"""The entity sets this stand-in serves, one module per subject.

Keys: dynamics.md 1.2 and 1.3, and clients generated from a real `$metadata` (SAP Cloud SDK for
JavaScript, 2025). Field names: those, and the CDM extract of the internal entities (microsoft/CDM,
operationsCommon). Types follow the backing tables' extended data types; where those say nothing the
name decides. A set holds the fields a retail suite needs, not all there are.
"""

from __future__ import annotations

from infra.local.dynamics.odata.entities import EntitySet

from . import ledger, parties, places, products, retail, sales, stock
from .common import DIMENSIONS, TRACKING
from .places import COMPANIES, LEGAL_ENTITIES, OPERATING_UNITS
from .retail import RETAIL_TRANSACTIONS, SALES_LINES

RETAIL_SETS = retail.SETS

ENTITY_SETS: dict[str, EntitySet] = {
    entity_set.name: entity_set
    for subject in (retail, sales, parties, products, stock, ledger, places)
    for entity_set in subject.SETS
}

NAVIGATION: dict[str, dict[str, tuple[EntitySet, tuple[str, ...]]]] = {
    **{
        orders.name: {"SalesOrderLines": (sales.ORDER_LINES, ("dataAreaId", "SalesOrderNumber"))}
        for orders in (sales.ORDERS_V2, sales.ORDERS, sales.ORDERS_V4)
    },
    sales.RETURN_ORDERS.name: {
        "ReturnOrderLineV2": (sales.RETURN_ORDER_LINES, ("dataAreaId", "ReturnOrderNumber"))
    },
    ledger.LEDGER_JOURNALS.name: {
        "LedgerJournalLine": (ledger.LEDGER_LINES, ("dataAreaId", "JournalBatchNumber"))
    },
    parties.GIFT_CARDS.name: {
        "RetailGiftCardTransaction": (
            parties.GIFT_CARD_TRANSACTIONS,
            ("dataAreaId", "CardNumber"),
        )
    },
}
"""Set -> navigation property -> the set it leads to, and the fields there that hold this key."""

__all__ = [
    "COMPANIES",
    "DIMENSIONS",
    "ENTITY_SETS",
    "LEGAL_ENTITIES",
    "NAVIGATION",
    "OPERATING_UNITS",
    "RETAIL_SETS",
    "RETAIL_TRANSACTIONS",
    "SALES_LINES",
    "TRACKING",
    "ledger",
    "parties",
    "places",
    "products",
    "sales",
    "stock",
]
