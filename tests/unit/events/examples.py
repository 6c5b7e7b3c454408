"""Facts the tests of the contracts start from."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from shared.events import (
    Event,
    Fact,
    InvalidEvent,
    SaleCompleted,
    SaleLine,
    TaxAmount,
    Tender,
    TransactionKey,
    decode,
    encode,
    new_event,
)

F = TypeVar("F", bound=Fact)

SAMPLES = Path(__file__).parent / "samples"
"""Events as they were archived, <fact>.v<version>.json, and <fact>.v<version>.<what>.json for what
was added to a version later. None of them is ever changed."""
NOW = datetime(2026, 3, 2, 17, 5, 6, 789000, tzinfo=UTC)
KEY = TransactionKey(
    company="gbrt", store="LONDON", business_day=date(2026, 3, 2), terminal="T1", sequence=7
)


def a_sale(**changes: Any) -> SaleCompleted:
    """Return a sale of two scarves for 24.00 GBP, tax included, with fields changed as asked."""
    fields: dict[str, Any] = {
        "key": KEY,
        "occurred_at": NOW,
        "currency": "GBP",
        "prices_include_tax": True,
        "lines": (
            SaleLine(
                number=1,
                item="85123A",
                description="Scarf",
                barcode="5012345678900",
                quantity=Decimal(2),
                unit_price=Decimal("12.00"),
                taxes=(TaxAmount(code="GB-S", rate_percent=Decimal(20), amount=Decimal("4.00")),),
                net_amount=Decimal("20.00"),
            ),
        ),
        "tenders": (
            Tender(
                type="card",
                currency="GBP",
                amount=Decimal("24.00"),
                amount_in_sale_currency=Decimal("24.00"),
            ),
        ),
        "total": Decimal("24.00"),
    }
    return SaleCompleted(**{**fields, **changes})


def an_event(fact: Fact | None = None) -> Event:
    """Return an event as a till in London publishes it."""
    return new_event(fact or a_sale(), source="/tills/gbrt/LONDON/T1", time=NOW)


def samples() -> list[Path]:
    """Return the archived events."""
    return sorted(SAMPLES.glob("*.json"))


def type_of(sample: Path) -> str:
    """Return the event type a sample is of."""
    return f"com.tillbus.{'.'.join(sample.name.split('.')[:2])}"


def sampled(model: type[F]) -> F:
    """Return the fact in the archived event of a type that says most."""
    name = model.TYPE.removeprefix("com.tillbus.")
    fullest = max(SAMPLES.glob(f"{name}*.json"), key=lambda path: len(path.name))
    fact = decode(fullest.read_bytes()).data
    assert isinstance(fact, model)
    return fact


def json_of(event: Event | None = None) -> dict[str, Any]:
    """Return an event's JSON, to be damaged by a test."""
    body: dict[str, Any] = json.loads(encode(event or an_event()))
    return body


def refusal(body: dict[str, Any] | bytes) -> InvalidEvent:
    """Return why a body is refused; fail when it is accepted."""
    try:
        decode(body if isinstance(body, bytes) else json.dumps(body).encode())
    except InvalidEvent as error:
        return error
    raise AssertionError("the body was accepted")
