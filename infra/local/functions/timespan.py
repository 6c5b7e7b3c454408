"""The .NET TimeSpan text that host.json and timer schedules use: `[-][d.]hh:mm:ss[.fffffff]`."""

import re
from datetime import timedelta

_TIMESPAN = re.compile(
    r"(?P<sign>-)?(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>[0-5]?\d):(?P<seconds>[0-5]?\d)"
    r"(?:\.(?P<fraction>\d{1,7}))?"
)


def parse_timespan(text: str) -> timedelta:
    """Return the duration, negative ones included; `ValueError` with a sentence otherwise."""
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None or int(match["hours"]) > 23:
        raise ValueError(f"{text!r} is not a duration in the form hh:mm:ss")
    duration = timedelta(
        days=int(match["days"] or 0),
        hours=int(match["hours"]),
        minutes=int(match["minutes"]),
        seconds=int(match["seconds"]),
        microseconds=int((match["fraction"] or "").ljust(7, "0")[:6]),
    )
    return -duration if match["sign"] else duration
