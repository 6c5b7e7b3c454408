"""Duplicate detection by message id."""

from __future__ import annotations

from itertools import takewhile

from infra.local.servicebus.broker.changes import DuplicateNoted, DuplicatesForgotten
from infra.local.servicebus.broker.runtime import Runtime

# Forgetting goes in strides of this share of the window: one journal row per stride instead of one
# per message. Ids past the window never refuse anything, forgotten or not.
_STRIDES_PER_WINDOW = 16


class DuplicateHistory:
    """The message ids an entity saw within its window (ms)."""

    def __init__(self, address: str, window: int, runtime: Runtime) -> None:
        self._address = address
        self.window = window
        self._runtime = runtime
        self._seen: dict[str, int] = {}
        self._waiting = False

    def __len__(self) -> int:
        return len(self._seen)

    def is_duplicate(self, message_id: str, now: int) -> bool:
        """Answer whether the id was seen within the window; remember it from now on if not."""
        seen = self._seen.get(message_id)
        if seen is not None:
            if now - seen < self.window:
                return True
            # Keep the dict in order of time, which is what forgetting relies on.
            del self._seen[message_id]
        self.restore(message_id, now)
        self._runtime.changes.append(DuplicateNoted(self._address, message_id, now))
        return False

    def restore(self, message_id: str, at: int) -> None:
        self._seen[message_id] = at
        if not self._waiting:
            self._wait(at)

    def forget_all(self) -> None:
        self._seen.clear()

    def _wait(self, oldest: int) -> None:
        stride = max(self.window // _STRIDES_PER_WINDOW, 1)
        self._runtime.timers.at(oldest + self.window + stride, self._forget, None)
        self._waiting = True

    def _forget(self, _: object, now: int) -> None:
        until = now - self.window
        past = list(takewhile(lambda seen: self._seen[seen] <= until, self._seen))
        for message_id in past:
            del self._seen[message_id]
        if past:
            self._runtime.changes.append(DuplicatesForgotten(self._address, until))
        self._waiting = False
        for at in self._seen.values():
            self._wait(at)
            break
