"""Group commit: nothing is acknowledged before it is durable, and many share one commit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import perf_counter

from infra.local.servicebus.broker import Change
from infra.local.servicebus.storage import Storage, StorageError

log = logging.getLogger(__name__)

Done = Callable[[StorageError | None], None]
"""Called once the changes made before are durable, with the error when they could not be."""


Observer = Callable[[float, int], None]
"""Told of each commit: seconds it took, requests that shared it."""


_RETRY_SECONDS = 1.0


class Committer:
    """One commit at a time; whatever asks meanwhile shares the next one.

    After a failed commit it tries again by itself until one succeeds, so that a disk that has room
    again is noticed though nobody asks."""

    def __init__(self, take_changes: Callable[[], list[Change]], storage: Storage) -> None:
        self._take_changes = take_changes
        self._storage = storage
        self.failure: StorageError | None = None  # of the latest commit
        self.observers: list[Observer] = []
        self._waiting: list[Done] = []
        self._task: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._stopped = False

    def after(self, done: Done) -> None:
        """Call `done` when everything the broker has changed so far is durable."""
        self._waiting.append(done)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def soon(self) -> None:
        """Make what has changed durable, though nobody waits for it."""
        self.after(_nobody)

    async def durable(self) -> None:
        """Wait until everything the broker has changed so far is durable. Raises StorageError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.after(lambda failure: _tell(done, failure))
        await done

    def stop(self) -> None:
        """Do not try again by itself any more."""
        self._stopped = True
        if self._retry is not None:
            self._retry.cancel()

    async def settled(self) -> None:
        """Wait until nothing is left to commit."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                started = perf_counter()
                self.failure = failure = await self._commit(self._take_changes())
                for observe in self.observers:
                    observe(perf_counter() - started, len(waiting))
                for done in waiting:
                    try:
                        done(failure)
                    except Exception:  # one peer's broken answer must not cost the others theirs
                        log.exception("an acknowledgement failed")
        finally:
            self._task = None
        if self.failure is not None and not self._stopped:
            if self._retry is not None:
                self._retry.cancel()
            self._retry = asyncio.get_running_loop().call_later(_RETRY_SECONDS, self.soon)

    async def _commit(self, changes: Sequence[Change]) -> StorageError | None:
        try:
            await self._storage.commit(changes)
        except StorageError as failure:
            log.error("nothing is acknowledged: %s", failure)  # noqa: TRY400 - it says it all
            return failure
        return None


def _nobody(_failure: StorageError | None) -> None:
    return None


def _tell(done: asyncio.Future[None], failure: StorageError | None) -> None:
    if done.done():  # who waited was cancelled
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
