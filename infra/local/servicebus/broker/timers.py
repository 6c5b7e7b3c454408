"""Everything in the broker that happens at a time, in one heap."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

Timer = list[Any]
"""[due ms, tie-break, action(subject, now) or None when cancelled, subject]"""

_ACTION = 2
_FEWEST_WORTH_SWEEPING = 1024


class Timers:
    """Calls due in order of time, then of setting. Cancelling is O(1): the entry stays in the heap
    until its time comes or until cancelled entries are the majority, so memory follows what is
    really pending."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._set = 0
        self._cancelled = 0

    def at(self, due: int, action: Callable[[Any, int], None], subject: Any) -> Timer:
        self._set += 1
        timer = [due, self._set, action, subject]
        heappush(self._heap, timer)
        return timer

    def cancel(self, timer: Timer) -> None:
        """Nothing happens when the timer has already run."""
        if timer[_ACTION] is None:
            return
        timer[_ACTION] = timer[3] = None
        self._cancelled += 1
        if self._cancelled > _FEWEST_WORTH_SWEEPING and self._cancelled * 2 > len(self._heap):
            self._heap = [kept for kept in self._heap if kept[_ACTION] is not None]
            heapify(self._heap)
            self._cancelled = 0

    def run(self, now: int) -> None:
        """Make every call due at or before `now`, also those set meanwhile."""
        while self._heap and self._heap[0][0] <= now:
            timer = heappop(self._heap)
            action, subject = timer[_ACTION], timer[3]
            if action is None:
                self._cancelled -= 1
                continue
            timer[_ACTION] = timer[3] = None
            action(subject, now)

    def next_due(self) -> int | None:
        while self._heap and self._heap[0][_ACTION] is None:
            heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None
