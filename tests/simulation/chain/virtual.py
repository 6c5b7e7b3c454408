"""An event loop whose time jumps to the next timer; threads run at once, in place.

The packages made for it do not fit: one is under a licence that this project is not, the other
patches the loops of every test in the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""Where virtual time begins."""


class NothingLeft(Exception):
    """Everybody waits for somebody else."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Deterministic: there is no input or output to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = 0.0
        # What the loop waits with between two rounds (asyncio.base_events: _run_once).
        self._selector: Any
        self._selector.select = self._jump

    def time(self) -> float:
        return self._virtual

    def _jump(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise NothingLeft
        self._virtual += max(timeout, 0.0)
        return []

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end in virtual time; raises NothingLeft where it would wait for ever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work())


def now() -> datetime:
    """The virtual wall clock."""
    return BEGIN + timedelta(seconds=asyncio.get_running_loop().time())
