"""What a store-day's certificate says, and its canonical form. Shapes only; `certify` fills them.

Amounts are Decimals in the currency's minor units, signed (returns are negative), and strings in
JSON. Sequences are till transaction numbers.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Verdict(StrEnum):
    """The one word of a certificate; where several apply, the first of these."""

    OPEN = "open"
    """The store has not closed the day yet; everything else is provisional."""
    INCOMPLETE = "incomplete"
    """Something is not there: a sequence, a document, or the fact of a document."""
    DIFFERS = "differs"
    """All is there, but amounts or counts do not agree."""
    BALANCED = "balanced"
    """Till sequence = facts = documents = amounts = the store's own totals."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class SequenceRange(_Part):
    """Consecutive sequences, both ends included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


class Terminal(_Part):
    """One till's day: what it must have used is what was seen and what its store says it used."""

    terminal: str
    first: int
    last: int
    missing: tuple[SequenceRange, ...]
    repeated: tuple[int, ...]
    """Sequences that more than one fact claims."""
    facts: int
    documents: int
    rejected: int


class Amounts(_Part):
    """Sums in one currency."""

    currency: str
    facts: Decimal
    documents: Decimal
    difference: Decimal
    """Documents less facts."""


class Transaction(_Part):
    """One fact or document, where there should be both."""

    terminal: str
    sequence: int
    fact_id: UUID
    amount: Decimal
    currency: str


class Disagreement(_Part):
    """A document that is not worth what its fact is."""

    terminal: str
    sequence: int
    fact_id: UUID
    fact_amount: Decimal
    fact_currency: str
    document_amount: Decimal
    document_currency: str


class RejectedFact(_Part):
    """A message in a dead-letter queue, and why."""

    terminal: str
    sequence: int
    fact_id: UUID | None
    subscription: str
    reason: str
    detail: str
    rejected_at: datetime
    posted_later: bool
    """Whether the transaction has reached the ledger after all."""


class DayClose(_Part):
    """The store's own total."""

    revision: int
    closed_at: datetime
    currency: str
    total: Decimal


class Certificate(_Part):
    """Everything that is known about the completeness of one store-day."""

    company: str
    store: str
    business_day: date
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why the verdict is not `balanced`, one sentence each; empty when it is."""
    facts_seen: int
    """Sales and returns that were on the bus, invalid ones included if they named their key."""
    documents_posted: int
    missing_sequences: int
    amounts: tuple[Amounts, ...]
    terminals: tuple[Terminal, ...]
    rejected: tuple[RejectedFact, ...]
    facts_without_document: tuple[Transaction, ...]
    """Neither posted nor rejected yet."""
    documents_without_fact: tuple[Transaction, ...]
    disagreements: tuple[Disagreement, ...]
    day_close: DayClose | None

    def canonical(self) -> bytes:
        """Return the one byte sequence of this content: sorted keys, no spaces, UTF-8."""
        content = self.model_dump(mode="json")
        return json.dumps(
            content, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()

    def document(self) -> dict[str, Any]:
        """Return the content as JSON values, with its `hash` (`sha256:` and hex of `canonical`)."""
        digest = hashlib.sha256(self.canonical()).hexdigest()
        return self.model_dump(mode="json") | {"hash": f"sha256:{digest}"}
