"""Collaborators whose side effects may die before or after they are done, by a drawn schedule."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any


class Crash(BaseException):
    """The process died here."""


class Fate:
    """Says of each call of each method in turn whether the process dies: "before", "after", ""."""

    def __init__(self, schedule: Mapping[str, Iterable[str]]) -> None:
        self._schedule = {method: iter(moments) for method, moments in schedule.items()}

    def next(self, method: str) -> str:
        return next(self._schedule.get(method, iter(())), "")


class Mortal:
    """Passes everything on to `target`; the methods named may kill."""

    def __init__(self, target: Any, fate: Fate, *methods: str) -> None:
        self._target = target
        self._fate = fate
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._mortal(name, found) if name in self._methods else found

    def _mortal(
        self, name: str, method: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **named: Any) -> Any:
            moment = self._fate.next(name)
            if moment == "before":
                raise Crash
            result = await method(*arguments, **named)
            if moment == "after":
                raise Crash
            return result

        return call
