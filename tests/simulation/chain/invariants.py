"""What must hold once everything has come to rest: one document per sale, money conserved, nothing
lost, nothing invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from services.completeness.certify import certify
from shared.events import Fact, SaleCompleted, SaleReturned, decode
from shared.store import DayFilter
from tests.simulation.chain.bus import SimulatedBus
from tests.simulation.chain.dynamics import SimulatedDynamics
from tests.simulation.chain.stores import SimulatedStore


@dataclass(frozen=True)
class World:
    """Everything an invariant may look at."""

    bus: SimulatedBus
    store: SimulatedStore
    dynamics: SimulatedDynamics
    facts: Sequence[Fact]

    @property
    def subscriptions(self) -> list[str]:
        return [
            f"{topic.name}/Subscriptions/{subscription.name}"
            for topic in self.bus.namespace.config.topics
            for subscription in topic.subscriptions
        ]

    def is_at_rest(self) -> bool:
        return self.bus.is_idle(self.served)

    @property
    def served(self) -> list[str]:
        return sorted(self.bus.served)

    def what_moves(self) -> str:
        return ", ".join(each for each in self.served if not self.bus.is_idle([each]))

    def sales(self) -> list[SaleCompleted | SaleReturned]:
        return [fact for fact in self.facts if isinstance(fact, SaleCompleted | SaleReturned)]


async def broken(world: World) -> list[str]:
    """Return a sentence for everything that does not hold."""
    found = [sentence for check in CHECKS for sentence in check(world)]
    return [*found, *await _certificates(world)]


def _one_document_per_sale(world: World) -> Iterator[str]:
    booked = Counter(row["ChannelReferenceId"] for row in _transactions(world))
    wanted = {str(sale.event_id): sale for sale in world.sales()}
    for reference, sale in wanted.items():
        if booked[reference] != 1:
            yield f"{sale.key} has {booked[reference]} documents"
    for reference in booked.keys() - wanted.keys():
        yield f"document {reference} belongs to no sale"


def _money_conserved(world: World) -> Iterator[str]:
    booked = {row["ChannelReferenceId"]: row for row in _transactions(world)}
    for sale in world.sales():
        row = booked.get(str(sale.event_id))
        if row is not None and Decimal(str(row["PaymentAmount"])) != sale.signed_amount:
            yield f"{sale.key} is {sale.signed_amount}, booked {row['PaymentAmount']}"


def _nothing_dead_lettered(world: World) -> Iterator[str]:
    for address in world.subscriptions:
        for reason, description, body in world.bus.dead_letters(address):
            yield f"dead letter on {address}: {decode(body).subject}: {reason}: {description}"


async def _certificates(world: World) -> list[str]:
    ledger = world.store.ledger
    days = await ledger.entries(await ledger.days(DayFilter()))
    certificates = [certify(each.day, each.entries) for each in days]
    return [
        f"certificate {each.store}/{each.business_day} is {each.verdict}: {'; '.join(each.reasons)}"
        for each in certificates
        if each.verdict != "balanced"
    ]


def _transactions(world: World) -> list[Mapping[str, Any]]:
    return world.dynamics.rows("finance-operations", "RetailTransactions")


CHECKS: Sequence[Callable[[World], Iterator[str]]] = (
    _one_document_per_sale,
    _money_conserved,
    _nothing_dead_lettered,
)
