"""The whole day: its scenes, the wait until all of it is booked, and what it came to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from infra.local.demo.back_office import wrong_answers
from infra.local.demo.books import Aspect, Books, Kept, aspects, compare
from infra.local.demo.held import held_books, held_rows
from infra.local.demo.scenes import SCENES
from infra.local.demo.settling import Certificates, Progress, settled
from infra.local.demo.stage import Stage
from infra.local.demo.told import Companies, told_books
from shared.events import OrderStatusChanged
from shared.store import ParkedKey

Ask = Callable[[], Awaitable[Certificates]]


@dataclass(frozen=True)
class Ending:
    """What the day came to; `differences` is empty when all of it agrees."""

    certificates: Certificates
    told: Books
    held: Books
    announced: Mapping[Kept, int]
    answers: Mapping[str, OrderStatusChanged]
    parked: Sequence[ParkedKey]
    requests: Mapping[str, int]

    @property
    def aspects(self) -> list[Aspect]:
        """Return what was counted on both sides."""
        return aspects(self.told, self.held)

    @property
    def differences(self) -> list[str]:
        """Return everything that does not agree, one sentence each."""
        return [
            *compare(self.told, self.held, self.announced),
            *wrong_answers(self.answers),
            *(f"{each.facts} facts still wait for {each.key}" for each in self.parked),
        ]


async def play(stage: Stage, companies: Companies, certificates: Ask) -> Ending:
    """Play every scene, then wait until everything is booked or patience ends."""
    told = told_books(stage.day.facts, companies)
    before = await held_rows(stage.dynamics)
    for scene in SCENES:
        await scene.play(stage)
    ours = {close.company for close in stage.day.closes}

    async def asked() -> Certificates:
        """Leave out the store-day of the company nobody knows: no store of ours closes it."""
        return [each for each in await certificates() if each["company"] in ours]

    awaited = sum(told.documents.values())

    async def look() -> Progress:
        unannounced = awaited - len(stage.heard.documents)
        parked = sum(each.facts for each in await stage.waiting())
        last = await asked() if unannounced <= 0 and not parked else ()
        return Progress(unannounced, parked, last)

    end = await settled(look, len(stage.day.closes), lambda what: stage.tell("", what))
    requests = (await stage.dynamics.get("/_simulator/requests")).raise_for_status().json()
    return Ending(
        certificates=end.certificates or await asked(),
        told=told,
        held=held_books(await held_rows(stage.dynamics), before),
        announced=stage.heard.announced(),
        answers=dict(stage.heard.answers),
        parked=await stage.waiting(),
        requests=requests,
    )
