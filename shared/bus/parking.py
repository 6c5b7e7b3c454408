"""Bring parked facts back: when they are released, when their deadline has passed, and as probes.

Nobody tells us of everything that comes to exist in Dynamics. So the fact that has waited longest
under a key is tried now and then; if it is booked, the others of its key follow
(`Verdict.release`), if it is parked again it goes on waiting as before. What is being tried stays
in the store until its end is known (`Verdict.forget`), so that a release meanwhile is not lost.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from shared.bus.collaborators import BusCollaborators
from shared.bus.copies import Unparked
from shared.bus.publisher import PublishFailed
from shared.store.errors import StoreUnavailable
from shared.store.parking import ParkedFact, ParkedKey
from shared.telemetry import WAITING

_log = logging.getLogger("tillbus.bus")

FIRST_PROBES = (
    # What it waits for may have come while it was handled and not parked yet, and released nothing:
    # one look afterwards finds it.
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
)
PROBE_INTERVAL = timedelta(hours=1)
"""After the first ones, counted from when the oldest fact of a key was parked."""

LOST_AFTER = timedelta(days=1)
"""Beyond the patience of retries: a copy of which nothing is known by then is sent once more."""

PAGE = 200
"""Facts read and published at once: some megabytes at most."""

PAGES_PER_RUN = 50


def probes_due(waited: timedelta) -> int:
    """Return how many probes are due by the time a fact has waited so long."""
    return sum(waited >= each for each in FIRST_PROBES) + waited // PROBE_INTERVAL


def to_probe(
    waiting: Iterable[ParkedKey], since: datetime | None, now: datetime
) -> list[ParkedKey]:
    """Return those with a probe due after `since` (None: ever) and not after `now`."""

    def due(key: ParkedKey) -> int:
        before = probes_due(max(since - key.oldest, timedelta(0))) if since else 0
        return probes_due(now - key.oldest) - before

    return [key for key in waiting if due(key) > 0]


class Returning:
    """Returns the parked facts of some subscriptions, run by run.

    Between runs it only remembers when the last was, so that losing it costs a probe more.
    """

    def __init__(self, subscriptions: Sequence[str]) -> None:
        self._subscriptions = tuple(subscriptions)
        self._last_run: datetime | None = None

    async def run(self, bus: BusCollaborators) -> int:
        """Return how many facts are on their way back.

        Where store or bus is unavailable, what is not on its way stays for the next run.
        """
        now = bus.clock()
        returned = 0
        try:
            returned += await self._return(bus, now, probed=frozenset())
            waiting = await bus.parking.waiting(self._subscriptions)
            for subscription in self._subscriptions:
                facts = sum(each.facts for each in waiting if each.subscription == subscription)
                WAITING.set(facts, {"subscription": subscription})
            probed = await self._probe(bus, waiting, now)
            if probed:
                returned += await self._return(bus, now, probed)
        except StoreUnavailable as error:
            _log.error("Parked facts stay where they are: %s", error)
        return returned

    async def _probe(
        self, bus: BusCollaborators, waiting: Sequence[ParkedKey], now: datetime
    ) -> frozenset[tuple[str, str]]:
        """Release the oldest fact of each key whose probe is due; return those keys."""
        keys = to_probe(waiting, self._last_run, now)
        self._last_run = now
        for subscription in {each.subscription for each in keys}:
            names = [each.key for each in keys if each.subscription == subscription]
            await bus.parking.release(names, now, most=1, subscriptions=[subscription])
        return frozenset((each.subscription, each.key) for each in keys)

    async def _return(
        self, bus: BusCollaborators, now: datetime, probed: frozenset[tuple[str, str]]
    ) -> int:
        returned = 0
        lost = now - bus.retry_policy.patience - LOST_AFTER
        for _ in range(PAGES_PER_RUN):
            facts = await bus.parking.due(now, PAGE, self._subscriptions, lost=lost)
            if not facts:
                break
            copies = [_copy(fact, now, probed) for fact in facts]
            unsent = await _unsent(bus, copies)
            sent = [copy for copy in copies if copy.message_id not in unsent]
            # The copy of an overdue fact is its last: it is not parked under this key again.
            await bus.parking.forget([each.fact.stay for each in sent if each.overdue])
            await bus.parking.sent([each.fact.stay for each in sent if not each.overdue], now)
            returned += len(sent)
            if unsent:
                break
        return returned


def _copy(fact: ParkedFact, now: datetime, probed: frozenset[tuple[str, str]]) -> Unparked:
    return Unparked(
        fact,
        overdue=fact.deadline <= now,
        probe=(fact.subscription, fact.key) in probed,
    )


async def _unsent(bus: BusCollaborators, copies: Sequence[Unparked]) -> frozenset[str]:
    """Publish them; return the message ids of those the bus has not confirmed."""
    try:
        await bus.publisher.unpark(copies)
    except PublishFailed as error:
        _log.error("Parked facts stay where they are: %s", error)
        return error.message_ids
    return frozenset()
