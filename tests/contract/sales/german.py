"""Sales of a German shop with the articles of the simulated Business Central, prices with tax."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from shared.events import (
    CashMoved,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    TransactionKey,
)

DAY = date(2026, 3, 1)
AT = datetime(2026, 3, 1, 11, 5, tzinfo=UTC)
MUG, COFFEE = ("10002", "9.95", "DE-19", 19), ("10001", "24.90", "DE-7", 7)
CENT = Decimal("0.01")

ACCOUNTS = {
    "cash": "2910", "card": "2920", "voucher": "2310", "revenue": "6110", "tax": "5610",
    "rounding": "6910", "bank": "2920", "float": "8110",
}  # fmt: skip
COMPANY = {
    "currencies": ["EUR"],
    "ledger": "business-central",
    "walk_in_customer": "CASH",
    "accounts": ACCOUNTS,
    "time_zone": "Europe/Berlin",
}


def key(sequence: int, day: date = DAY) -> TransactionKey:
    return TransactionKey(
        company="dert", store="S1", business_day=day, terminal="T1", sequence=sequence
    )


def line(
    number: int, article: tuple[str, str, str, int] = MUG, quantity: int = 1
) -> dict[str, Any]:
    item, price, code, percent = article
    paid = quantity * Decimal(price)
    net = (paid / (1 + Decimal(percent) / 100)).quantize(CENT, ROUND_HALF_UP)
    tax = {"code": code, "rate_percent": Decimal(percent), "amount": paid - net}
    return {
        "number": number,
        "item": item,
        "quantity": Decimal(quantity),
        "unit_price": Decimal(price),
        "taxes": [tax],
        "net_amount": net,
    }


def back(number: int, sold: int, of: int, quantity: int = 1) -> dict[str, Any]:
    """A mug that comes back, from line `of` of sale `sold`."""
    return line(number, quantity=quantity) | {"original": {"key": key(sold), "line": of}}


def _worth(lines: list[dict[str, Any]]) -> Decimal:
    return sum((each["quantity"] * each["unit_price"] for each in lines), Decimal(0))


def _transaction(
    sequence: int,
    lines: list[dict[str, Any]],
    exchanged: list[dict[str, Any]],
    rounding: str,
    tender: str,
    changes: dict[str, Any],
) -> dict[str, Any]:
    total = _worth(lines) - _worth(exchanged) + Decimal(rounding)
    paid = {"type": tender, "currency": "EUR", "amount": total, "amount_in_sale_currency": total}
    return {
        "key": key(sequence),
        "occurred_at": AT,
        "currency": "EUR",
        "prices_include_tax": True,
        "lines": lines,
        "exchanged_lines": exchanged,
        "tenders": [paid] if total else [],
        "rounding": Decimal(rounding),
        "total": total,
    } | changes


def sale(
    sequence: int,
    lines: list[dict[str, Any]] | None = None,
    *,
    exchanged: list[dict[str, Any]] | None = None,
    rounding: str = "0",
    tender: str = "card",
    **changes: Any,
) -> SaleCompleted:
    """Two mugs and a kilogram of coffee, 44.80, unless said otherwise."""
    sold = lines or [line(1, MUG, 2), line(2, COFFEE)]
    body = _transaction(sequence, sold, exchanged or [], rounding, tender, changes)
    return SaleCompleted.model_validate(body)


def returned(
    sequence: int,
    lines: list[dict[str, Any]],
    *,
    exchanged: list[dict[str, Any]] | None = None,
    rounding: str = "0",
    tender: str = "card",
    **changes: Any,
) -> SaleReturned:
    body = _transaction(sequence, lines, exchanged or [], rounding, tender, changes)
    return SaleReturned.model_validate(body)


def moved(sequence: int, kind: str, amount: str, **changes: Any) -> CashMoved:
    body = {
        "key": key(sequence),
        "occurred_at": AT,
        "kind": kind,
        "currency": "EUR",
        "amount": Decimal(amount),
    }
    return CashMoved.model_validate(body | changes)


def closed(total: str = "0", day: date = DAY) -> StoreDayClosed:
    return StoreDayClosed.model_validate(
        {
            "company": "dert",
            "store": "S1",
            "business_day": day,
            "closed_at": AT,
            "terminals": [],
            "currency": "EUR",
            "total": Decimal(total),
        }
    )
