"""What all instances share about one environment, and the one step in which they change it.

An instance reports what it saw and wants, and is allotted requests per second until its next
report. Allotments of others stand until they are replaced or run out, and are never overbooked: who
comes new gets what is free, and its fair part once the others have reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.dynamics.governor.breaker import Breaker, State
from shared.dynamics.governor.lanes import Lane, divide
from shared.dynamics.governor.pace import Observed, Pace

PERIOD = 1.0
"""Seconds between two reports of an instance."""

VALID = 3.0
"""Seconds an allotment lasts; a dead instance keeps its part from the others for so long."""

HEADROOM = 0.8
"""Of what nobody asked for: given out beforehand. The rest is for who comes in the meantime."""


@dataclass(frozen=True)
class Seen:
    """What one instance saw of one principal since its last report; see Observed."""

    accepted: int = 0
    refused: int = 0
    retry_after: float = 0.0
    latency: float | None = None
    remaining: int | None = None


@dataclass(frozen=True)
class Report:
    """`seconds` since the last one; `wanted`: requests per second by lane; `held`: whether requests
    waited for permission; `unanswered`: calls that got no answer, or one that says the environment
    is down; `waiting`: whether a request waits now, which a probe could be."""

    instance: str
    seconds: float
    wanted: Mapping[Lane, float]
    held: bool = False
    seen: Mapping[str, Seen] = field(default_factory=dict)
    unanswered: int = 0
    waiting: bool = False

    @property
    def answered(self) -> int:
        return sum(each.accepted + each.refused for each in self.seen.values())


@dataclass(frozen=True)
class Allotment:
    """Requests per second by principal until `until`, none while Dynamics wants a rest.

    `down`: the environment does not answer, waiting is pointless for now; `probe`: send one call as
    this principal and see whether it is back."""

    rates: Mapping[str, float]
    until: float
    down: bool = False
    probe: str | None = None


@dataclass(frozen=True)
class Member:
    """An instance as the others see it: its demand, its allotment, its last report by principal."""

    wanted: Mapping[Lane, float]
    rate: float
    until: float
    accepted: Mapping[str, float] = field(default_factory=dict)
    refused: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Budget:
    """Times are seconds since the epoch."""

    principals: Mapping[str, Pace]
    members: Mapping[str, Member] = field(default_factory=dict)
    breaker: Breaker = field(default_factory=Breaker)

    def exchange(self, report: Report, now: float) -> tuple[Budget, Allotment]:
        """Take a report in and answer it with an allotment."""
        others = {
            name: member
            for name, member in self.members.items()
            if name != report.instance and member.until > now
        }
        breaker = self.breaker.after(report.answered, report.unanswered, now)
        me = _member(report)
        principals = _learn(self.principals, report, {**others, report.instance: me}, now)
        # Who wanted something a minute ago may want nothing now, and nobody else would probe.
        probing = breaker.probe(now) if report.waiting else None
        if probing is not None:
            allotment = Allotment({}, now + VALID, down=True, probe=next(iter(principals)))
            breaker = probing
        elif breaker.state is not State.CLOSED:
            allotment = Allotment({}, now + PERIOD, down=True)
        else:
            allotment = _allot(principals, breaker.part(now), me, others, now)
        mine = replace(me, rate=sum(allotment.rates.values()), until=allotment.until)
        return Budget(principals, {**others, report.instance: mine}, breaker), allotment


def _member(report: Report) -> Member:
    seconds = max(report.seconds, PERIOD / 2)
    return Member(
        report.wanted,
        0.0,
        0.0,
        {name: seen.accepted / seconds for name, seen in report.seen.items()},
        {name: seen.refused / seconds for name, seen in report.seen.items()},
    )


def _learn(
    principals: Mapping[str, Pace], report: Report, members: Mapping[str, Member], now: float
) -> dict[str, Pace]:
    learned = dict(principals)
    for name, seen in report.seen.items():
        pace = learned.get(name)
        if pace is None:
            continue
        refused = sum(member.refused.get(name, 0.0) for member in members.values())
        observed = Observed(
            accepted=sum(member.accepted.get(name, 0.0) for member in members.values()),
            # Only who was refused itself says so: the others' last reports are old news.
            refused=refused if seen.refused else 0.0,
            retry_after=seen.retry_after,
            latency=seen.latency,
            remaining=seen.remaining,
            held=report.held,
        )
        learned[name] = pace.after(observed, now)
    return learned


def _allot(
    principals: Mapping[str, Pace],
    part: float,
    me: Member,
    others: Mapping[str, Member],
    now: float,
) -> Allotment:
    allowed = {name: pace.allowed(now) * part for name, pace in principals.items()}
    total = sum(allowed.values())
    wanted = sum(me.wanted.values())
    if not wanted:
        return Allotment({}, now)  # whoever wants nothing asks again when it wants something
    if not total:
        return Allotment({}, now + PERIOD)
    fair = _fair(total, me, [*others.values(), me])
    rate = max(min(fair, total - sum(member.rate for member in others.values())), 0.0)
    return Allotment(
        {name: rate * each / total for name, each in allowed.items() if each}, now + VALID
    )


def _fair(total: float, me: Member, members: list[Member]) -> float:
    """Each lane's part in proportion to demand, and an equal part of what nobody asked for: what
    comes next comes to anyone."""
    demand = {
        lane: wanted for lane in Lane if (wanted := sum(m.wanted.get(lane, 0.0) for m in members))
    }
    granted = divide(total, demand)
    spare = total - sum(granted.values())
    mine = sum(granted[lane] * me.wanted.get(lane, 0.0) / demand[lane] for lane in granted)
    return mine + spare * HEADROOM / sum(1 for member in members if member.wanted)
