"""Forget what the settings say is over: personal data is kept no longer than configured."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol

from shared.clock import Clock
from shared.store.errors import StoreUnavailable
from shared.store.retention import Forgotten, RetentionSettings

_log = logging.getLogger("tillbus.completeness")


class ForgetBefore(Protocol):
    """`shared.store.Store.forget_before`."""

    async def __call__(self, *, archived: datetime, recorded: datetime) -> Forgotten: ...


class Collaborators(Protocol):
    """What forgetting needs."""

    @property
    def clock(self) -> Clock: ...
    @property
    def forget_before(self) -> ForgetBefore: ...
    @property
    def retention(self) -> RetentionSettings: ...


async def forget(collaborators: Collaborators) -> Forgotten | None:
    """Return how much was forgotten, None where the store could not be reached: tomorrow, then."""
    now, retention = collaborators.clock(), collaborators.retention
    try:
        forgotten = await collaborators.forget_before(
            archived=retention.archived_before(now), recorded=retention.recorded_before(now)
        )
    except StoreUnavailable as error:
        _log.error("Nothing is forgotten, the store is unavailable: %s", error)
        return None
    _log.info("Forgot %d archived facts and %d results", forgotten.archived, forgotten.results)
    return forgotten
