"""One batch on its way through the consumer, with everything around it in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from shared.bus import Delivery, Done, Outcome
from shared.bus.consumer import consume
from shared.bus.delivery import Handler, InvalidNote
from shared.bus.message import Received
from shared.bus.settlement import Rejection, Unsettled
from shared.bus.verdicts import Subscription
from shared.store.archive import ArchivedFact, MemoryArchive
from shared.store.errors import StoreUnavailable
from shared.store.parking import MemoryParking, ParkedFact, ParkedStay
from tests.unit.bus.samples import MemoryBus


class MemorySettlement:
    """Remembers what was done with each message; `lost` are those whose lock has gone."""

    def __init__(self, bus: MemoryBus, parking: MemoryParking) -> None:
        self._bus = bus
        self._parking = parking
        self.completed: list[Received] = []
        self.abandoned: list[Received] = []
        self.dead: list[Rejection] = []
        self.sent_before = 0
        self.parked_before = 0
        self.lost: set[str] = set()

    async def complete_many(self, messages: Sequence[Received]) -> list[Unsettled]:
        self.sent_before = sum(len(batch) for _, batch in self._bus.batches)
        self.parked_before = len(await self._parking.facts())
        self.completed += messages
        return self._unsettled(messages)

    async def abandon_many(self, messages: Sequence[Received]) -> list[Unsettled]:
        self.abandoned += messages
        return self._unsettled(messages)

    async def dead_letter_many(self, rejections: Sequence[Rejection]) -> list[Unsettled]:
        self.dead += rejections
        return self._unsettled([each.message for each in rejections])

    def _unsettled(self, messages: Sequence[Received]) -> list[Unsettled]:
        return [
            Unsettled(each, RuntimeError("lock lost"))
            for each in messages
            if each.lock_token in self.lost
        ]


class UnavailableParking(MemoryParking):
    async def park(self, facts: Sequence[ParkedFact]) -> None:
        raise StoreUnavailable("the database restarts")

    async def forget(self, stays: Iterable[ParkedStay]) -> None:
        raise StoreUnavailable("the database restarts")

    async def release(self, *_: Any, **__: Any) -> int:
        raise StoreUnavailable("the database restarts")


class UnavailableArchive(MemoryArchive):
    async def keep(self, facts: Sequence[ArchivedFact]) -> None:
        raise StoreUnavailable("the database restarts")


class World:
    def __init__(
        self, parking: MemoryParking | None = None, archive: MemoryArchive | None = None
    ) -> None:
        self.bus = MemoryBus()
        self.parking = parking or MemoryParking()
        self.archive = archive or MemoryArchive()
        self.settlement = MemorySettlement(self.bus, self.parking)
        self.calls: list[list[Delivery]] = []

    async def consume(
        self,
        messages: Sequence[Received],
        handler: Handler,
        *,
        announce: bool = True,
        note_invalid: InvalidNote | None = None,
        archive: bool = False,
    ) -> None:
        async def watched(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
            self.calls.append(list(deliveries))
            return await handler(deliveries)

        await consume(
            messages,
            self.settlement,
            watched,
            source=Subscription("sale-completed", "sales", announce),
            bus=self.bus.collaborators(parking=self.parking, archive=self.archive),
            note_invalid=note_invalid,
            archive=archive,
        )


def always(outcome: Outcome | Callable[[Delivery], Outcome]) -> Handler:
    async def handler(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        return [outcome(each) if callable(outcome) else outcome for each in deliveries]

    return handler


def failing_on(*sequences: int) -> Handler:
    async def handler(deliveries: Sequence[Delivery]) -> Sequence[Outcome]:
        for delivery in deliveries:
            if delivery.event.data.key.sequence in sequences:
                raise LookupError("our bug")
        return [Done() for _ in deliveries]

    return handler
