"""Documents whose number makes them: the same number is the same document."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from shared.dynamics.ports.documents import (
    DocumentKind,
    Journal,
    JournalLine,
    Payment,
    SalesDocument,
    SalesLine,
)
from shared.dynamics.ports.loyalty import CardMovement, GiftCardEntry, PointsEntry, PointsKind
from shared.dynamics.ports.master_data import Customer, Price, PriceChange
from shared.dynamics.ports.stock import Movement, StockChange, StockCount, StockTransfer

DAY = date(2026, 3, 1)
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def document(number: int, kind: DocumentKind = DocumentKind.ORDER) -> SalesDocument:
    lines = (
        SalesLine(1, "20117", Decimal(2 + number), Decimal("2.55"), Decimal("0.10")),
        SalesLine(2, "TSHIRT", Decimal(1), Decimal("15"), variant="/M/Blue"),
    )
    return SalesDocument(
        kind,
        "dert",
        f"web:{kind}:{number}",
        "C-1001",
        DAY,
        "EUR",
        lines,
        site="S1",
        location="W1",
        reference=f"WEB-{number}",
    )


def payment(number: int) -> Payment:
    amount = Decimal("10.50") + number
    return Payment("dert", f"web:payment:{number}", "C-1001", DAY, amount, "EUR", "CARD")


def journal(number: int) -> Journal:
    lines = (
        JournalLine(1, "1000", Decimal("99.99") + number, dimensions=(("store", "101"),)),
        JournalLine(2, "4400", -Decimal("99.99") - number),
    )
    return Journal("dert", f"z:101:{number}", "GenJrn", DAY, "EUR", lines, "Day closed")


def change(number: int, movement: Movement = Movement.ADJUSTED) -> StockChange:
    return StockChange(f"change-{number}", "dert", "20223", Decimal(3), movement, "S1", "W1", AT)


def count(number: int) -> StockCount:
    return StockCount(f"count-{number}", "dert", "20331", Decimal(40 + number), "S1", "W1", AT)


def transfer(number: int) -> StockTransfer:
    return StockTransfer(
        f"transfer-{number}", "dert", "20223", Decimal(2), "S1", "W1", "S1", "W2", AT
    )


def price_change(number: int) -> PriceChange:
    price = Price("dert", "TSHIRT", Decimal("12.49"), "EUR", "/M/Blue", "ea", first_day=DAY)
    return PriceChange("dert", f"price-{number}", (price,))


def customer(number: int, **changes: str) -> Customer:
    usual = {"name": "Grace Maria Hopper", "email": "grace@example.com", "city": "Hamburg"}
    return Customer("dert", f"T-{number}", currency="EUR", **(usual | changes))  # type: ignore[arg-type]


def points(number: int) -> PointsEntry:
    kind = PointsKind.EARNED
    return PointsEntry("dert", f"sale:{number}", "LC-55001", kind, Decimal(7), "POINTS", AT)


def gift_card(number: int, card: str = "") -> GiftCardEntry:
    return GiftCardEntry(
        "dert",
        f"gift:{number}",
        card or f"GC-{number}",
        CardMovement.REDEEMED if card else CardMovement.ISSUED,
        Decimal(-5) if card else Decimal(50),
        "EUR",
        AT,
    )
