"""Documents, payments and journals as services hand them over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from shared.dynamics.odata.errors import DynamicsError
from shared.dynamics.ports.documents import (
    DocumentKind,
    Journal,
    JournalLine,
    Payment,
    SalesDocument,
    SalesLine,
)
from shared.dynamics.ports.posting import Booked, Failed, Posting

DAY = date(2026, 3, 1)
LINES = (
    SalesLine(1, "10002", Decimal(2), Decimal("9.95"), Decimal("0.90")),
    SalesLine(2, "10001", Decimal("1.5"), Decimal("24.90"), location="STORE1"),
)


def invoice(key: str = "dert:s1:t1:1", **changes: Any) -> SalesDocument:
    document = SalesDocument(DocumentKind.INVOICE, "dert", key, "CASH", DAY, "EUR", LINES)
    return replace(document, **changes)


def payment(key: str = "dert:s1:t1:1", **changes: Any) -> Payment:
    return replace(Payment("dert", key, "C10001", DAY, Decimal("56.35"), "EUR"), **changes)


def journal(key: str = "dert:s1:2026-03-01:z17", **changes: Any) -> Journal:
    store = (("STORE", "S1"),)
    lines = (
        JournalLine(1, "2910", Decimal("119.00"), text="Cash", dimensions=store),
        JournalLine(2, "6110", Decimal("-100.00"), text="Sales", dimensions=store),
        JournalLine(3, "5610", Decimal("-19.00"), text="Tax"),
    )
    return replace(Journal("dert", key, "", DAY, "EUR", lines, "Day closed"), **changes)


def error_of(posting: Posting) -> DynamicsError:
    assert isinstance(posting, Failed), posting
    return posting.error


def assert_new(*postings: Posting) -> None:
    for posting in postings:
        assert isinstance(posting, Booked), posting
        assert not posting.already_there


def assert_found(*postings: Posting) -> None:
    for posting in postings:
        assert isinstance(posting, Booked), posting
        assert posting.already_there
