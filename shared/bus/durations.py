"""Settings that are spans of time."""

from __future__ import annotations

from datetime import timedelta

from pydantic import TypeAdapter, ValidationError

_DURATION = TypeAdapter(timedelta)


def duration(setting: str, text: str) -> timedelta:
    """Read an ISO 8601 duration; raises ValueError naming the setting where it is none above 0."""
    try:
        # Pydantic also reads bare numbers; a setting without a unit is a mistake waiting.
        value = _DURATION.validate_python(text) if text.startswith("P") else None
    except ValidationError:
        value = None
    if value is None or value <= timedelta(0):
        raise ValueError(
            f"{setting}: {text!r} is not an ISO 8601 duration such as PT10S, PT1H or P3D"
        )
    return value
