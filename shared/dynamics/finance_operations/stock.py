"""Stock in Finance & Operations: journals that change it, one per event, and what is there.

A journal's Description is our event id; its one line has a key of its own once the journal has its
number. Journals are posted where the custom service `post` is set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from shared.dynamics.finance_operations.concurrency import each
from shared.dynamics.finance_operations.custom_services import POST, CustomServices
from shared.dynamics.finance_operations.entities import Entity
from shared.dynamics.finance_operations.keys import REFERENCE, short_key
from shared.dynamics.finance_operations.numbered import Draft, Kind, NumberedDocuments
from shared.dynamics.finance_operations.queries import rows_of
from shared.dynamics.finance_operations.variants import DIMENSIONS, dimensions_of, variant_of
from shared.dynamics.odata.errors import Refused
from shared.dynamics.odata.requests import literal
from shared.dynamics.ports.posting import Failed, Posting
from shared.dynamics.ports.stock import (
    Movement,
    OnHand,
    StockChange,
    StockCount,
    StockTransfer,
)
from shared.dynamics.service import Service

TRACKING = (
    "ItemBatchNumber",
    "ItemSerialNumber",
    "WarehouseLocationId",
    "LicensePlateNumber",
    "InventoryStatusId",
)
"""Dimensions of a change or count beside its variant; they are given by these names."""

_Fact = StockChange | StockCount | StockTransfer
_HEADER_KEY = ("dataAreaId", "JournalNumber")
_ENTRY_KEY = (
    *_HEADER_KEY,
    "ItemNumber",
    *DIMENSIONS,
    "InventorySiteId",
    "InventoryWarehouseId",
    *TRACKING,
)
_ENTRY_COLUMNS: Mapping[str, Callable[[StockChange], object]] = {
    "ItemNumber": lambda change: change.item,
    "InventorySiteId": lambda change: change.site,
    "InventoryWarehouseId": lambda change: change.location,
    "InventoryQuantity": lambda change: change.quantity,
    "TransactionDate": lambda change: change.at.date(),
}
_ENTRY_COMPARED = ("LineNumber", "ItemNumber", "InventoryQuantity", "InventoryWarehouseId")


def _header(kind: str, used_by: str) -> Entity[_Fact]:
    return Entity(
        f"Inventory{kind}JournalHeaders",
        _HEADER_KEY,
        {
            "dataAreaId": lambda fact: fact.company,
            "Description": lambda fact: short_key(fact.event_id, REFERENCE),
        },
        more=("JournalNameId",),
        read=("IsPosted",),
        lengths={"Description": REFERENCE},
        used_by=(used_by,),
    )


def _journal(header: Entity[_Fact], lines: Entity[Any]) -> Kind:
    return Kind(
        header,
        lines,
        number="JournalNumber",
        reference="Description",
        parent="JournalNumber",
        ended={POST: ("IsPosted", "Yes")},
    )


ADJUSTMENT = _journal(
    _header("Adjustment", "Stock.change"),
    Entity(
        "InventoryAdjustmentJournalEntriesV2",
        (*_ENTRY_KEY, "LineNumber"),
        _ENTRY_COLUMNS,
        compared=_ENTRY_COMPARED,
        used_by=("Stock.change",),
    ),
)
MOVEMENT = _journal(
    _header("Movement", "Stock.change"),
    Entity(
        "InventoryMovementJournalEntriesV4",
        (*_ENTRY_KEY, "InventoryOwnerId", "InventoryProfileId", "LineNumber"),
        _ENTRY_COLUMNS,
        more=("OffsetMainAccountIdDisplayValue",),
        compared=_ENTRY_COMPARED,
        used_by=("Stock.change",),
    ),
)
_COUNT_COLUMNS: Mapping[str, Callable[[StockCount], object]] = {
    "ItemNumber": lambda count: count.item,
    "InventorySiteId": lambda count: count.site,
    "WarehouseId": lambda count: count.location,
    "CountedQuantity": lambda count: count.quantity,
    "CountingDate": lambda count: count.at.date(),
}
COUNTING = _journal(
    _header("Counting", "Stock.count"),
    Entity(
        "InventoryCountingJournalLines",
        (*_HEADER_KEY, "LineNumber"),
        _COUNT_COLUMNS,
        more=(*DIMENSIONS, *TRACKING),
        compared=("LineNumber", "ItemNumber", "CountedQuantity", "WarehouseId"),
        used_by=("Stock.count",),
    ),
)
_TRANSFER_COLUMNS: Mapping[str, Callable[[StockTransfer], object]] = {
    "ItemNumber": lambda transfer: transfer.item,
    "SourceInventorySiteId": lambda transfer: transfer.from_site,
    "SourceWarehouseId": lambda transfer: transfer.from_location,
    "DestinationInventorySiteId": lambda transfer: transfer.to_site,
    "DestinationWarehouseId": lambda transfer: transfer.to_location,
    "InventoryQuantity": lambda transfer: transfer.quantity,
    "TransactionDate": lambda transfer: transfer.at.date(),
}
TRANSFER = _journal(
    _header("Transfer", "Stock.transfer"),
    Entity(
        "InventoryTransferJournalEntries",
        (*_HEADER_KEY, "LineNumber"),
        _TRANSFER_COLUMNS,
        more=tuple(f"{end}{name}" for end in ("Source", "Destination") for name in DIMENSIONS),
        compared=(
            *("LineNumber", "ItemNumber", "InventoryQuantity"),
            *("SourceWarehouseId", "DestinationWarehouseId"),
        ),
        used_by=("Stock.transfer",),
    ),
)
ON_HAND: Entity[OnHand] = Entity(
    "WarehousesOnHandV2",
    ("dataAreaId", "ItemNumber", *DIMENSIONS, "InventorySiteId", "InventoryWarehouseId"),
    read=("OnHandQuantity", "AvailableOnHandQuantity"),
    used_by=("Stock.on_hand",),
)
JOURNALS = (ADJUSTMENT, MOVEMENT, COUNTING, TRANSFER)

_MOVED = frozenset({Movement.SOLD, Movement.RETURNED, Movement.RECEIVED})
"""Changes with a counterpart outside the stock; the others adjust it."""

_ITEMS_PER_REQUEST = 40
"""Items in one filter: a request line has room for about 8,000 characters."""


class FinanceOperationsStock:
    """The `Stock` port. Goods that came or went are movements where an offset account is set."""

    def __init__(
        self,
        service: Service,
        documents: NumberedDocuments,
        custom_services: CustomServices,
        *,
        journal_names: Mapping[str, str],
        offset_account: str,
    ) -> None:
        self._service = service
        self._documents = documents
        self._action = POST if custom_services.has(POST) else ""
        self._journal_names = journal_names
        self._offset_account = offset_account

    async def change(self, changes: Sequence[StockChange]) -> Sequence[Posting]:
        return await each(self._change, changes)

    async def count(self, counts: Sequence[StockCount]) -> Sequence[Posting]:
        return await each(self._count, counts)

    async def transfer(self, transfers: Sequence[StockTransfer]) -> Sequence[Posting]:
        return await each(self._transfer, transfers)

    async def on_hand(
        self,
        company: str,
        items: Sequence[str],
        locations: Sequence[str] = (),
        sites: Sequence[str] = (),
    ) -> Sequence[OnHand]:
        """See the port. A page of items per request."""
        rows: list[OnHand] = []
        for at in range(0, len(items), _ITEMS_PER_REQUEST):
            condition = f"dataAreaId eq {literal(company)}"
            some = items[at : at + _ITEMS_PER_REQUEST]
            for name, values in (
                ("ItemNumber", some),
                ("InventoryWarehouseId", locations),
                ("InventorySiteId", sites),
            ):
                if values:
                    either = " or ".join(f"{name} eq {literal(value)}" for value in values)
                    condition += f" and ({either})"
            select = (*ON_HAND.key, *ON_HAND.read)
            operation = rows_of(ON_HAND.entity_set, condition, select)
            rows += [_on_hand(row) async for row in self._service.rows(operation)]
        return rows

    async def _change(self, change: StockChange) -> Posting:
        if change.movement in _MOVED and self._offset_account:
            more = {"OffsetMainAccountIdDisplayValue": self._offset_account}
            return await self._book("movement", MOVEMENT, change, change.dimensions, more)
        return await self._book("adjustment", ADJUSTMENT, change, change.dimensions)

    async def _count(self, count: StockCount) -> Posting:
        return await self._book("counting", COUNTING, count, count.dimensions)

    async def _transfer(self, transfer: StockTransfer) -> Posting:
        to = dimensions_of(transfer.variant, "Destination")
        return await self._book("transfer", TRANSFER, transfer, (), to, prefix="Source")

    async def _book(
        self,
        name: str,
        kind: Kind,
        fact: _Fact,
        dimensions: Sequence[tuple[str, str]],
        more: Mapping[str, object] | None = None,
        prefix: str = "",
    ) -> Posting:
        if unknown := [field for field, _ in dimensions if field not in TRACKING]:
            return Failed(Refused(f"Finance & Operations has no dimension {unknown[0]}."))
        header = {**kind.header.body(fact), "JournalNameId": self._journal_names.get(name, "")}
        line = {
            "LineNumber": 1,
            **kind.lines.body(fact),
            **dimensions_of(fact.variant, prefix),
            **dict(dimensions),
            **(more or {}),
        }
        return await self._documents.book(kind, Draft(fact.company, header, [line]), self._action)


def _on_hand(row: Mapping[str, Any]) -> OnHand:
    return OnHand(
        company=row["dataAreaId"],
        item=row["ItemNumber"],
        site=row["InventorySiteId"],
        location=row["InventoryWarehouseId"],
        on_hand=Decimal(row["OnHandQuantity"]),
        available=Decimal(row["AvailableOnHandQuantity"]),
        variant=variant_of(row),
    )
