"""What a comparison finds, and how it reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    BREAKS = "breaks"
    """Calls we make will be refused, or answered without what we read."""
    RISK = "risk"
    """Some of the calls may be refused: which depends on the data."""


class Change(StrEnum):
    SET_MISSING = "entity set missing"
    SET_READ_ONLY = "entity set takes no writes"
    KEY_CHANGED = "key changed"
    FIELD_MISSING = "field missing"
    FIELD_READ_ONLY = "field became read-only"
    FIELD_MANDATORY = "field became mandatory"
    TYPE_CHANGED = "type changed"
    LENGTH_SHRUNK = "length shrunk"
    PRECISION_SHRUNK = "precision shrunk"
    SYMBOL_MISSING = "enum symbol missing"
    NAVIGATION_MISSING = "navigation property missing"
    ACTION_MISSING = "action missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """`name`: the field, symbol, navigation property or action, '' for the set as a whole;
    `detail`: what was and what is; `near`: names that may have taken its place; `breaks`: the port
    operations that use it."""

    severity: Severity
    change: Change
    entity_set: str
    name: str = ""
    detail: str = ""
    near: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()

    def json(self) -> dict[str, object]:
        return asdict(self)
