"""Which session is the next available one."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.local.servicebus.broker.session import Session

_FEWEST_WORTH_SWEEPING = 1024


class Offers:
    """The free sessions with waiting messages, that with the lowest number first.

    A heap of (number, session id). Each such session has an entry that is not above its first
    waiting number, named by `session.offered`; it is looked at again when it comes to the top. So
    nothing needs doing when a session is locked or over or its first message leaves, and finding
    the next costs O(log n)."""

    def __init__(self, sessions: Mapping[str, Session]) -> None:
        self._sessions = sessions
        self._heap: list[tuple[int, str]] = []

    def put(self, session: Session) -> bool:
        """Enter the session if it is free and something waits in it; answer whether so."""
        first = session.waiting.first()
        if first is None or session.lock is not None:
            return False
        if session.offered is None or first < session.offered:
            session.offered = first
            heappush(self._heap, (first, session.id))
            if len(self._heap) > _FEWEST_WORTH_SWEEPING + 2 * len(self._sessions):
                self._sweep()
        return True

    def first(self) -> Session | None:
        """Return the next available session, which stays available until it is locked."""
        while self._heap:
            number, session_id = self._heap[0]
            session = self._sessions.get(session_id)
            if session is None or session.offered != number:
                heappop(self._heap)  # the session is over, or was entered lower since
            elif session.lock is None and session.waiting.first() == number:
                return session
            else:
                heappop(self._heap)
                session.offered = None
                self.put(session)
        return None

    def _sweep(self) -> None:
        """Drop entries of sessions that are over."""
        self._heap.clear()
        for session in self._sessions.values():
            session.offered = None
            self.put(session)
