"""One store of a chain on one day: customers, tills that go off, the drawers, the close."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from operator import itemgetter

from infra.local.till.chain.clocks import TillClock
from infra.local.till.chain.members import Members
from infra.local.till.chain.options import Options
from infra.local.till.chain.sites import Site
from infra.local.till.chain.steps import Doing, Step
from infra.local.till.closing import DayTotals
from infra.local.till.memory import Memory
from infra.local.till.mix import AFTER, BEFORE
from infra.local.till.mixed_till import MixedTill
from infra.local.till.regimes import REGIMES
from shared.events import Fact, StoreDayOpened

Act = Callable[[datetime], Iterable[Step]]
Appointment = tuple[datetime, Act]
"""What a store does and when; carried out in the order of time over all stores, because what one
has sold may come back to another."""

BLOCK = 10_000
"""A counter that begins again does so in a block of numbers untouched that day: two transactions
with one key would be one fact."""
SLOTS = 3
"""Parts of a day; in each of them a till goes off once at most."""
LONGEST_OFF = timedelta(minutes=30)
MID_SALE_PERCENT = 70
"""Of a hundred power cuts, those that come while a basket is open."""


@dataclass(frozen=True, slots=True)
class Company:
    """What all stores of a company know."""

    memory: Memory = field(default_factory=Memory)
    members: Members = field(default_factory=Members)


class ChainTill:
    """A till of the chain on one day."""

    def __init__(self, name: str, till: MixedTill, clock: TillClock) -> None:
        self.name = name
        self.till = till
        self.clock = clock
        self.is_off = False
        self._first = till.terminal.used + 1
        self._touched: set[int] = set()
        self._last: tuple[Fact, ...] = ()

    def step(self, at: datetime, facts: Iterable[Fact], doing: Doing = Doing.PUT) -> Step:
        """Return the step that puts facts, which are remembered as the last ones put."""
        self._last = tuple(facts)
        return Step(at, self.name, doing, self._last)

    def go_off(self, at: datetime) -> Step:
        """The power goes."""
        self.is_off = True
        return Step(at, self.name, Doing.OFF)

    def after_power_cut(self, at: datetime, *, mid_sale: bool) -> list[Fact]:
        """Put again what was put last, in case it was not; give up a basket that was open."""
        again = list(self._last)
        return again + (self.till.give_up(self.clock.read(at), "power-cut") if mid_sale else [])

    def after_installation(self, at: datetime) -> list[Fact]:
        """Begin to count again, at the first number whose block is untouched today."""
        self._touched |= set(range(_block(self._first), _block(self.till.terminal.used) + 1))
        free = next(block for block in range(len(self._touched) + 1) if block not in self._touched)
        self._first = free * BLOCK + 1
        return [self.till.terminal.begin_again(self.clock.read(at), self._first)]


class StoreDay:
    """One store on one day; `used` are the last numbers of counters that go on from yesterday."""

    def __init__(
        self,
        site: Site,
        day: date,
        options: Options,
        company: Company,
        clocks: Mapping[str, TillClock],
        used: Mapping[str, int],
    ) -> None:
        self._site, self._day, self._options = site, day, options
        self._members = company.members
        self._chance = random.Random(f"chain/{options.seed}/{site.name}/{day}")
        store = site.store
        self._totals = DayTotals(
            store.company, store.number, day, REGIMES[store.company].terms.currency
        )
        self._tills = [
            ChainTill(
                site.till(terminal),
                MixedTill(
                    store, terminal, day, self._chance, company.memory, used=used.get(terminal, 0)
                ),
                clocks[site.till(terminal)],
            )
            for terminal in store.terminals
        ]

    @property
    def used(self) -> Mapping[str, int]:
        """Return the last number of each terminal's counter."""
        return {each.till.terminal.number: each.till.terminal.used for each in self._tills}

    def agenda(self) -> list[Appointment]:
        """Return the day's appointments in order."""
        opens, closes = self._site.hours(self._day)
        count = self._site.customers(self._day, self._options.customers)
        moments = self._site.moments(self._day, count, self._chance)
        found: list[Appointment] = [
            (opens - BEFORE, self._open),
            *((moment, self._serve) for moment in moments),
            *(each for till in self._tills for each in self._goes_off(till, opens, closes)),
            (closes + AFTER, self._count),
            (closes + 2 * AFTER, self._close),
        ]
        return sorted(found, key=itemgetter(0))

    def _open(self, at: datetime) -> Iterator[Step]:
        """Open the store's day; its first till tells it."""
        for number, each in enumerate(self._tills):
            moment = each.clock.read(at)
            opened = StoreDayOpened(
                company=self._site.store.company,
                store=self._site.store.number,
                business_day=self._day,
                opened_at=moment,
                terminals=self._site.store.terminals,
            )
            facts = each.till.terminal.open(moment)
            yield self._noted(each.step(at, facts if number else [opened, *facts]))

    def _serve(self, at: datetime) -> Iterator[Step]:
        """Serve a customer at a till that is on; where none is, the customer goes away."""
        on = [each for each in self._tills if not each.is_off]
        kind = self._options.mix.draw(self._chance)
        if on:
            till = self._chance.choice(on)
            facts = till.till.act(
                kind,
                till.clock.read(at),
                elsewhere=self._options.mix.elsewhere_percent,
                without_receipt=self._options.mix.without_receipt_percent,
            )
            store = self._site.store.number
            known = self._members.registered(facts, store, till.clock.read(at))
            yield self._noted(till.step(at, known))

    def _goes_off(
        self, till: ChainTill, opens: datetime, closes: datetime
    ) -> Iterator[Appointment]:
        troubles, slot = self._options.troubles, (closes - opens) / SLOTS
        kinds = (self._power_back, self._installed, None)
        weights = [troubles.power_cuts, troubles.reinstalled]
        weights.append(max(0, 100 * SLOTS - sum(weights)))
        for number in range(SLOTS):
            begins = opens + slot * (number + self._chance.uniform(0, 0.7))
            lasts = min(LONGEST_OFF, slot * 0.25) * self._chance.uniform(0.05, 1)
            back = self._chance.choices(kinds, weights)[0]
            if back is not None:
                yield begins, lambda at: [till.go_off(at)]
                yield begins + lasts, partial(back, till)

    def _power_back(self, till: ChainTill, at: datetime) -> Iterator[Step]:
        mid_sale = self._chance.randrange(100) < MID_SALE_PERCENT
        facts = till.after_power_cut(at, mid_sale=mid_sale)
        yield self._on_again(till, at, facts, new=1 if mid_sale else 0)

    def _installed(self, till: ChainTill, at: datetime) -> Iterator[Step]:
        yield self._on_again(till, at, till.after_installation(at), new=1)

    def _on_again(self, till: ChainTill, at: datetime, facts: list[Fact], *, new: int) -> Step:
        """Only the last `new` facts happened now."""
        till.is_off = False
        for fact in facts[len(facts) - new :]:
            self._totals.note(fact)
        return till.step(at, facts, Doing.ON)

    def _count(self, at: datetime) -> Iterator[Step]:
        for each in self._tills:
            facts = each.till.terminal.close(each.clock.read(at))
            yield self._noted(each.step(at, facts))

    def _close(self, at: datetime) -> Iterator[Step]:
        """Close the store's day; its first till tells it, for the tills of a store reach each
        other while the store has no connection."""
        first = self._tills[0]
        yield first.step(at, [self._totals.close(first.clock.read(at))])

    def _noted(self, step: Step) -> Step:
        for fact in step.facts:
            self._totals.note(fact)
        return step


def _block(number: int) -> int:
    return (number - 1) // BLOCK
