"""When a fact happened, whatever its kind calls that."""

from __future__ import annotations

from datetime import datetime

from shared.events import Fact

_NAMES = (
    "occurred_at",
    "observed_at",
    "changed_at",
    "placed_at",
    "captured_at",
    "given_at",
    "opened_at",
    "closed_at",
)


def moment_of(fact: Fact) -> datetime:
    """Return the moment the fact itself names."""
    for name in _NAMES:
        moment = getattr(fact, name, None)
        if isinstance(moment, datetime):
            return moment
    raise TypeError(f"{type(fact).__name__} does not say when it happened")
