"""The order in which waiting messages are handed out."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from heapq import heapify, heappop, heappush

_FEWEST_WORTH_SWEEPING = 1024


class Waiting:
    """Sequence numbers, lowest first.

    New numbers only ever grow, so they queue in a deque; the few that come back (abandoned,
    released, expired locks) find their old place through a small heap. A number removed while it
    waits stays behind until it reaches the front or such leftovers are the majority; `present`
    says which numbers still count.
    """

    __slots__ = ("_leftovers", "_new", "_present", "_returned")

    def __init__(self, present: Container[int]) -> None:
        self._new: deque[int] = deque()
        self._returned: list[int] = []
        self._present = present
        self._leftovers = 0

    def __len__(self) -> int:
        return len(self._new) + len(self._returned) - self._leftovers

    def add(self, number: int) -> None:
        self._new.append(number)

    def put_back(self, number: int) -> None:
        heappush(self._returned, number)

    def take(self) -> int | None:
        """Return and remove the lowest number; None when none waits."""
        while self._new or self._returned:
            if not self._returned or (self._new and self._new[0] < self._returned[0]):
                number = self._new.popleft()
            else:
                number = heappop(self._returned)
            if number in self._present:
                return number
            self._leftovers -= 1
        return None

    def first(self) -> int | None:
        """Return the lowest number, which goes on waiting."""
        number = self.take()
        if number is not None:
            self.put_back(number)
        return number

    def removed(self) -> None:
        """Note that a waiting number has just left `present`."""
        self._leftovers += 1
        if self._leftovers > _FEWEST_WORTH_SWEEPING and self._leftovers > len(self):
            self._new = deque(number for number in self._new if number in self._present)
            self._returned = [number for number in self._returned if number in self._present]
            heapify(self._returned)
            self._leftovers = 0
