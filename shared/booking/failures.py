"""What an error of Dynamics means for the fact that was to be booked. Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from shared.bus import Later, Outcome, Parked, Rejected, nameless
from shared.dynamics import (
    Conflict,
    DynamicsError,
    MissingParent,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.events import Reason

_log = logging.getLogger("tillbus.booking")


def failure(error: DynamicsError, now: datetime, waits_for: str) -> Outcome:
    """Return the outcome of a fact that is not booked, by what can help it.

    `waits_for` is the key it is parked under if a record is missing.
    """
    return _FAILURES[type(error)](error, now, waits_for)


def _try_later(error: DynamicsError, now: datetime, _: str) -> Outcome:
    wait = error.retry_after if isinstance(error, TryLater) else None
    return Later(error.describe(), now + wait if wait else None)


def _set_up_wrong(error: DynamicsError, _now: datetime, waits_for: str) -> Outcome:
    # The fact is right and an administrator can make it succeed: it must not become a dead letter
    # before they had the time the retry policy gives them.
    _log.error("Dynamics is set up wrongly for %s: %s", nameless(waits_for), error.describe())
    return Later(error.describe())


def _parked(error: DynamicsError, _now: datetime, waits_for: str) -> Outcome:
    return Parked(waits_for, error.describe())


def _rejected(reason: Reason) -> Callable[[DynamicsError, datetime, str], Outcome]:
    return lambda error, _now, _waits_for: Rejected(reason, error.describe())


_FAILURES: Mapping[type[DynamicsError], Callable[[DynamicsError, datetime, str], Outcome]] = {
    TryLater: _try_later,
    SetUpWrong: _set_up_wrong,
    MissingParent: _parked,
    Refused: _rejected(Reason.REFUSED_BY_DYNAMICS),
    Conflict: _rejected(Reason.DOCUMENT_DIFFERS),
}
