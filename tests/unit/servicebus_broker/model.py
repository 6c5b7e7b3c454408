"""A queue as short as it can be said: lists searched from the front, nothing indexed.

The definition the real queue is compared with. A message is identified by the number its test gave
it; `place` is where it stands in line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

LOCK, LIFE, MOST, WINDOW = 30, 100, 3, 200


@dataclass
class Held:
    number: int
    place: int
    life: int
    expires: int
    failures: int = 0
    due: int | None = None
    locked_until: int | None = None
    deferred: bool = False
    session: str = ""

    @property
    def waits(self) -> bool:
        return self.due is None and self.locked_until is None and not self.deferred


@dataclass
class ModelQueue:
    """Lock 30 ms, life at most 100 ms, 3 deliveries, duplicate window 200 ms."""

    held: list[Held] = field(default_factory=list)
    dead: dict[int, str] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    places: count[int] = field(default_factory=lambda: count(1))

    def send(self, number: int, name: str, ttl: int | None, due: int | None, now: int) -> None:
        if name in self.seen and now - self.seen[name] < WINDOW:
            return
        self.seen[name] = now
        life = min(ttl, LIFE) if ttl is not None else LIFE
        scheduled = due if due is not None and due > now else None
        self.held.append(Held(number, next(self.places), life, now + life, due=scheduled))

    def receive(self, most: int, now: int) -> list[Held]:
        self.expire(now)
        taken = [each for each in self.in_order() if each.waits][:most]
        for each in taken:
            each.locked_until = now + LOCK
        return taken

    def complete(self, each: Held) -> None:
        self.held.remove(each)

    def bury(self, each: Held, reason: str) -> None:
        self.held.remove(each)
        self.dead[each.number] = reason

    def fail(self, each: Held) -> None:
        each.locked_until = None
        each.failures += 1
        if each.failures == MOST:
            self.bury(each, "MaxDeliveryCountExceeded")

    def advance(self, now: int) -> None:
        for each in [e for e in self.held if e.locked_until is not None and e.locked_until <= now]:
            self.fail(each)
        self.expire(now)
        for each in sorted(self.held, key=lambda e: (e.due or 0, e.place)):
            if each.due is not None and each.due <= now:
                each.due, each.place, each.expires = None, next(self.places), now + each.life

    def expire(self, now: int) -> None:
        for each in [each for each in self.held if each.waits and each.expires <= now]:
            self.bury(each, "TTLExpiredException")

    def restart(self) -> None:
        for each in self.held:
            each.locked_until = None

    def in_order(self) -> list[Held]:
        return sorted(self.held, key=lambda each: each.place)


@dataclass
class ModelSessionQueue(ModelQueue):
    """Every message belongs to a session; a message handed out is locked as its session is."""

    locks: dict[str, int] = field(default_factory=dict)  # session: its lock's end
    states: dict[str, tuple[bytes, int]] = field(default_factory=dict)  # state, when it was set
    line: dict[int, int] = field(default_factory=dict)  # who waits for a session: until when
    answers: dict[int, str | None] = field(default_factory=dict)  # who: the session, None: none

    def send_to(
        self, session: str, number: int, ttl: int | None, due: int | None, now: int
    ) -> None:
        self.send(number, str(number), ttl, due, now)
        self.held[-1].session = session

    def next_available(self) -> str | None:
        waiting = (e.session for e in self.in_order() if e.waits and e.session not in self.locks)
        return next(waiting, None)

    def accept(self, session: str, now: int) -> None:
        self.locks[session] = now + LOCK

    def accept_next(self, who: int, patience: int, now: int) -> None:
        self.line[who] = now + patience
        self.serve(now)

    def serve(self, now: int) -> None:
        while self.line and (free := self.next_available()) is not None:
            who = next(iter(self.line))
            del self.line[who]
            self.accept(free, now)
            self.answers[who] = free

    def receive_from(self, session: str, most: int) -> list[Held]:
        taken = [e for e in self.in_order() if e.waits and e.session == session][:most]
        for each in taken:
            each.locked_until = self.locks[session]
        return taken

    def handed_out(self, session: str) -> list[Held]:
        return [e for e in self.held if e.session == session and e.locked_until is not None]

    def renew(self, session: str, now: int) -> None:
        self.accept(session, now)
        for each in self.handed_out(session):
            each.locked_until = self.locks[session]

    def release(self, session: str, now: int) -> None:
        for each in self.handed_out(session):
            each.locked_until = None
        del self.locks[session]
        self.expire(now)
        self.serve(now)

    def advance(self, now: int) -> None:
        super().advance(now)
        self.locks = {session: until for session, until in self.locks.items() if until > now}
        for who in [who for who, until in self.line.items() if until <= now]:
            del self.line[who]
            self.answers[who] = None
        self.serve(now)

    def restart(self) -> None:
        super().restart()
        self.locks.clear()
        self.line.clear()

    def with_content(self) -> set[str]:
        active = {e.session for e in self.held if e.due is None and not e.deferred}
        return active | self.states.keys()
