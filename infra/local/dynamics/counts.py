"""How often what was asked of the simulator, for inspection."""

from __future__ import annotations

from collections import Counter


class Counts:
    """Named counters; names are written where they are counted and shown as they are."""

    def __init__(self) -> None:
        self._counter: Counter[str] = Counter()

    def add(self, name: str, number: int = 1) -> None:
        self._counter[name] += number

    def listing(self) -> dict[str, int]:
        return dict(sorted(self._counter.items()))

    def clear(self) -> None:
        self._counter.clear()
