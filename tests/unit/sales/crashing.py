"""Collaborators whose side effects may die before or after they are done, by a drawn schedule."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any


class Crash(BaseException):
    """The process died here."""


class Fate:
    """Says of each side effect in turn whether the process dies: "before", "after" or not ("")."""

    def __init__(self, schedule: Iterable[str]) -> None:
        self._schedule: Iterator[str] = iter(schedule)
        self.crashes = 0

    def next(self) -> str:
        return next(self._schedule, "")


class Mortal:
    """Passes everything on to `target`; the methods named may kill."""

    def __init__(self, target: Any, fate: Fate, *methods: str) -> None:
        self._target = target
        self._fate = fate
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._mortal(found) if name in self._methods else found

    def _mortal(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **named: Any) -> Any:
            moment = self._fate.next()
            if moment == "before":
                self._fate.crashes += 1
                raise Crash
            result = await method(*arguments, **named)
            if moment == "after":
                self._fate.crashes += 1
                raise Crash
            return result

        return call
