"""What has happened at one entity since the bus started: plain numbers, read by the metrics."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

MOST_REASONS = 50
"""Dead-letter reasons told apart: applications write them, and may write a new one each time."""

OTHER = "other"


@dataclass(slots=True)
class Tally:
    """`incoming`: messages senders gave, scheduled ones when scheduled, dropped duplicates not.
    `outgoing`: deliveries, repeated ones again. `settled`: by what was asked for.
    `dead_lettered`: by reason, from a queue to its dead-letter queue."""

    incoming: int = 0
    outgoing: int = 0
    settled: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    dead_lettered: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def buried(self, reason: str | None) -> None:
        known = reason or "none"
        if known not in self.dead_lettered and len(self.dead_lettered) >= MOST_REASONS:
            known = OTHER
        self.dead_lettered[known] += 1
