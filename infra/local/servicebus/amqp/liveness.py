"""How long a connection may be silent, and how long it may take to open (AMQP 1.0, 2.4.5).

Times are float seconds of any monotonic clock; None means no limit.
"""

from __future__ import annotations

SHORTEST_HEARTBEAT = 0.05
"""Seconds; a peer that wants to hear from us more often does not."""


class Liveness:
    """`idle_time_out` is what we ask of the peer; twice as long is too long."""

    def __init__(
        self, now: float, *, idle_time_out: float | None, open_within: float | None
    ) -> None:
        self.idle_time_out = idle_time_out
        self.peer_idle_time_out: float | None = None
        self._open_by = None if open_within is None else now + open_within
        self._last_heard = self._last_written = now

    def heard(self, now: float) -> None:
        self._last_heard = now

    def written(self, now: float) -> None:
        """Note that output went out, which is as good as an empty frame."""
        self._last_written = now

    def opened(self) -> None:
        self._open_by = None

    def overdue(self, now: float) -> str | None:
        """Return what the peer has not done in time."""
        if self._open_by is not None and now >= self._open_by:
            return "The peer did not open the connection in time."
        limit = self.idle_time_out
        if limit is not None and now >= self._last_heard + 2 * limit:
            return "The peer was silent for too long."
        return None

    def heartbeat_due(self, now: float) -> bool:
        half = self._half()
        return half is not None and now - self._last_written >= half

    def next_look(self) -> float | None:
        """Return when to ask again; None when there is nothing to wait for."""
        half, limit = self._half(), self.idle_time_out
        deadlines = [
            self._open_by,
            None if half is None else self._last_written + half,
            None if limit is None else self._last_heard + 2 * limit,
        ]
        return min((due for due in deadlines if due is not None), default=None)

    def _half(self) -> float | None:
        if self.peer_idle_time_out is None:
            return None
        return max(self.peer_idle_time_out / 2, SHORTEST_HEARTBEAT)
