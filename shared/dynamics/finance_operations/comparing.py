"""Whether what Dynamics has is what we wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal


def differences(
    names: Iterable[str], ours: Mapping[str, object], theirs: Mapping[str, object]
) -> str:
    """Return `Field: theirs there, ours here` for each of the fields that differs, else ''.

    A field we left out is Dynamics' own to fill.
    """
    return "; ".join(
        f"{name}: {theirs.get(name)} there, {ours[name]} here"
        for name in names
        if name in ours and comparable(ours[name]) != comparable(theirs.get(name))
    )


def comparable(value: object) -> object:
    """Return the value such that equal is what Dynamics takes for equal."""
    # Dynamics compares strings without regard to case and drops trailing blanks.
    if isinstance(value, str):
        return value.rstrip().casefold()
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
