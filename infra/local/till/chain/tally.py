"""What a played plan came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median

from infra.local.till.chain.steps import Doing
from shared.events import (
    CashMoved,
    Event,
    Fact,
    SaleCompleted,
    SaleReturned,
    TransactionRecorded,
)

NO_TIME = timedelta(0)


@dataclass(slots=True)
class Tally:
    """Counts of a whole chain; every fact counts once, when the bus has confirmed it."""

    by_topic: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)
    """Sales, returns and exchanges apart; kinds of transactions and cash movements as they are."""
    doings: Counter[Doing] = field(default_factory=Counter)
    """Steps: how often tills were cut off, went off and came on."""
    put: int = 0
    late: int = 0
    """Went up in the backfill lane."""
    most_held: int = 0
    """The most that one till held at a time."""
    waits: list[timedelta] = field(default_factory=list)
    """How long each waited that was put while its till had no connection, by the till's clock."""
    failed_attempts: int = 0
    """Uploads that failed although the till had a connection."""
    refused: int = 0
    """The bus will never take them."""

    @property
    def facts(self) -> int:
        """Return how many the bus has confirmed."""
        return sum(self.by_topic.values())

    @property
    def held(self) -> int:
        """Return how many were put while their till had no connection."""
        return len(self.waits)

    @property
    def longest_wait(self) -> timedelta:
        """Return how long the slowest of the held waited."""
        return max(self.waits, default=NO_TIME)

    @property
    def median_wait(self) -> timedelta:
        """Return how long half of the held waited at most."""
        return timedelta(seconds=median(each.total_seconds() for each in self.waits or [NO_TIME]))

    def confirmed(self, event: Event[Fact]) -> None:
        """Count a fact that is on the bus."""
        self.by_topic[event.data.TOPIC] += 1
        self.by_kind[kind_of(event.data)] += 1
        self.late += event.lane is not None

    def waited(self, how_long: timedelta) -> None:
        """Count one that was put without connection and has arrived."""
        self.waits.append(how_long)


def kind_of(fact: Fact) -> str:
    """Return what a fact is to a store: finer than its topic where a topic holds several."""
    if isinstance(fact, TransactionRecorded | CashMoved):
        return fact.kind
    if isinstance(fact, SaleCompleted | SaleReturned) and fact.exchanged_lines:
        return "exchange"
    return fact.TOPIC
