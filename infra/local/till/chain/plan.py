"""What a chain of stores does, planned from a seed: the same options give the same facts, to the
id. Pure: nothing is sent, and time is only written down."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from heapq import merge
from operator import attrgetter, itemgetter

from infra.local.till.chain.clocks import TillClock
from infra.local.till.chain.options import Options
from infra.local.till.chain.outages import outages
from infra.local.till.chain.sites import Site, chain_sites
from infra.local.till.chain.steps import Doing, Step
from infra.local.till.chain.trading import Appointment, Company, StoreDay

REMEMBERED = 500
"""Receipts a company's customers still have of earlier days."""
EVENING = timedelta(hours=2)
"""How long after the last close the last connection is back."""


class Plan(Iterable[Step]):
    """The steps of all tills in order of time; iterate as often as you like.

    Every till that goes off comes on again, and every connection comes back. A till that is off
    puts nothing; one that is cut off puts as always.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.sites = chain_sites(options.stores, options.tills, options.seed)
        self._days = [options.first_day + timedelta(days=each) for each in range(options.days)]
        midnight = datetime.combine(options.first_day, time(tzinfo=UTC))
        self.clocks: Mapping[str, TillClock] = {
            till: TillClock.drawn(
                midnight,
                options.troubles.clocks_off_by,
                random.Random(f"clock/{options.seed}/{till}"),
            )
            for site in self.sites
            for till in map(site.till, site.store.terminals)
        }

    @property
    def begins(self) -> datetime:
        """Return a moment before the first step."""
        return min(site.hours(self._days[0])[0] for site in self.sites) - timedelta(hours=1)

    @property
    def ends(self) -> datetime:
        """Return when the last connection is back at the latest."""
        return max(site.hours(self._days[-1])[1] for site in self.sites) + EVENING

    def __iter__(self) -> Iterator[Step]:
        return merge(self._trading(), self._connections(), key=attrgetter("at"))

    def _trading(self) -> Iterator[Step]:
        companies: dict[str, Company] = defaultdict(Company)
        agendas = [self._agenda(site, companies[site.store.company]) for site in self.sites]
        for at, act in merge(*agendas, key=itemgetter(0)):
            yield from act(at)

    def _agenda(self, site: Site, company: Company) -> Iterator[Appointment]:
        """Yield a store's appointments of all days; each day begins when the last is over."""
        used = self._going_on(site)
        for day in self._days:
            if site.is_open(day):
                company.memory.receipts = company.memory.receipts[-REMEMBERED:]
                today = StoreDay(site, day, self.options, company, self.clocks, used)
                yield from today.agenda()
                used = {terminal: today.used[terminal] for terminal in used}

    def _going_on(self, site: Site) -> dict[str, int]:
        """Return the last numbers of counters that go on from day to day; others begin with 1."""
        chance = random.Random(f"counters/{self.options.seed}/{site.name}")
        numbers = {each: chance.randrange(20_000, 90_000) for each in site.store.terminals}
        return {each: number for each, number in numbers.items() if chance.random() < 0.5}

    def _connections(self) -> Iterator[Step]:
        found = [
            Step(at, till, doing)
            for till, stretches in outages(self.sites, self.options, self.ends).items()
            for stretch in stretches
            for at, doing in zip(stretch, (Doing.CUT, Doing.BACK), strict=True)
        ]
        return iter(sorted(found, key=attrgetter("at")))
