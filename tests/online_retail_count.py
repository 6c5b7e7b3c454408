"""Counts by itself what an Online Retail file should book: plain csv, no code of the till.

The rules are those of infra/local/till/README.md, written a second time on purpose.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice
from pathlib import Path

PENNY = Decimal("0.01")


@dataclass
class Expected:
    """What a replay of the file should come to, in GBP, all amounts positive."""

    sales: int = 0
    returns: int = 0
    amount_by_kind: dict[str, Decimal] = field(
        default_factory=lambda: {"sale": Decimal(0), "return": Decimal(0)}
    )
    amount_by_invoice: dict[str, Decimal] = field(default_factory=dict)
    """Invoice number (the receipt) -> total."""
    store_days: dict[tuple[str, str], int] = field(default_factory=Counter)
    """(country, ISO date) -> sales and returns."""
    rows_read: int = 0
    rows_booked: int = 0
    rows_by_reason: dict[str, int] = field(default_factory=Counter)
    """Rows that book nowhere, by the name of their rule."""


def expected(path: Path, invoices: int | None = None) -> Expected:
    """Return what the first `invoices` invoice numbers of the file (all if None) should book."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        by_number: dict[str, list[dict[str, str]]] = {}
        for row in csv.DictReader(file):
            by_number.setdefault(row["InvoiceNo"], []).append(row)
    result = Expected()
    for number, rows in islice(by_number.items(), invoices):
        _count(result, number, rows)
    return result


def _count(result: Expected, number: str, rows: list[dict[str, str]]) -> None:
    result.rows_read += len(rows)
    if number[0] == "A":
        result.rows_by_reason["bad-debt"] += len(rows)
        return
    is_return = number[0] == "C"
    total = Decimal(0)
    booked = 0
    for row in rows:
        quantity, price = int(row["Quantity"]), Decimal(row["UnitPrice"])
        if not is_return and quantity < 0 and price == 0:
            result.rows_by_reason["stock-correction"] += 1
            continue
        if is_return:
            quantity = -quantity
        if quantity <= 0 or price < 0:
            raise AssertionError(f"this file is not the one these rules were counted for: {row}")
        total += (quantity * price).quantize(PENNY, ROUND_HALF_UP)
        booked += 1
    if total == 0:
        if booked:
            result.rows_by_reason["nothing-to-pay"] += booked
        return
    result.rows_booked += booked
    result.amount_by_kind["return" if is_return else "sale"] += total
    result.amount_by_invoice[number] = total
    result.sales += not is_return
    result.returns += is_return
    earliest = min(row["InvoiceDate"] for row in rows)
    result.store_days[rows[0]["Country"], earliest[:10]] += 1
