"""What every connection shares: namespace, clock, durability, faults, and whose turn it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from weakref import WeakKeyDictionary

from infra.local.servicebus.broker import Namespace, Queue
from infra.local.servicebus.broker.timers import Timer, Timers
from infra.local.servicebus.server.clock import ClockMs
from infra.local.servicebus.server.commit import Committer
from infra.local.servicebus.server.faults import Faults
from infra.local.servicebus.server.link_names import LinkNames
from infra.local.servicebus.server.security import Authorization
from infra.local.servicebus.server.turns import Turns
from infra.local.servicebus.storage import Storage

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 1024 * 1024
"""Largest message and batch: Premium's default. (Standard takes 256 KB.)"""

OPEN_SECONDS = 30.0
"""How long a peer may take until its connection is open; the SDKs need less than one."""

_LONGEST_SLEEP = 3600.0
"""Seconds; event loops do not take every number, and the system's clock may be set meanwhile."""


class Core:
    """Runs on one event loop. `timed` False leaves time to the embedding program: it moves the
    clock and calls advance()."""

    def __init__(
        self,
        namespace: Namespace,
        storage: Storage,
        clock: ClockMs,
        *,
        timed: bool,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        open_within: float = OPEN_SECONDS,
        expire_idle: bool = False,
        faults: Faults | None = None,
        authorization: Authorization | None = None,
    ) -> None:
        self.namespace = namespace
        self.now = clock
        self.committer = Committer(namespace.take_changes, storage)
        self.max_message_bytes = max_message_bytes
        self.open_within = open_within
        self.expire_idle = expire_idle
        self.link_names = LinkNames()
        self.faults = faults or Faults()
        self.authorization = authorization or Authorization(namespace, now=clock)
        self._timers = Timers()  # the server's own; the namespace has the entities'
        self._timed = timed
        self._ready: dict[Callable[[], None], None] = {}
        self._turns: WeakKeyDictionary[Queue, Turns] = WeakKeyDictionary()
        self._timer: asyncio.TimerHandle | None = None
        self._due: int | None = None

    def ready(self, pump: Callable[[], None]) -> None:
        """Call `pump` once in the next turn of the loop, however often it is asked for."""
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._pump)
        self._ready[pump] = None

    def turns(self, queue: Queue) -> Turns:
        """Return the line of those who receive from the queue."""
        if queue not in self._turns:
            self._turns[queue] = Turns(self.ready, queue.listeners)
        return self._turns[queue]

    def _pump(self) -> None:
        ready, self._ready = self._ready, {}
        for pump in ready:
            try:
                pump()
            except Exception:  # one peer's trouble must not keep the others waiting
                log.exception("a link could not be served")
        self.watch_time()

    def advance(self) -> None:
        """Apply what fell due by now."""
        now = self.now()
        self.namespace.advance(now)
        self._timers.run(now)
        self.committer.soon()

    def later(self, delay: int, action: Callable[[], None]) -> Timer:
        """Call `action` after so many ms of the bus's clock."""
        timer = self._timers.at(self.now() + delay, lambda _subject, _now: action(), None)
        self.watch_time()
        return timer

    def cancel(self, timer: Timer) -> None:
        self._timers.cancel(timer)

    def watch_time(self) -> None:
        """See that advance() runs at the next deadline; to be called after every change."""
        deadlines = (self.namespace.next_deadline(), self._timers.next_due())
        due = min((each for each in deadlines if each is not None), default=None)
        if not self._timed or due is None or (self._due is not None and self._due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        # A timer that fires early would find nothing due: always one ms later.
        delay = min(max(due - self.now(), 0) / 1000 + 0.001, _LONGEST_SLEEP)
        self._timer = asyncio.get_running_loop().call_later(delay, self._deadline)

    def _deadline(self) -> None:
        self._timer = self._due = None
        self.advance()
        self.watch_time()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timed = False
        self.committer.stop()
