"""One outcome for every delivery: of a fact that came twice, and while the store is away."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from shared.bus.delivery import Delivery
from shared.bus.outcomes import Later, Outcome, without_store
from shared.store.errors import StoreUnavailable

_log = logging.getLogger("tillbus.bus")

OTHER_CONTENT = Later("another content under this id was tried at the same time")
"""It comes again, and is then compared with what is booked."""


async def or_later(outcomes: Awaitable[Sequence[Outcome]], count: int) -> list[Outcome]:
    """Return the outcomes, or that all of the `count` deliveries wait for the store."""
    try:
        return list(await outcomes)
    except StoreUnavailable as error:
        _log.error("The store is unavailable, %d facts wait: %s", count, error)
        return [without_store(error)] * count


async def each_once(
    deliveries: Sequence[Delivery],
    handle: Callable[[Sequence[Delivery]], Awaitable[Mapping[UUID, Outcome]]],
) -> list[Outcome]:
    """Let every fact be handled once and answer all its deliveries; without the store all wait.

    `handle` returns outcomes by fact id. Of two contents under one id it sees the first.
    """

    async def answers() -> list[Outcome]:
        first = first_of_each(deliveries)
        outcomes = await handle(list(first.values()))
        return [
            outcomes[each.event.id]
            if each.event.data == first[each.event.id].event.data
            else OTHER_CONTENT
            for each in deliveries
        ]

    return await or_later(answers(), len(deliveries))


def first_of_each(deliveries: Sequence[Delivery]) -> dict[UUID, Delivery]:
    """Return the first delivery of every fact, by its id."""
    first: dict[UUID, Delivery] = {}
    for delivery in deliveries:
        first.setdefault(delivery.event.id, delivery)
    return first
