"""One OData request and one answer, alone or as a part of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    """Below the service root, percent-decoded: `RetailTransactions(…)`."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Query options, decoded; `cross-company` included."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
