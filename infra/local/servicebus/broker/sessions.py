"""The sessions of one queue: what waits in each, who holds it, its state.

    free   --accept----------> locked, by one receiver at a time
    locked --release---------> free; what was handed out returns, no delivery is counted
    locked --the lock's end--> free; what was handed out returns, with one more failed delivery

A session exists while it has messages or state or is locked. A receiver that asks for the next
available one gets the free session whose lowest waiting number is lowest; when there is none it
waits in line, up to a time. (Service Bus: message sessions.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import nsmallest
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING
from uuid import UUID

from infra.local.servicebus.broker.changes import SessionStatePut
from infra.local.servicebus.broker.errors import (
    NotAllowed,
    SessionCannotBeLocked,
    SessionLockLost,
)
from infra.local.servicebus.broker.messages import BrokerMessage
from infra.local.servicebus.broker.offers import Offers
from infra.local.servicebus.broker.runtime import Listener, Runtime
from infra.local.servicebus.broker.session import PendingAccept, Session, SessionLock
from infra.local.servicebus.broker.waiting import Waiting

if TYPE_CHECKING:
    from infra.local.servicebus.broker.lifecycle import Lifecycle


class Sessions:
    """Methods taking a session's id or lock raise SessionLockLost when it is not locked (any more);
    times are int ms."""

    def __init__(self, queue: Lifecycle, runtime: Runtime) -> None:
        self._queue = queue
        self._runtime = runtime
        self._sessions: dict[str, Session] = {}
        self._offers = Offers(self._sessions)
        self._pending: dict[PendingAccept, None] = {}
        self.listeners: set[Listener] = {self._serve}

    # Holding a session

    def accept(self, session_id: str | None, now: int) -> SessionLock | None:
        """Lock the session for the queue's lock duration, or the next available one (None: there is
        none). Raises SessionCannotBeLocked when another receiver holds it."""
        if session_id is None:
            free = self._offers.first()
            return None if free is None else self._lock(free, now)
        session = self._session(session_id)
        if session.lock is not None:
            raise SessionCannotBeLocked(
                f"The session '{session_id}' of '{self._queue.address}' cannot be accepted: it is "
                "locked by another receiver."
            )
        return self._lock(session, now)

    def accept_next(
        self, answer: Callable[[SessionLock | None], None], now: int, timeout: int
    ) -> PendingAccept:
        """Call `answer` with the next available session, at once or when one becomes available;
        with None after `timeout` ms. Those who wait are served in order."""
        pending = PendingAccept(answer)
        pending.timer = self._runtime.timers.at(now + timeout, self._timed_out, pending)
        self._pending[pending] = None
        self._serve(now)
        return pending

    def cancel(self, pending: PendingAccept) -> None:
        """Leave the line; nothing happens when the answer was given before."""
        if pending in self._pending:
            del self._pending[pending]
            self._runtime.timers.cancel(pending.timer)

    def renew(self, session_id: str, now: int) -> int:
        """Lock the session, and what was handed out under its lock, anew for the lock duration from
        now; return the new expiry."""
        lock = self.current(session_id, now)
        self._runtime.timers.cancel(lock.timer)
        lock.locked_until = until = now + self._queue.config.lock_duration
        lock.timer = self._runtime.timers.at(until, self._expired, lock)
        for message in lock.held.values():
            message.locked_until = until
        return until

    def locks(self) -> list[SessionLock]:
        return [session.lock for session in self._sessions.values() if session.lock is not None]

    def expire(self, lock: SessionLock, now: int) -> None:
        """End a lock before its time, as if its time were over."""
        self._runtime.timers.cancel(lock.timer)
        self._expired(lock, now)
        self._runtime.wake(now)

    def release(self, lock: SessionLock, now: int) -> None:
        """Free the session; nothing happens when the lock has been lost before."""
        session = self._sessions.get(lock.session_id)
        if session is not None and session.lock is lock:
            self._runtime.timers.cancel(lock.timer)
            self._free(session, lock, now, failed=False)
            self._runtime.wake(now)

    def line(self, lock: SessionLock | None, now: int) -> Waiting:
        """Return what waits in the session that is locked by exactly this lock."""
        if lock is None:
            raise self._unnamed()
        if self.current(lock.session_id, now) is not lock:
            raise self._lost(lock.session_id)
        return self._sessions[lock.session_id].waiting

    def current(self, session_id: str | None, now: int) -> SessionLock:
        """Return the lock that holds the session now. NotAllowed when none is named."""
        if session_id is None:
            raise self._unnamed()
        session = self._sessions.get(session_id)
        if session is None or session.lock is None or session.lock.locked_until <= now:
            raise self._lost(session_id)
        return session.lock

    # State

    def state(self, session_id: str, now: int) -> bytes | None:
        self.current(session_id, now)
        return self._sessions[session_id].state

    def set_state(self, session_id: str, state: bytes | None, now: int) -> None:
        """Keep the state until it is set to None, with or without messages."""
        self.check_state(session_id, state, now)
        self.restore_state(session_id, state, now)
        self._runtime.changes.append(SessionStatePut(self._queue.address, session_id, state, now))

    def check_state(self, session_id: str, state: bytes | None, now: int) -> None:
        """Raise what setting it would raise; changes nothing."""
        self.current(session_id, now)
        if state is not None and self._runtime.limits is not None:
            self._runtime.limits.check_state(state)

    def restore_state(self, session_id: str, state: bytes | None, at: int) -> None:
        session = self._session(session_id)
        session.state, session.state_changed_at = state, at

    def ids(self, changed_after: int | None, skip: int, top: int) -> list[str]:
        """Return a page of the ids of sessions with active messages or state, or of those whose
        state changed after that time."""
        found = (
            session.id
            for session in self._sessions.values()
            if (
                session.state is not None or session.is_active
                if changed_after is None
                else session.state is not None and session.state_changed_at > changed_after
            )
        )
        return list(islice(found, max(skip, 0), max(skip, 0) + max(top, 0)))

    # For the queue

    def __len__(self) -> int:
        """Messages that wait in any session."""
        return sum(len(session.waiting) for session in self._sessions.values())

    def messages(self, session_id: str) -> Iterable[BrokerMessage]:
        """Return the messages of the session, of any state."""
        session = self._sessions.get(session_id)
        return () if session is None else session.messages.values()

    def peek(self, session_id: str, from_sequence: int, count: int) -> list[BrokerMessage]:
        """Return up to `count` messages of any state from that number on, ascending."""
        found = (m for m in self.messages(session_id) if m.sequence_number >= from_sequence)
        return nsmallest(count, found, key=attrgetter("sequence_number"))

    def keep(self, message: BrokerMessage) -> None:
        self._session(_id(message)).messages[message.sequence_number] = message

    def removed(self, message: BrokerMessage) -> None:
        session = self._sessions[_id(message)]
        del session.messages[message.sequence_number]
        self._forget_if_over(session)

    def line_of(self, message: BrokerMessage) -> Waiting:
        return self._sessions[_id(message)].waiting

    def available(self, message: BrokerMessage) -> None:
        """Note that the message waits: for the session's receiver, or for one to come."""
        session = self._sessions[_id(message)]
        if session.lock is None:
            self._offer(session)
        else:
            self._runtime.available(session.lock)

    def unlocked(self, message: BrokerMessage, token: UUID) -> None:
        lock = self._sessions[_id(message)].lock
        if lock is not None:
            lock.held.pop(token, None)

    def discard(self) -> None:
        """Let everything go because the queue is gone."""
        for session in self._sessions.values():
            if session.lock is not None:
                self._runtime.timers.cancel(session.lock.timer)
        for pending in list(self._pending):
            self.cancel(pending)
        self._sessions.clear()

    # Inside

    def _session(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session(session_id)
        return session

    def _forget_if_over(self, session: Session) -> None:
        if not session.messages and session.state is None and session.lock is None:
            del self._sessions[session.id]

    def _lock(self, session: Session, now: int) -> SessionLock:
        until = now + self._queue.config.lock_duration
        lock = session.lock = SessionLock(session.id, until)
        lock.timer = self._runtime.timers.at(until, self._expired, lock)
        return lock

    def _unnamed(self) -> NotAllowed:
        return NotAllowed(
            f"'{self._queue.address}' requires sessions: accept one to receive from it."
        )

    def _lost(self, session_id: str) -> SessionLockLost:
        return SessionLockLost(
            f"The lock on the session '{session_id}' of '{self._queue.address}' is not valid: it "
            "has expired, or the session was never accepted. Accept the session again."
        )

    def _expired(self, lock: SessionLock, now: int) -> None:
        self._free(self._sessions[lock.session_id], lock, now, failed=True)
        if lock.lost is not None:
            lock.lost(self._lost(lock.session_id))

    def _free(self, session: Session, lock: SessionLock, now: int, *, failed: bool) -> None:
        session.lock = None
        for message in list(lock.held.values()):
            self._queue.lock_ended(message, now, failed=failed)
        self._offer(session)
        if session.id in self._sessions:
            self._forget_if_over(session)

    def _offer(self, session: Session) -> None:
        if self._offers.put(session) and self._pending:
            self._runtime.available(self)

    def _serve(self, now: int) -> None:
        while self._pending and (free := self._offers.first()) is not None:
            pending = next(iter(self._pending))
            self.cancel(pending)
            pending.answer(self._lock(free, now))

    def _timed_out(self, pending: PendingAccept, _now: int) -> None:
        del self._pending[pending]
        pending.answer(None)


def _id(message: BrokerMessage) -> str:
    return message.session_id or ""
