"""What an entity's business logic adds to reading and writing rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from .books import Books, Row


def _nothing(*_: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """Every function may raise BusinessCentralError, and then nothing was written."""

    insert: Callable[[Books, Row, Set[str]], None] = _nothing
    """Complete a new row; the names are of the fields that were sent."""
    change: Callable[[Books, Row, Row, Set[str]], None] = _nothing
    """Complete the changed row; the first is as it was."""
    delete: Callable[[Books, Row], None] = _nothing
    refresh: Callable[[Books, Row], None] = _nothing
    """Rows below it were written."""
    written: Callable[[Books, Row], None] = _nothing
    """It was inserted with everything below it."""
    changed: Callable[[Books, Row], None] = _nothing
    """It was changed and is kept."""
    actions: Mapping[str, Callable[[Books, Row], None]] = field(default_factory=dict)
    """Bound actions by name, without `Microsoft.NAV.`."""
