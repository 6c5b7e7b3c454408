"""Do the books balance? What tills published against what Dynamics holds, per company, to the cent.

Independent of the completeness service: neither its store nor its certificates are asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from infra.local.demo.day import Transaction


@dataclass(frozen=True)
class Books:
    """Documents and signed amounts (returns negative) by company."""

    documents: Mapping[str, int]
    amounts: Mapping[str, Decimal]


def published_books(transactions: Iterable[Transaction]) -> Books:
    """Return what the tills say."""
    documents: dict[str, int] = defaultdict(int)
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for each in transactions:
        documents[each.key.company] += 1
        amounts[each.key.company] += each.signed_amount
    return Books(dict(documents), dict(amounts))


def ledger_books(summary: Mapping[str, Any]) -> Books:
    """Return what Dynamics holds, from the simulator's ``/_simulator/transactions``."""
    rows: Sequence[Mapping[str, Any]] = summary["by_currency"]
    return Books(
        {row["company"]: int(row["count"]) for row in rows},
        {row["company"]: Decimal(row["PaymentAmount"]) for row in rows},
    )


def compare_books(transactions: Iterable[Transaction], summary: Mapping[str, Any]) -> list[str]:
    """Return every difference as a sentence; empty when the books balance."""
    tills, ledger = published_books(transactions), ledger_books(summary)
    differences = []
    for company in sorted(tills.documents.keys() | ledger.documents.keys()):
        counts = tills.documents.get(company, 0), ledger.documents.get(company, 0)
        amounts = tills.amounts.get(company, Decimal(0)), ledger.amounts.get(company, Decimal(0))
        if counts[0] != counts[1]:
            differences.append(
                f"{company}: tills sold {counts[0]} times, the ledger has {counts[1]}"
            )
        if amounts[0] != amounts[1]:
            differences.append(f"{company}: tills took {amounts[0]}, the ledger has {amounts[1]}")
    return differences
