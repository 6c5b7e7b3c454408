"""Facts as a web shop publishes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.bus import Delivery
from shared.companies import Company
from shared.events import (
    Fact,
    OrderCancelled,
    OrderChanged,
    OrderLine,
    OrderPlaced,
    PaymentCaptured,
    new_event,
)

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
COMPANIES = {
    "dert": Company(currencies=("EUR",), site="S1", time_zone="Europe/Berlin"),
    "gbrt": Company(currencies=("GBP", "EUR"), site="S1", orders="business-central"),
}


def line(amount: str | Decimal = "10.00", number: int = 1, **changes: Any) -> OrderLine:
    usual = {"item": "20117", "unit": "ea", "quantity": "1", "unit_price": str(amount)}
    return OrderLine.model_validate({"number": number, **usual, **changes})


def _content(total: str | Decimal, changes: dict[str, Any]) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "company": "dert",
        "order": "W-1",
        "customer": "C-1001",
        "currency": "EUR",
        "prices_include_tax": True,
        "lines": (line(total),),
        "total": str(total),
    }
    return usual | changes


def placed(total: str | Decimal = "10.00", **changes: Any) -> OrderPlaced:
    return OrderPlaced.model_validate({**_content(total, changes), "placed_at": NOW})


def changed(version: int, total: str | Decimal = "20.00", **changes: Any) -> OrderChanged:
    at = NOW + timedelta(minutes=version)
    return OrderChanged.model_validate(
        {**_content(total, changes), "version": version, "changed_at": at}
    )


def cancelled(**changes: Any) -> OrderCancelled:
    usual = {"company": "dert", "order": "W-1", "cancelled_at": NOW + timedelta(hours=1)}
    return OrderCancelled.model_validate(usual | changes)


def paid(amount: str | Decimal = "10.00", payment: str = "P-1", **changes: Any) -> PaymentCaptured:
    usual = {
        "company": "dert",
        "order": "W-1",
        "payment": payment,
        "customer": "C-1001",
        "method": "card",
        "currency": "EUR",
        "amount": str(amount),
        "captured_at": NOW,
    }
    return PaymentCaptured.model_validate(usual | changes)


def delivery(fact: Fact, waited_out: str | None = None) -> Delivery:
    event: Any = new_event(fact, source="/shops/web", time=NOW)
    return Delivery(
        event=event,
        attempt=1,
        first_seen=NOW,
        message_id=str(event.id),
        waited_out=waited_out,
    )
