"""The shortest list of strikes that still makes a run fail (delta debugging, Zeller 2002)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shortest(items: Sequence[T], fails: Callable[[Sequence[T]], bool], most_runs: int) -> list[T]:
    """Return a part of `items`, in order, that fails and of which no single item can be left out,
    or the shortest found within `most_runs` runs. `items` themselves are known to fail."""
    left = list(items)
    runs, pieces = 0, 2
    while left and runs < most_runs:
        size = -(-len(left) // pieces)
        for start in range(0, len(left), size):
            candidate = left[:start] + left[start + size :]
            runs += 1
            if fails(candidate):
                left, pieces = candidate, max(pieces - 1, 2)
                break
            if runs >= most_runs:
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(left))
    return left
