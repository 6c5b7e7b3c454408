"""Conflicts: two systems say different things of one customer's field, and which of them holds.

The customers service writes them and carries decisions out; an operator decides on the open ones.
Both versions of every conflict are kept, also of those that a rule decided at once.

    open ──────> accepted, rejected ──────> resolved
                 (by a person)              (carried out; or by a rule, or overtaken)
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from shared.store.records import Record

CONFLICTS: Final = "customer-conflict"
"""Kind of the records; their key begins with company and customer number."""

OPEN: Final = "open"
ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"
RESOLVED: Final = "resolved"

Decision = Literal["accepted", "rejected"]
Ending = Literal["by-rule", "accepted", "rejected", "superseded", "agreed"]
"""How a conflict ended: superseded by a later change of the same system, agreed when both came to
say the same."""


class Saying(BaseModel):
    """What one system says of the field: personal data."""

    model_config = ConfigDict(frozen=True)

    by: str
    """till, shop, dynamics, or the Dynamics product it was found in."""
    value: str
    """Empty: it was emptied in Dynamics."""
    version: int
    changed_at: datetime | None
    """None where Dynamics does not say when."""


class Conflict(BaseModel):
    """One field of one customer of which two systems say different things."""

    model_config = ConfigDict(frozen=True)

    company: str
    customer: str
    field: str
    strategy: str
    in_force: Saying
    other: Saying
    """What does not hold; of an open conflict what waits to be accepted."""
    found_at: datetime
    ending: Ending | None = None
    decided_by: str = ""
    decided_at: datetime | None = None


def conflict_of(record: Record) -> Conflict:
    """Return the conflict a record holds."""
    return Conflict.model_validate_json(record.text)


def decided(record: Record, decision: Decision, actor: str, at: datetime) -> Record:
    """Return what is written when a person decides. Raises ValueError if it is not open."""
    if record.state != OPEN:
        raise ValueError(f"{record.key} is not open, but {record.state}")
    conflict = conflict_of(record).model_copy(update={"decided_by": actor, "decided_at": at})
    return next_version(record, conflict, decision, at)


def ended(record: Record, ending: Ending, at: datetime) -> Record:
    """Return the record to be written when a conflict has come to its end."""
    conflict = conflict_of(record).model_copy(update={"ending": ending})
    return next_version(record, conflict, RESOLVED, at)


def next_version(record: Record, conflict: Conflict, state: str, at: datetime) -> Record:
    """Return the record that follows, to be written in its place."""
    return Record(
        kind=CONFLICTS,
        key=record.key,
        version=record.version + 1,
        state=state,
        text=conflict.model_dump_json(),
        at=at,
    )
