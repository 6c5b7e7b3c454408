"""What others changed in a business system since we last looked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Subject(StrEnum):
    PERSONS = "persons"
    ORGANISATIONS = "organisations"
    POINTS = "points"
    GIFT_CARDS = "gift-cards"


@dataclass(frozen=True, slots=True)
class Changed:
    """`id` is the system's own; `values` by the names of the subject's port dataclass."""

    id: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Delta:
    """One page of changes. Ask with `cursor` for what follows: at once while there is `more`, else
    when something may have changed."""

    rows: tuple[Changed, ...]
    deleted: tuple[str, ...]
    """Ids. A row never seen may be among them."""
    cursor: str
    more: bool = False
    restarted: bool = False
    """The cursor was too old: this page begins a reading of everything, which tells no deletions.
    What is on none of its pages is gone."""


class Changes(Protocol):
    async def since(self, subject: Subject, cursor: str = "") -> Delta:
        """Return what follows the cursor; '' begins with everything there is.

        Keep the cursor after its page is dealt with: a page may come twice, none is left out.
        Raises DynamicsError.
        """
        ...
