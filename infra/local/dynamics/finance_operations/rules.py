"""What the business logic behind an entity set adds to its keys and types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from infra.local.dynamics.odata.entities import EntitySet, Row

from .rows import Rows

Created = Callable[[EntitySet, Row, Rows], None]
"""Completes and checks a new row, or does what follows from it. Raises ODataError."""


@dataclass(frozen=True, slots=True)
class Rules:
    number: str = ""
    """Key field that gets the next number of a sequence when it is left out."""
    sequence: str = "{:06}"
    """How a number is written; "" leaves it an integer."""
    numbered_lines: bool = False
    """LineNumber counts within the parent when it is left out."""
    parent_by: tuple[str, ...] = ()
    """Fields that hold the parent's key; empty: the key begins with it."""
    optional: frozenset[str] = frozenset()
    """Key fields that may be empty."""
    required: tuple[str, ...] = ()
    """Fields beside the key that must be filled in."""
    read_only: frozenset[str] = frozenset()
    """Fields only the business logic sets; a value sent for them is refused."""
    final: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Field -> values with which the row, and rows below it, can no longer be changed."""
    before: Created | None = None
    after: Created | None = None
