"""What people said, kept with the customer it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.dynamics.ports.posting import Posting


@dataclass(frozen=True, slots=True)
class Note:
    """`key` names it for ever; `customer` is the number of a customer that exists."""

    company: str
    key: str
    customer: str
    subject: str
    text: str
    is_person: bool = True
    """Whether the customer is one; the other kind is an organisation."""


class Notes(Protocol):
    async def add(self, notes: Sequence[Note]) -> Sequence[Posting]:
        """Add each once; one posting per note, in the same order."""
        ...
