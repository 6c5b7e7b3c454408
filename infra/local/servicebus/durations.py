"""ISO 8601 durations as Service Bus writes them."""

from __future__ import annotations

import re
from decimal import Decimal

_PARTS = re.compile(
    r"P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?"
    r"(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
_DAY_SECONDS = 86_400
# .NET, which defines these values, counts 365 days to a year and 30 to a month.
_SECONDS = (365 * _DAY_SECONDS, 30 * _DAY_SECONDS, _DAY_SECONDS, 3_600, 60, 1)
# TimeSpan.MaxValue, how Service Bus writes "unlimited".
UNLIMITED = "P10675199DT2H48M5.4775807S"
_UNLIMITED_MS = 922_337_203_685_477


def parse_duration(text: str) -> int | None:
    """Return ms, None for unlimited. Raises ValueError for anything but `P1DT2H3M4.5S`."""
    match = _PARTS.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not an ISO 8601 duration such as PT1M, PT1H30M or P14D")
    seconds = sum(
        Decimal(part or 0) * length for part, length in zip(match.groups(), _SECONDS, strict=True)
    )
    milliseconds = int(seconds * 1000)
    return None if milliseconds >= _UNLIMITED_MS else milliseconds


def format_duration(milliseconds: int | None) -> str:
    """Return what parse_duration reads, as .NET writes it: days and smaller, nothing that is
    zero."""
    if milliseconds is None:
        return UNLIMITED
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{thousandths:03}".rstrip("0") if thousandths else ""
    second = f"{seconds}{fraction}S" if seconds or thousandths else ""
    time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + second
    date = f"{days}D" if days else ""
    return f"P{date}T{time}" if time else f"P{date}" if date else "PT0S"
