"""What a store-day's certificate says, and its canonical form. Shapes only; `certify` fills them.

Amounts are Decimals in the currency's minor units, signed (returns are negative), and strings in
JSON. Sequences are till transaction numbers.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.store.certificates import canonical_json, content_hash


class Verdict(StrEnum):
    """The one word of a certificate; where several apply, the first of these."""

    OPEN = "open"
    """The store has not closed the day yet; everything else is provisional."""
    INCOMPLETE = "incomplete"
    """Something is not there: a sequence, a document, the fact of a document, or one of the effects
    of a fact while another is booked."""
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
    runs: tuple[SequenceRange, ...]
    """Numbers used, in order; several where the counter began again during the day."""
    missing: tuple[SequenceRange, ...]
    repeated: tuple[int, ...]
    """Sequences that more than one fact claims."""
    facts: int
    transactions: dict[str, int]
    """The facts by what they are: sale, return, voided, tender-declared, cash-moved, or the kind of
    a recorded transaction such as training."""
    documents: int
    rejected: int


class Amounts(_Part):
    """Sums in one currency."""

    currency: str
    facts: Decimal
    documents: Decimal
    """As they stand: less what was taken back."""
    difference: Decimal
    """Documents less facts."""


class Tender(_Part):
    """One means of payment in one currency: what came in, and what the store says there should be
    and was. A drawer that is over or short is no fault of the books."""

    type: str
    currency: str
    taken: Decimal
    """By the facts: payments less change less what was paid out on returns."""
    moved: Decimal
    """What floats, drops and the like brought into the drawers, or took out of them."""
    z_total: Decimal | None
    """What the store's close says was taken; None where it says nothing about tenders."""
    declared: Decimal | None
    """What was counted; None where nobody has counted."""
    expected: Decimal | None
    """What should have been there when it was counted."""
    over_short: Decimal | None
    """Declared less expected: negative where money is short."""


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


class BookedEffect(_Part):
    """An effect of a fact that stands."""

    effect: str
    document: str
    """Key of the document in its system; empty where it would name a person."""
    posted_at: datetime


class RefusedEffect(_Part):
    """An effect of a fact that was refused and not booked since."""

    effect: str
    subscription: str
    reason: str
    detail: str
    rejected_at: datetime


class HalfBooked(_Part):
    """A fact that is in the books in one place and was refused in another."""

    terminal: str
    sequence: int
    fact_id: UUID
    booked: tuple[BookedEffect, ...]
    refused: tuple[RefusedEffect, ...]


class TakenBack(_Part):
    """An effect of a fact that was booked and then taken back on order."""

    terminal: str
    sequence: int
    fact_id: UUID
    effect: str
    document: str
    amount: Decimal
    """Of the reversal: the opposite of what had been booked."""
    currency: str
    posted_at: datetime


class Waived(_Part):
    """An effect that was refused, and that an operator said is not wanted."""

    terminal: str
    sequence: int
    fact_id: UUID
    effect: str
    why: str
    waived_at: datetime


class DayOpen(_Part):
    """The store's own word that it trades."""

    opened_at: datetime
    terminals: tuple[str, ...]


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
    """Of sales and returns, in the ledger."""
    missing_sequences: int
    amounts: tuple[Amounts, ...]
    tenders: tuple[Tender, ...]
    terminals: tuple[Terminal, ...]
    rejected: tuple[RejectedFact, ...]
    """Of the ledger and of the drawers' money; other effects are in `half_booked`."""
    facts_without_document: tuple[Transaction, ...]
    """Sales and returns neither posted nor rejected yet."""
    documents_without_fact: tuple[Transaction, ...]
    disagreements: tuple[Disagreement, ...]
    half_booked: tuple[HalfBooked, ...]
    taken_back: tuple[TakenBack, ...]
    waived: tuple[Waived, ...]
    day_open: DayOpen | None
    day_close: DayClose | None

    def canonical(self) -> str:
        """Return the one text of this content: sorted keys, no spaces."""
        return canonical_json(self.model_dump(mode="json"))

    def document(self) -> dict[str, Any]:
        """Return the content as JSON values, with its `hash` (`sha256:` and hex of `canonical`)."""
        digest = content_hash(self.canonical())
        return self.model_dump(mode="json") | {"hash": f"sha256:{digest}"}
