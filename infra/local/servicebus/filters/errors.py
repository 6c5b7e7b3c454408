"""What can be wrong with a rule: its text, or one message under it."""

from __future__ import annotations


class FilterSyntaxError(ValueError):
    """The expression does not follow the grammar. `position` counts characters from 0."""

    def __init__(self, problem: str, *, position: int, token: str) -> None:
        near = f"near '{token}'" if token else "at its end"
        super().__init__(f"{problem} (position {position}, {near})")
        self.position = position
        self.token = token


class FilterError(Exception):
    """The expression cannot be evaluated for this message (Service Bus: FilterException)."""
