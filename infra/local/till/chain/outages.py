"""When tills and whole stores are without connection: for minutes, for hours, for days."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from infra.local.till.chain.options import Options
from infra.local.till.chain.sites import Site

Stretch = tuple[datetime, datetime]
"""From when to when."""

LENGTHS = (
    (timedelta(minutes=2), timedelta(minutes=45)),
    (timedelta(hours=1), timedelta(hours=6)),
    (timedelta(days=1), timedelta(days=3)),
)
SHARES = (6, 3, 1)
"""How often an outage takes minutes, hours and days."""


def outages(
    sites: Sequence[Site], options: Options, ends: datetime
) -> Mapping[str, Sequence[Stretch]]:
    """Return by till when it has no connection: apart from each other, in order, over by `ends`."""
    found: dict[str, list[Stretch]] = defaultdict(list)
    days = [options.first_day + timedelta(days=number) for number in range(options.days)]
    for site in sites:
        chance = random.Random(f"outages/{options.seed}/{site.name}")
        tills = [site.till(terminal) for terminal in site.store.terminals]
        for day in days:
            opens, closes = site.hours(day)
            hit = [(tills, options.troubles.stores_cut_off)]
            hit += [([till], options.troubles.tills_cut_off) for till in tills]
            for together, percent in hit:
                begins = opens + (closes - opens) * chance.random()
                shortest, longest = chance.choices(LENGTHS, SHARES)[0]
                until = min(begins + shortest + (longest - shortest) * chance.random(), ends)
                if chance.randrange(100) < percent:
                    for till in together:
                        found[till].append((begins, until))
    return {till: joined(stretches) for till, stretches in found.items()}


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the stretches in order; those that touch become one."""
    found: list[Stretch] = []
    for begins, ends in sorted(stretches):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(ends, found[-1][1]))
        else:
            found.append((begins, ends))
    return found
