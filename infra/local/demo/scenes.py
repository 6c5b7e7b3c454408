"""The day scene by scene: what happens to the tills, the bus and Dynamics."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from infra.local.demo.corner_shops import NEW_ARTICLE, SHOPS, UNKNOWN_ARTICLE, YORK
from infra.local.demo.day import OFFLINE, DemoDay
from infra.local.demo.stage import Stage
from infra.local.till.stores import STORES
from shared.store import ParkedKey

OUTAGE_SECONDS = 3


async def _forms(stage: Stage) -> None:
    await stage.publish(*stage.day.forms)
    await stage.announced("customer", len(stage.day.forms))


async def _morning(stage: Stage) -> None:
    await stage.publish(*stage.day.morning)
    stage.tell("", "a nervous till publishes the whole morning a second time")
    await stage.publish(*stage.day.morning)


async def _throttled_noon(stage: Stage) -> None:
    await stage.disturb(kind="throttle", count=2, retry_after=1, path=r"\$batch")
    await stage.publish(*stage.day.noon)


async def _broken_afternoon(stage: Stage) -> None:
    await stage.disturb(kind="drop-after-commit", count=2, path=r"\$batch")
    await stage.disturb(kind="deadlock", count=3)
    half = len(stage.day.afternoon) // 2
    await stage.publish(*stage.day.afternoon[:half])
    await asyncio.sleep(1)
    await stage.disturb(kind="outage", count=None, retry_after=1, path="/data")
    await stage.publish(*stage.day.afternoon[half:])
    await asyncio.sleep(OUTAGE_SECONDS)
    await stage.calm()
    stage.tell("", f"Dynamics is back after {OUTAGE_SECONDS} s")


async def _poison(stage: Stage) -> None:
    await stage.send_poison()


async def _missing_article(stage: Stage) -> None:
    await stage.waits_for(UNKNOWN_ARTICLE)
    stage.tell("", f"parked by now: {_told(await stage.waiting())}")
    await stage.administrator.enter_article(YORK.legal_entity, NEW_ARTICLE)
    await stage.release(UNKNOWN_ARTICLE, stage.day.unknown)


async def _evening(stage: Stage) -> None:
    await stage.publish(*stage.day.evening)


async def _late_facts(stage: Stage) -> None:
    uploaded = await stage.keep_and_upload(stage.day.offline)
    stage.tell("", f"{uploaded.late} facts came in the lane of the late")
    await stage.publish(stage.day.overtaken)


async def _closing(stage: Stage) -> None:
    await stage.publish(*stage.day.closes)


@dataclass(frozen=True)
class Scene:
    """An hour of the day, what is told of it beforehand, line by line, and what happens."""

    hour: str
    text: str
    act: Callable[[Stage], Awaitable[None]]

    def tell(self, stage: Stage) -> None:
        """Tell of it."""
        for number, line in enumerate(self.text.format_map(_counts(stage.day)).splitlines()):
            stage.tell("" if number else self.hour, line)

    async def play(self, stage: Stage) -> None:
        """Tell of it and let it happen."""
        self.tell(stage)
        await self.act(stage)


SCENES: Sequence[Scene] = (
    Scene("06:30", "{forms} customers register for a loyalty card", _forms),
    Scene(
        "07:45",
        "{stores} stores open; the till {offline} has no connection\n"
        "{morning} facts: sales, exchanges, voids, training, gift cards, web orders\n"
        "one of them sells an article that Dynamics does not know",
        _morning,
    ),
    Scene(
        "11:00",
        "{noon} more, while Dynamics throttles: 429, Retry-After 1 s\n"
        "one of them counts the stock of BERLIN, which goes on selling",
        _throttled_noon,
    ),
    Scene(
        "14:00",
        "{afternoon} more; connections break after Dynamics has booked,\n"
        "rows deadlock, then Dynamics is down",
        _broken_afternoon,
    ),
    Scene(
        "17:00",
        "a faulty till sends a wrong sum, a card number, broken JSON and\n"
        "the sale of a company that nobody knows",
        _poison,
    ),
    Scene(
        "17:30",
        "a clerk sees what is parked, and enters the article that is missing",
        _missing_article,
    ),
    Scene("18:00", "{evening} more, the wrong sale corrected among them", _evening),
    Scene(
        "19:00",
        "{offline} is online again, and a sale comes of which\ngoods have been returned already",
        _late_facts,
    ),
    Scene("20:20", "{closes} stores close their day", _closing),
)


def _counts(day: DemoDay) -> dict[str, object]:
    scenes = ("forms", "morning", "noon", "afternoon", "evening", "closes")
    return {
        **{scene: len(getattr(day, scene)) for scene in scenes},
        "stores": len(STORES) + len(SHOPS),
        "offline": " ".join(OFFLINE),
    }


_WHAT = {"item": "an article", "order": "an order", "sale": "their sale", "card": "a card"}


def _told(waiting: Iterable[ParkedKey]) -> str:
    """Return how many facts wait, by what they wait for."""
    facts: Counter[str] = Counter()
    for each in waiting:
        facts[each.key.partition("/")[0]] += each.facts
    return ", ".join(
        f"{count} for {_WHAT.get(kind, kind)}" for kind, count in sorted(facts.items())
    )
