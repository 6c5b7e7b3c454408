"""The stores of a made-up chain: where they stand, when they are open, and when people come."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from types import MappingProxyType
from zoneinfo import ZoneInfo

from infra.local.till.stores import TICK, Store

Week = tuple[float, float, float, float, float, float, float]
"""How busy Monday to Sunday are, an average day being 1; closed on a day of 0."""

WESTERN: Week = (0.8, 0.85, 0.9, 0.95, 1.15, 1.6, 0.75)
CLOSED_ON_SUNDAYS: Week = (0.9, 0.9, 0.95, 1.0, 1.2, 1.7, 0.0)
GULF: Week = (0.85, 0.85, 0.85, 1.0, 1.4, 1.3, 0.75)

RUSH: Mapping[int, int] = MappingProxyType(
    {8: 4, 9: 6, 10: 7, 11: 9, 12: 14, 13: 12, 14: 7, 15: 6, 16: 9, 17: 15, 18: 13, 19: 7, 20: 4}
)
"""How many come in each hour of the clock, in shares: at lunch and after work most."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Country:
    """Where the stores of one company are."""

    company: str
    zone: str
    """IANA name of its time zone."""
    week: Week
    cities: tuple[str, ...]


COUNTRIES: tuple[Country, ...] = (
    Country("gbrt", "Europe/London", WESTERN, ("LONDON", "LEEDS", "BRISTOL", "GLASGOW")),
    Country("dert", "Europe/Berlin", CLOSED_ON_SUNDAYS, ("BERLIN", "HAMBURG", "LEIPZIG", "ULM")),
    Country("usrt", "America/Chicago", WESTERN, ("AUSTIN", "DALLAS", "HOUSTON", "WACO")),
    Country("aert", "Asia/Dubai", GULF, ("DUBAI", "SHARJAH", "ABU-DHABI", "AJMAN")),
    Country("kwrt", "Asia/Kuwait", GULF, ("KUWAIT-CITY", "HAWALLI", "SALMIYA", "JAHRA")),
    Country("jprt", "Asia/Tokyo", WESTERN, ("OSAKA", "KYOTO", "TOKYO", "NARA")),
)
"""The companies the Dynamics simulator knows; a chain opens its stores in turn."""


@dataclass(frozen=True, slots=True)
class Site:
    """One store and its hours; its size is how many customers it has, an average store being 1."""

    store: Store
    country: Country
    opens: int
    closes: int
    """Full hours of the store's clock."""
    size: float

    @property
    def name(self) -> str:
        """Return company and store, as `gbrt/LONDON`."""
        return f"{self.store.company}/{self.store.number}"

    def till(self, terminal: str) -> str:
        """Return what a till is called in a plan."""
        return f"{self.name}/{terminal}"

    def is_open(self, day: date) -> bool:
        """Return whether it trades on a day at all."""
        return self.country.week[day.weekday()] > 0

    def hours(self, day: date) -> tuple[datetime, datetime]:
        """Return when it opens and closes on a day."""
        zone = ZoneInfo(self.country.zone)
        opens, closes = (
            datetime.combine(day, time(hour), zone).astimezone(ZoneInfo("UTC"))
            for hour in (self.opens, self.closes)
        )
        return opens, closes

    def customers(self, day: date, of_a_till: int) -> int:
        """Return how many come on a day, where `of_a_till` come to a till on an average one."""
        busy = self.country.week[day.weekday()]
        return round(of_a_till * len(self.store.terminals) * busy * self.size)

    def moments(self, day: date, count: int, chance: random.Random) -> Sequence[datetime]:
        """Return when so many come, in order, no two within a tick; most in the rush hours."""
        opens, _ = self.hours(day)
        shares = list(accumulate(RUSH.get(hour, 1) for hour in range(self.opens, self.closes)))
        found: set[datetime] = set()
        while len(found) < count:
            hour = bisect(shares, chance.randrange(shares[-1]))
            found.add(opens + hour * HOUR + chance.randrange(HOUR // TICK) * TICK)
        return sorted(found)


def chain_sites(stores: int, tills: int, seed: int) -> tuple[Site, ...]:
    """Return the stores of a chain; a smaller chain has the first stores of a larger one."""
    terminals = tuple(f"T{number}" for number in range(1, tills + 1))
    sites = []
    for number in range(stores):
        country = COUNTRIES[number % len(COUNTRIES)]
        which, round_ = number // len(COUNTRIES) % len(country.cities), 1
        round_ += number // (len(COUNTRIES) * len(country.cities))
        city = country.cities[which] + (f"-{round_}" if round_ > 1 else "")
        chance = random.Random(f"site/{seed}/{country.company}/{city}")
        site = Site(
            Store(country.company, city, terminals),
            country,
            opens=chance.choice((8, 9, 10)),
            closes=chance.choice((18, 19, 20, 21)),
            size=chance.uniform(0.7, 1.3),
        )
        sites.append(site)
    return tuple(sites)
