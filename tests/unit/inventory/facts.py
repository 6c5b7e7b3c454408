"""Facts about stock, the collaborators that book them, and deliveries of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.inventory.books import stock_book
from services.inventory.collaborators import Lane
from services.inventory.keeper import StockKeeper
from shared.bus import Delivery
from shared.clock import Clock
from shared.companies import Company
from shared.dynamics.ports.stock import Stock
from shared.events import (
    Fact,
    InventoryAdjusted,
    SaleCompleted,
    SaleReturned,
    StockCounted,
    TransactionKey,
    new_event,
)
from shared.store.inbox import Inbox, MemoryInbox
from shared.store.records import MemoryRecords, Records

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = START + timedelta(hours=12)

COMPANIES = {
    "usrt": Company.model_validate({"currencies": ["USD"], "site": "S1"}),
    "dert": Company.model_validate(
        {
            "currencies": ["EUR"],
            "site": "S1",
            "stock": "finance-operations",
            "ledger": "business-central",
        }
    ),
    "frrt": Company.model_validate(
        {"currencies": ["EUR"], "stock": "business-central", "ledger": "business-central"}
    ),
    "itrt": Company.model_validate({"currencies": ["EUR"], "stock": "none"}),
    "gbrt": Company.model_validate({"currencies": ["GBP"]}),
}


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def adjusted(
    document: str,
    quantity: int | str,
    at: float = 0,
    *,
    item: str = "20223",
    kind: str = "adjusted",
    **changes: Any,
) -> InventoryAdjusted:
    return InventoryAdjusted.model_validate(
        {
            "company": "usrt",
            "store": "W1",
            "document": document,
            "observed_at": moment(at),
            "kind": kind,
            "lines": [{"number": 1, "item": item, "quantity": str(quantity)}],
        }
        | changes
    )


def counted(
    document: str, quantity: int | str, at: float = 0, *, item: str = "20223", **changes: Any
) -> StockCounted:
    return StockCounted.model_validate(
        {
            "company": "usrt",
            "store": "W1",
            "document": document,
            "observed_at": moment(at),
            "lines": [{"number": 1, "item": item, "quantity": str(quantity)}],
        }
        | changes
    )


def goods(number: int, quantity: int | str = 1, item: str = "20223", **changes: Any) -> Any:
    """A line worth 1.00 a unit, without tax."""
    return {
        "number": number,
        "item": item,
        "quantity": str(quantity),
        "unit_price": "1.00",
        "net_amount": str(Decimal(quantity).quantize(Decimal("0.01"))),
    } | changes


def sale(sequence: int, *lines: Any, at: float = 0, **changes: Any) -> SaleCompleted:
    return SaleCompleted.model_validate(_trade(sequence, lines, at, changes))


def returned(sequence: int, *lines: Any, at: float = 0, **changes: Any) -> SaleReturned:
    return SaleReturned.model_validate(_trade(sequence, lines, at, changes))


def _trade(sequence: int, lines: Any, at: float, changes: dict[str, Any]) -> dict[str, Any]:
    lines = lines or (goods(1),)
    company = changes.pop("company", "usrt")
    currency = COMPANIES[company].currencies[0] if company in COMPANIES else "USD"
    exchanged = changes.get("exchanged_lines", ())
    total = _sum(lines) - _sum(exchanged)
    key = TransactionKey(
        company=company,
        store=changes.pop("store", "W1"),
        business_day=START.date(),
        terminal="T1",
        sequence=sequence,
    )
    return {
        "key": key,
        "occurred_at": moment(at),
        "currency": currency,
        "prices_include_tax": True,
        "lines": list(lines),
        "tenders": [
            {
                "type": "card",
                "currency": currency,
                "amount": str(total),
                "amount_in_sale_currency": str(total),
            }
        ],
        "total": str(total),
    } | changes


def _sum(lines: Any) -> Decimal:
    return sum((Decimal(line["net_amount"]) for line in lines), Decimal(0))


def delivery(fact: Fact, attempt: int = 1, **envelope: Any) -> Delivery:
    event: Any = new_event(fact, source="/tills/usrt/W1", time=NOW, **envelope)
    return Delivery(event=event, attempt=attempt, first_seen=NOW, message_id=str(event.id))


@dataclass
class Collaborators:
    """Everything in memory; `stock` is the book of each system, live and late."""

    stock: Stock
    inbox: Inbox = field(default_factory=MemoryInbox)
    records: Records = field(default_factory=MemoryRecords)
    companies: Mapping[str, Company] = field(default_factory=lambda: COMPANIES)
    clock: Clock = lambda: NOW
    window: timedelta = timedelta(0)
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keepers = {
            Lane(system, late): StockKeeper(
                stock_book(system, self.stock, window=self.window, most=512, **self.options),
                self.records,
                self.clock,
            )
            for system in ("inventory-visibility", "finance-operations", "business-central")
            for late in (False, True)
        }
