"""How many requests per second one principal may send: found out, not configured.

Finance & Operations limits by load and tells nobody the number; the other products publish theirs
and change them. So the rate climbs until Dynamics refuses, falls just below what it accepted then,
stays there a good while, and only then feels its way up again in small steps: a refusal costs a
call and often a pause, an unused percent costs nothing anyone notices. The shape is that of TCP
CUBIC (RFC 9438): steep far from the last refusal, flat near it, steep again beyond.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

BACK_OFF = 0.98
"""Of what was accepted while Dynamics refused: the rate from then on."""

PLATEAU = 45.0
"""Seconds without a step near the last refusal."""

GROWTH = ((0.97, 0.10), (1.05, 0.003), (1.30, 0.02), (float("inf"), 0.10))
"""Up to which part of the last refusal's rate the rate grows by how much per second: fast far from
it on either side, slowly near it."""

SETTLING = 3.0
"""Seconds in which further refusals are those of the same overshoot, reported late."""

MOST_AT_ONCE = 0.5
"""Of the rate: what is left at least after one refusal, however few calls it is judged by."""

LEAST = 0.5
"""Requests per second that are always tried, or nobody would notice that Dynamics recovered."""

USED = 0.8
"""Of the rate: what must be accepted before it may grow."""

SLOW = 3.0
"""Times the usual latency from where the rate no longer grows."""


@dataclass(frozen=True)
class Observed:
    """What the instances saw of one principal lately.

    `accepted` and `refused` (429) are requests per second of all instances together; `retry_after`
    is the longest anyone was told to wait, seconds; `latency` the mean seconds of an answered call;
    `remaining` the fewest requests Dynamics said are left (x-ms-ratelimit-burst-remaining-xrm-
    requests), None where it says nothing; `held` whether requests waited for permission.
    """

    accepted: float = 0.0
    refused: float = 0.0
    retry_after: float = 0.0
    latency: float | None = None
    remaining: int | None = None
    held: bool = False


@dataclass(frozen=True)
class Pace:
    """`rate` requests per second for all instances together; times are seconds since the epoch.

    `refused_at_rate`: what Dynamics accepted when it last refused, None before; `cap`: what the
    product documents, None where it documents nothing; `peak`: the rate at the last refusal.
    """

    rate: float
    cap: float | None = None
    refused_at_rate: float | None = None
    refused_at: float = 0.0
    raised_at: float = 0.0
    rest_until: float = 0.0
    usual_latency: float | None = None
    peak: float = 0.0

    def allowed(self, now: float) -> float:
        """Return requests per second at this moment."""
        return 0.0 if now < self.rest_until else self.rate

    def after(self, seen: Observed, now: float) -> Pace:
        """Learn from one report."""
        pace = self._with_latency(seen.latency)
        if seen.refused:
            return pace._refused(seen, now)
        if seen.remaining is not None and seen.remaining < pace.rate * _RUNNING_OUT:
            return replace(pace, rate=max(pace.rate * BACK_OFF, LEAST), raised_at=now)
        if pace._is_enough(seen) or now < pace.rest_until or pace._is_slow(seen.latency):
            return replace(pace, raised_at=now)
        return pace._raised(now)

    def _is_enough(self, seen: Observed) -> bool:
        """A rate that is not used up says nothing about a greater one."""
        return not seen.held or seen.accepted < self.rate * USED

    def _refused(self, seen: Observed, now: float) -> Pace:
        pace = self
        if seen.refused > seen.accepted:
            # Hardly anything gets through: rest as long as Dynamics asks, all of us.
            pace = replace(pace, rest_until=max(pace.rest_until, now + seen.retry_after))
        if now - pace.refused_at < SETTLING:
            # What was accepted in spite of the overshoot is the better estimate of the two.
            proven = max(pace.refused_at_rate or 0.0, min(seen.accepted, pace.peak))
            return replace(
                pace, rate=max(proven * BACK_OFF, LEAST), refused_at_rate=proven, raised_at=now
            )
        proven = max(min(seen.accepted, pace.rate), pace.rate * MOST_AT_ONCE, LEAST)
        return replace(
            pace,
            rate=max(proven * BACK_OFF, LEAST),
            refused_at_rate=proven,
            refused_at=now,
            raised_at=now,
            peak=pace.rate,
        )

    def _raised(self, now: float) -> Pace:
        elapsed = min(now - self.raised_at, 1.0)
        if elapsed <= 0:
            return self
        rate = self.rate * (1 + self._growth(now) * elapsed)
        if self.cap is not None:
            rate = min(rate, self.cap)
        return replace(self, rate=rate, raised_at=now)

    def _growth(self, now: float) -> float:
        if self.refused_at_rate is None:
            return GROWTH[0][1]
        part = self.rate / self.refused_at_rate
        if part >= GROWTH[0][0] and now - self.refused_at < PLATEAU:
            return 0.0
        return next(growth for reach, growth in GROWTH if part < reach)

    def _with_latency(self, latency: float | None) -> Pace:
        if latency is None:
            return self
        usual = self.usual_latency
        # Follows a faster answer at once and a slower one reluctantly.
        usual = latency if usual is None or latency < usual else usual + (latency - usual) * 0.01
        return replace(self, usual_latency=usual)

    def _is_slow(self, latency: float | None) -> bool:
        usual = self.usual_latency
        return latency is not None and usual is not None and latency > usual * SLOW


_RUNNING_OUT = 10.0
"""Seconds: with fewer requests left than this takes, the window is nearly used up."""
