"""What a ledger holds, one class for each kind of row, and what these say about a store-day.

No row holds personal data: no staff, no customer, no loyalty card.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from shared.events import Effect, TransactionKey

LEDGER: Effect = "ledger"
"""The effect that is the money of a sale or return."""


@dataclass(frozen=True, order=True)
class StoreDay:
    """One business day of one store: what a certificate is about."""

    company: str
    store: str
    business_day: date

    @staticmethod
    def of(key: TransactionKey) -> StoreDay:
        return StoreDay(key.company, key.store, key.business_day)

    def __str__(self) -> str:
        return f"{self.company}/{self.store}/{self.business_day}"


@dataclass(frozen=True, slots=True)
class TenderAmount:
    """Money of one means of payment in one currency, signed: what it adds to the drawer."""

    type: str
    currency: str
    amount: Decimal


@dataclass(frozen=True)
class SeenFact:
    """A valid transaction of a till that was on the bus."""

    fact_id: UUID
    fact_type: str
    key: TransactionKey
    amount: Decimal
    """Signed: what the till took; a return is negative, what is no sale is 0."""
    currency: str
    """Empty where the transaction has none."""
    seen_at: datetime
    occurred_at: datetime | None = None
    """By the till's clock; None for what was witnessed before that was kept."""
    what: str = ""
    """Kind of a recorded transaction or of a movement of cash; the shift that was counted."""
    last_before: int | None = None
    """Of a counter-reset: the last number used before it."""
    tenders: tuple[TenderAmount, ...] | None = None
    """By means and currency: paid, moved or counted; None for what was witnessed before that was
    kept."""


@dataclass(frozen=True)
class PostedDocument:
    """What a service says it booked for one effect of a fact."""

    fact_id: UUID
    fact_type: str
    key: TransactionKey | None
    """None where the fact is no transaction of a till."""
    document_key: str
    """Empty where it would name a person."""
    amount: Decimal
    """Signed, as booked; 0 where no money is."""
    currency: str
    """Empty where no money is booked."""
    posted_at: datetime
    effect: Effect = LEDGER


@dataclass(frozen=True)
class Rejection:
    """A message that a subscription put aside for a person."""

    identity: str
    """The fact id where the message had one, otherwise its transaction or its message id; with the
    effect behind it unless that is the ledger's."""
    fact_id: UUID | None
    key: TransactionKey | None
    """`None` when the message did not even say where it came from, or comes from no till."""
    subscription: str
    reason: str
    detail: str
    rejected_at: datetime
    effect: Effect = LEDGER
    fact_type: str = ""
    """Empty where it is not known."""


@dataclass(frozen=True)
class Reversal:
    """One effect of a fact was taken back on an operator's order."""

    fact_id: UUID
    """The fact whose effect it was."""
    effect: Effect
    reversal_id: UUID
    document_key: str
    amount: Decimal
    """Signed, as booked: the opposite of what the document had."""
    currency: str
    posted_at: datetime


@dataclass(frozen=True)
class ClosedDay:
    """A store's own word about the end of its day."""

    day: StoreDay
    revision: int
    payload: str
    """The fact's data as JSON."""


@dataclass(frozen=True)
class OpenedDay:
    """A store's own word about the beginning of its day."""

    day: StoreDay
    revision: int
    payload: str
    """The fact's data as JSON."""


@dataclass(frozen=True)
class Entries:
    """Everything a ledger holds, or a write to it; of one day, of several, or of none."""

    facts: Sequence[SeenFact] = ()
    documents: Sequence[PostedDocument] = ()
    rejections: Sequence[Rejection] = ()
    reversals: Sequence[Reversal] = ()
    closed: Sequence[ClosedDay] = ()
    opened: Sequence[OpenedDay] = ()

    def days(self) -> set[StoreDay]:
        """Return the store-days these entries name; a reversal names none."""
        rows: Iterable[SeenFact | PostedDocument | Rejection] = (
            *self.facts,
            *self.documents,
            *self.rejections,
        )
        keys = {row.key for row in rows if row.key}
        spoken_of = {each.day for each in self.closed} | {each.day for each in self.opened}
        return {StoreDay.of(key) for key in keys} | spoken_of


@dataclass(frozen=True)
class DayEntries:
    """One store-day at one moment."""

    day: StoreDay
    version: int
    entries: Entries


@dataclass(frozen=True)
class DayFilter:
    """Which store-days; `None` means any, the dates are inclusive."""

    company: str | None = None
    store: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    def __contains__(self, day: StoreDay) -> bool:
        return (
            self.company in (None, day.company)
            and self.store in (None, day.store)
            and (self.first_day is None or self.first_day <= day.business_day)
            and (self.last_day is None or day.business_day <= self.last_day)
        )


@dataclass(frozen=True)
class Evaluation:
    """What was found when a store-day was last looked at."""

    day: StoreDay
    version: int
    """The version of the day that was looked at."""
    verdict: str
    missing_sequences: int


def in_till_order(row: SeenFact | PostedDocument | Rejection) -> tuple[str, int, str, str]:
    """Sort key of a day's entries: terminal, sequence, then something that never ties."""
    identity = row.identity if isinstance(row, Rejection) else str(row.fact_id)
    effect = "" if isinstance(row, SeenFact) else row.effect
    place = (row.key.terminal, row.key.sequence) if row.key else ("", 0)
    return (*place, identity, effect)
