"""What the demonstration publishes: a generated day cut into scenes, and wrong messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from azure.servicebus import ServiceBusMessage

from infra.local.till.baskets import STORES, TradingDay
from shared.clock import Clock
from shared.events import (
    Fact,
    Reason,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    encode,
    new_event,
)

Transaction = SaleCompleted | SaleReturned

BUSINESS_DAY = date(2026, 3, 2)
PER_STORE = 60
OFFLINE = ("BERLIN", "T2")
"""Store and terminal of the till that has no connection all day."""

MORNING_ENDS, NOON_ENDS, AFTERNOON_ENDS = time(11), time(14), time(17)


@dataclass(frozen=True)
class Poison:
    """A message for sale-completed that no redelivery can help, and the reason it must get."""

    message_id: str
    body: bytes
    reason: Reason

    def message(self) -> ServiceBusMessage:
        """Return it as a till that knows no contract would send it."""
        return ServiceBusMessage(
            self.body, message_id=self.message_id, content_type="application/cloudevents+json"
        )


@dataclass(frozen=True)
class DemoDay:
    """The facts of the day by scene, each in time order, and the poison."""

    morning: Sequence[Transaction]
    noon: Sequence[Transaction]
    afternoon: Sequence[Transaction]
    evening: Sequence[Transaction]
    offline: Sequence[Transaction]
    closes: Sequence[StoreDayClosed]
    poison: Sequence[Poison]

    @property
    def transactions(self) -> list[Transaction]:
        """Every sale and return that must be booked."""
        return [*self.morning, *self.noon, *self.afternoon, *self.evening, *self.offline]


def plan_day(seed: int, clock: Clock) -> DemoDay:
    """Return the day of this seed; the same seed gives the same facts."""
    facts: list[Fact] = list(
        TradingDay(seed, STORES, BUSINESS_DAY, transactions_per_store=PER_STORE)
    )
    sales = [fact for fact in facts if isinstance(fact, SaleCompleted | SaleReturned)]
    live = [sale for sale in sales if _place(sale) != OFFLINE]

    def between(start: time, end: time) -> list[Transaction]:
        return [
            sale
            for sale in live
            if datetime.combine(BUSINESS_DAY, start, UTC)
            <= sale.occurred_at
            < datetime.combine(BUSINESS_DAY, end, UTC)
        ]

    evening = between(AFTERNOON_ENDS, time.max)
    return DemoDay(
        morning=between(time.min, MORNING_ENDS),
        noon=between(MORNING_ENDS, NOON_ENDS),
        afternoon=between(NOON_ENDS, AFTERNOON_ENDS),
        evening=evening,
        offline=[sale for sale in sales if _place(sale) == OFFLINE],
        closes=[fact for fact in facts if isinstance(fact, StoreDayClosed)],
        poison=_poison(next(sale for sale in evening if isinstance(sale, SaleCompleted)), clock),
    )


def _place(sale: Transaction) -> tuple[str, str]:
    return sale.key.store, sale.key.terminal


def _poison(sale: SaleCompleted, clock: Clock) -> list[Poison]:
    """Return what a faulty till release makes of a sale, before the corrected one follows."""
    document = json.loads(encode(new_event(sale, source="/tills/faulty-release", time=clock())))

    def spoilt(message_id: str, reason: Reason, **changes: object) -> Poison:
        body = json.dumps(document | {"data": document["data"] | changes}).encode()
        return Poison(message_id, body, reason)

    elsewhere = sale.key.model_copy(update={"company": "none"})
    stranger = new_event(
        sale.model_copy(update={"key": elsewhere}), source="/tills/stranger", time=clock()
    )
    return [
        spoilt("poison-sum", Reason.AMOUNTS_DO_NOT_ADD_UP, total=str(sale.total + 1)),
        spoilt("poison-card", Reason.CARD_NUMBER, cashier="4111 1111 1111 1111"),
        Poison("poison-json", b'{"specversion": "1.0", "type"', Reason.INVALID_JSON),
        Poison("poison-company", encode(stranger), Reason.UNKNOWN_COMPANY),
    ]
