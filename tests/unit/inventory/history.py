"""What happened in the stores, and what their stock must be because of it: the reference."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.inventory.mapping import document
from tests.unit.inventory.dynamics import Position
from tests.unit.inventory.facts import COMPANIES, adjusted, counted


class History:
    """Facts in the order in which they happened; now and then two at the same moment."""

    def __init__(self, company: str, site: str, start: Mapping[Position, Decimal]) -> None:
        self.company = company
        self.site = site
        self.facts: list[Any] = []
        self._start = dict(start)
        self._time = 0

    def moves(self, passed: int, store: str, quantities: Mapping[str, int]) -> None:
        self._add(adjusted, passed, quantities, store=store)

    def goes(self, passed: int, store: str, to_store: str, quantities: Mapping[str, int]) -> None:
        self._add(adjusted, passed, quantities, kind="transferred", store=store, to_store=to_store)

    def is_counted(self, passed: int, store: str, quantities: Mapping[str, int]) -> None:
        self._add(counted, passed, quantities, store=store)

    def happen(self, chance: random.Random, stores: Sequence[str], items: Sequence[str]) -> None:
        """Anything: half of it counts."""
        passed = chance.randint(0, 2)
        store = chance.choice(stores)
        some = chance.sample(items, chance.randint(1, len(items)))
        what = chance.choice(["moves", "goes", "counted", "counted"])
        if what == "counted":
            self.is_counted(passed, store, {item: chance.randint(0, 50) for item in some})
        elif what == "goes" and len(stores) > 1:
            [there] = set(stores) - {store}
            self.goes(passed, store, there, {item: chance.randint(1, 9) for item in some})
        else:
            self.moves(passed, store, {item: chance.choice([-7, -2, 3, 5]) for item in some})

    def expected(self) -> dict[Position, Decimal]:
        """Of every position that anything happened to: the newest count and what was observed
        after it; without one, the stock it began with and all that was observed."""
        positions = {
            (self.company, self.site, store, line.item, "")
            for fact in self.facts
            for line in fact.lines
            for store in {fact.store, getattr(fact, "to_store", None) or fact.store}
        }
        return {each: self._expected(each[2], each[3]) for each in positions}

    def _expected(self, store: str, item: str) -> Decimal:
        start = self._start.get((self.company, self.site, store, item, ""), Decimal(0))
        counts = [
            (fact.observed_at, _event(fact, item), line.quantity)
            for fact in self.facts
            for line in fact.lines
            if fact.TOPIC == "stock-counted" and (fact.store, line.item) == (store, item)
        ]
        since, _, quantity = max(counts, default=(None, "", start))
        return quantity + sum((_moved(fact, store, item, since) for fact in self.facts), Decimal(0))

    def _add(self, make: Any, passed: int, quantities: Mapping[str, int], **changes: Any) -> None:
        self._time += passed
        lines = [
            {"number": number, "item": item, "quantity": str(quantity)}
            for number, (item, quantity) in enumerate(sorted(quantities.items()), start=1)
        ]
        name = f"D{len(self.facts)}"
        self.facts.append(make(name, 0, self._time, company=self.company, lines=lines, **changes))


def _moved(fact: Any, store: str, item: str, since: datetime | None) -> Decimal:
    if fact.TOPIC == "stock-counted" or (since is not None and fact.observed_at <= since):
        return Decimal(0)
    quantity = sum((line.quantity for line in fact.lines if line.item == item), Decimal(0))
    if fact.kind == "transferred":
        return quantity * {fact.to_store: 1, fact.store: -1}[store]
    return quantity if fact.store == store else Decimal(0)


def _event(fact: Any, item: str) -> str:
    lines = document(fact, COMPANIES[fact.company]).lines
    return next(each.event_id for each in lines if each.item == item)
