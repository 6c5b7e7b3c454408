"""Which of one instance's waiting requests may start now: the local half of the governor, no I/O.

Times are seconds since the epoch; tickets are whatever the caller uses to name a request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace

from shared.dynamics.governor.breaker import FAILURES
from shared.dynamics.governor.budget import PERIOD, Allotment, Report, Seen
from shared.dynamics.governor.lanes import Lane, divide

BURST_SECONDS = 1.0
"""Requests that may leave together after a pause, as seconds of the allotted rate; one at least.
The windows of every documented limit are far longer."""

MEMORY = 0.7
"""Weight of the earlier demand in what is reported: requests come in twos and threes, and a part
given back for a second is a part nobody uses."""


@dataclass(frozen=True)
class Outcome:
    """What became of a request. `refused`: throttled (429); neither accepted nor refused: no
    answer, or one that says the environment is down. Seconds."""

    accepted: bool = False
    refused: bool = False
    retry_after: float = 0.0
    latency: float | None = None
    remaining: int | None = None


class Dispatcher:
    """Requests wait by lane in order of arrival; permission comes as an allotment per principal."""

    def __init__(self, instance: str, now: float) -> None:
        self._instance = instance
        self._waiting: dict[Lane, dict[Hashable, None]] = {lane: {} for lane in Lane}
        self._allotment = Allotment({}, now)
        self._tokens: dict[str, float] = {}
        self._filled_at = now
        self._credit: dict[Lane, float] = dict.fromkeys(Lane, 0.0)
        self._reported_at = now
        self._started: Counter[Lane] = Counter()
        self._steady: dict[Lane, float] = dict.fromkeys(Lane, 0.0)
        self._held = False
        self._seen: dict[str, Seen] = {}
        self._unanswered = 0
        self._probing = False

    # Requests

    def wants(self, lane: Lane, ticket: Hashable) -> None:
        self._waiting[lane][ticket] = None

    def gives_up(self, ticket: Hashable) -> None:
        """The caller no longer waits for this one."""
        for waiting in self._waiting.values():
            waiting.pop(ticket, None)

    def clear(self) -> list[Hashable]:
        """Return the requests that wait, which wait no longer."""
        tickets = [ticket for waiting in self._waiting.values() for ticket in waiting]
        for waiting in self._waiting.values():
            waiting.clear()
        return tickets

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def start(self, now: float) -> list[tuple[Hashable, str]]:
        """Return the requests that may start now, each with the principal to send it as."""
        self._fill(now)
        if self._allotment.probe is not None:
            return self._start_probe(self._allotment.probe)
        started: list[tuple[Hashable, str]] = []
        while self.waiting and (principal := self._principal()) is not None:
            self._tokens[principal] -= 1
            started.append((self._take(self._next_lane()), principal))
        self._held = self._held or bool(self.waiting)
        return started

    def next_start(self, now: float) -> float | None:
        """Return when a waiting request may start, None when that needs another allotment."""
        if not self.waiting or now >= self._allotment.until:
            return None
        waits = [
            (1 - self._tokens.get(name, 0.0)) / rate
            for name, rate in self._allotment.rates.items()
            if rate
        ]
        return now + max(min(waits), 0.0) if waits else None

    def finished(self, principal: str, outcome: Outcome) -> None:
        if self._probing:
            # What came of it decides for everybody: tell at once.
            self._probing, self._allotment = False, Allotment({}, 0.0, down=True)
        if not outcome.accepted and not outcome.refused:
            self._unanswered += 1
            return
        seen = self._seen.get(principal, Seen())
        self._seen[principal] = replace(
            seen,
            accepted=seen.accepted + outcome.accepted,
            refused=seen.refused + outcome.refused,
            retry_after=max(seen.retry_after, outcome.retry_after),
            latency=_mean(seen.latency, outcome.latency),
            remaining=_least(seen.remaining, outcome.remaining),
        )

    # Reports

    @property
    def next_report(self) -> float:
        """When to report, if anything is going on; at once when nobody answers."""
        if self._unanswered >= FAILURES:
            return 0.0
        return min(self._reported_at + PERIOD, self._allotment.until)

    def next_step(self, now: float) -> float | None:
        """Return when to look again, None while nothing is going on."""
        if self._probing or not self._busy:
            return None
        start = self.next_start(now)
        return self.next_report if start is None else min(start, self.next_report)

    def must_report(self, now: float) -> bool:
        """Return whether it is time to report and there is something to say. A probe that is under
        way is waited for."""
        if self._probing or now < self.next_report:
            return False
        return self._busy

    @property
    def _busy(self) -> bool:
        return bool(self.waiting or self._started or self._seen or self._unanswered)

    def report(self, now: float) -> Report:
        """Return the report that is due; what it counts is not counted again."""
        seconds = now - self._reported_at
        span = max(seconds, PERIOD / 2)
        for lane in Lane:
            steady = self._steady[lane] * MEMORY + self._started[lane] / span * (1 - MEMORY)
            self._steady[lane] = steady if steady > _NOTHING else 0.0
        wanted = {
            lane: rate
            for lane, waiting in self._waiting.items()
            if (rate := self._steady[lane] + len(waiting) / span)
        }
        made = Report(
            self._instance,
            seconds,
            wanted,
            self._held,
            dict(self._seen),
            self._unanswered,
            bool(self.waiting),
        )
        self._reported_at = now
        self._started.clear()
        self._seen.clear()
        self._unanswered = 0
        self._held = bool(self.waiting)
        return made

    def allotted(self, allotment: Allotment, now: float) -> None:
        """Go by this allotment from now on."""
        self._fill(now)
        self._allotment = allotment
        self._tokens = {name: self._tokens.get(name, 0.0) for name in allotment.rates}

    @property
    def down(self) -> bool:
        """Whether the environment is taken to be down: waiting is pointless for now."""
        return self._allotment.down and self._allotment.probe is None

    # Inside

    def _start_probe(self, principal: str) -> list[tuple[Hashable, str]]:
        if self._probing or not self.waiting:
            return []
        self._probing = True
        return [(self._take(next(lane for lane in Lane if self._waiting[lane])), principal)]

    def _take(self, lane: Lane) -> Hashable:
        ticket = next(iter(self._waiting[lane]))
        del self._waiting[lane][ticket]
        self._started[lane] += 1
        return ticket

    def _fill(self, now: float) -> None:
        elapsed = max(min(now, self._allotment.until) - self._filled_at, 0.0)
        self._filled_at = max(now, self._filled_at)
        for name, rate in self._allotment.rates.items():
            most = max(rate * BURST_SECONDS, 1.0)
            self._tokens[name] = min(self._tokens.get(name, 0.0) + rate * elapsed, most)

    def _principal(self) -> str | None:
        """The one with most permission left: they take turns in proportion to their rates."""
        name = max(self._tokens, key=lambda each: self._tokens[each], default=None)
        return name if name is not None and self._tokens[name] >= 1 - _ROUNDING else None

    def _next_lane(self) -> Lane:
        wanted = {lane: float(len(waiting)) for lane, waiting in self._waiting.items() if waiting}
        # Shares of one request: what is assured to a lane adds up until it is a whole one.
        shares = divide(1.0, wanted)
        for lane, share in shares.items():
            self._credit[lane] += share
        for lane in Lane:
            if lane not in wanted:
                self._credit[lane] = 0.0
        chosen = max(wanted, key=lambda lane: (self._credit[lane], -lane))
        self._credit[chosen] -= 1.0
        return chosen


_ROUNDING = 1e-9
_NOTHING = 0.05
"""Requests per second, one in twenty seconds: too little to keep a part for."""


def _mean(known: float | None, new: float | None) -> float | None:
    """A mean in which the latest counts most."""
    if known is None or new is None:
        return new if known is None else known
    return known + (new - known) * 0.2


def _least(known: int | None, new: int | None) -> int | None:
    if known is None or new is None:
        return new if known is None else known
    return min(known, new)
