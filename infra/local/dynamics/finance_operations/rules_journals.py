"""Journals: numbered headers with numbered lines, and nothing changes once they are posted."""

from __future__ import annotations

from collections.abc import Iterable

from infra.local.dynamics.odata.entities import EntitySet, Row

from .entity_sets import DIMENSIONS, TRACKING, ledger, products, stock
from .rows import Rows
from .rules import Rules

_YES = frozenset({"Yes"})


def _header(number: str, name: str, posted: str = "IsPosted") -> Rules:
    return Rules(
        number=number,
        required=(name,),
        read_only=frozenset({posted}),
        final={posted: _YES},
    )


def _lines(
    *required: str, optional: Iterable[str] = (), voucher: bool = False, payment: bool = False
) -> Rules:
    def before(entity_set: EntitySet, row: Row, rows: Rows) -> None:
        if voucher and not row.get("Voucher"):
            number = rows.next_number(str(row["dataAreaId"]), "Voucher")
            row["Voucher"] = f"V{number:07}"
        if payment:
            row.setdefault("AccountType", "Cust")

    return Rules(
        numbered_lines=True, required=required, optional=frozenset(optional), before=before
    )


_ENTRY_OPTIONAL = (*DIMENSIONS, *"InventoryWarehouseId", *TRACKING)

JOURNAL_RULES = {
    **{
        each.name: _header("JournalNumber", "JournalNameId")
        for each in (
            stock.COUNTING_JOURNALS,
            stock.ADJUSTMENT_JOURNALS,
            stock.MOVEMENT_JOURNALS,
            stock.TRANSFER_JOURNALS,
        )
    },
    **{
        each.name: _header("JournalBatchNumber", "JournalName")
        for each in (ledger.LEDGER_JOURNALS, ledger.PAYMENT_JOURNALS)
    },
    products.PRICE_JOURNALS.name: _header("JournalNumber", "TradeAgreementJournalNameId", "Posted"),
    products.PRICE_JOURNAL_LINES.name: _lines("ItemNumber", "PriceCurrencyCode"),
    products.PRICE_AGREEMENTS.name: Rules(number="RecordId", sequence=""),
    products.VARIANTS.name: Rules(optional=frozenset(DIMENSIONS)),
    products.BARCODES.name: Rules(
        optional=frozenset((*DIMENSIONS, "ProductQuantityUnitSymbol", "BarcodeSetupId"))
    ),
    stock.ON_HAND.name: Rules(optional=frozenset(DIMENSIONS)),
    stock.COUNTING_LINES.name: _lines("ItemNumber", "InventorySiteId"),
    stock.ADJUSTMENT_ENTRIES.name: _lines("InventorySiteId", optional=_ENTRY_OPTIONAL),
    stock.MOVEMENT_ENTRIES.name: _lines(
        "InventorySiteId",
        optional=(*_ENTRY_OPTIONAL, "InventoryOwnerId", "InventoryProfileId"),
    ),
    stock.TRANSFER_ENTRIES.name: _lines(
        "ItemNumber", "SourceInventorySiteId", "DestinationInventorySiteId"
    ),
    ledger.LEDGER_LINES.name: _lines("AccountDisplayValue", voucher=True),
    ledger.PAYMENT_LINES.name: _lines("AccountDisplayValue", voucher=True, payment=True),
}
