"""Port values as services send them, and what the simulator holds of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import Booked, DynamicsError, Failed, Posting
from shared.dynamics.ports.loyalty import CardMovement, GiftCardEntry, PointsEntry, PointsKind
from shared.dynamics.ports.master_data import Customer
from shared.dynamics.ports.notes import Note

AT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)


def customer(number: str = "C/1", name: str = "Ada King Lovelace", **changes: Any) -> Customer:
    values = {
        "email": "ada@example.com",
        "phone": "+44 1",
        "street": "1 Mill & Lane",
        "city": "London",
        "postal_code": "N1",
        "country": "GB",
        "currency": "GBP",
        "group": "VIP",
        "language": "en",
    }
    return Customer("gbrt", number, name, **{**values, **changes})


def points(key: str = "fact/1", amount: str = "12.5", **changes: Any) -> PointsEntry:
    values = {"card": "L'1", "kind": PointsKind.EARNED, "reward": "points", "at": AT}
    return PointsEntry(company="gbrt", key=key, points=Decimal(amount), **{**values, **changes})


def gift(key: str = "fact/1", amount: str = "50", **changes: Any) -> GiftCardEntry:
    values = {"card": "G1", "movement": CardMovement.ISSUED, "currency": "GBP", "at": AT}
    return GiftCardEntry(company="gbrt", key=key, amount=Decimal(amount), **{**values, **changes})


def note(key: str = "fact/1", **changes: Any) -> Note:
    values = {"customer": "C/1", "subject": "Rating 4 of 5", "text": "Friendly, but a long queue."}
    return Note(company="gbrt", key=key, **{**values, **changes})


def kinds(postings: Sequence[Posting]) -> list[str]:
    """`booked`, `found`, or the name of the error, for each."""
    return [
        type(each.error).__name__
        if isinstance(each, Failed)
        else ("found" if each.already_there else "booked")
        for each in postings
    ]


def error_of(posting: Posting) -> DynamicsError:
    assert isinstance(posting, Failed), posting
    return posting.error


def assert_all_booked(postings: Sequence[Posting]) -> None:
    assert all(isinstance(each, Booked) for each in postings), Counter(kinds(postings))


async def held(simulator: DynamicsSimulator, entity_set: str) -> list[dict[str, Any]]:
    """Return every row of a set, past the API."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(
            f"{simulator.api_url}/_simulator/entities",
            params={"product": "dataverse", "set": entity_set, "top": 10_000},
        )
    rows: list[dict[str, Any]] = answer.raise_for_status().json()["value"]
    return rows
