"""What must hold once all has come to rest: one document per fact, money and goods conserved,
nothing lost, nothing invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from services.completeness.certify import certify
from shared.dynamics.inventory_visibility import InventoryVisibilitySettings, inventory_visibility
from shared.events import (
    CashMoved,
    CustomerRegistered,
    CustomerUpdated,
    Fact,
    FeedbackGiven,
    GiftCardRedeemed,
    GiftCardSold,
    InventoryAdjusted,
    LoyaltyEarned,
    LoyaltyRedeemed,
    OrderCancelled,
    OrderChanged,
    OrderPlaced,
    PaymentCaptured,
    SaleCompleted,
    SaleReturned,
    StockCounted,
    TenderDeclared,
    decode,
)
from shared.store import DayFilter
from tests.simulation.chain.bus import SimulatedBus
from tests.simulation.chain.dynamics import SimulatedDynamics
from tests.simulation.chain.stores import SimulatedStore

F = TypeVar("F")


@dataclass(frozen=True)
class World:
    """Everything an invariant may look at."""

    bus: SimulatedBus
    store: SimulatedStore
    dynamics: SimulatedDynamics
    facts: Sequence[Fact]

    def is_at_rest(self) -> bool:
        return self.bus.is_idle(self.bus.served)

    def what_moves(self) -> str:
        return ", ".join(each for each in sorted(self.bus.served) if not self.bus.is_idle([each]))

    def of(self, *kinds: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kinds)]

    def finance(self, entity_set: str) -> list[Mapping[str, Any]]:
        return self.dynamics.rows("finance-operations", entity_set)

    def engagement(self, table: str) -> list[Mapping[str, Any]]:
        return self.dynamics.rows("dataverse", table)


async def broken(world: World) -> list[str]:
    """Return a sentence for everything that does not hold."""
    found = [sentence for check in CHECKS for sentence in check(world)]
    return [*found, *await _certificates(world), *await _stock(world), *await _parked(world)]


# Money


def _one_transaction_per_sale_and_drawer_movement(world: World) -> Iterator[str]:
    kinds = (SaleCompleted, SaleReturned, CashMoved, TenderDeclared)
    wanted = {str(fact.event_id): fact.natural_key() for fact in world.of(*kinds)}
    yield from _each_once(wanted, _references(world), "retail transaction")


def _money_conserved(world: World) -> Iterator[str]:
    booked = {row["ChannelReferenceId"]: row for row in world.finance("RetailTransactions")}
    for sale in world.of(SaleCompleted, SaleReturned):
        row = booked.get(str(sale.event_id))
        if row is not None and Decimal(str(row["PaymentAmount"])) != sale.signed_amount:
            yield f"{sale.key} is {sale.signed_amount}, booked {row['PaymentAmount']}"


def _references(world: World) -> list[str]:
    return [str(row["ChannelReferenceId"]) for row in world.finance("RetailTransactions")]


async def _certificates(world: World) -> list[str]:
    ledger = world.store.ledger
    days = await ledger.entries(await ledger.days(DayFilter()))
    certificates = [certify(each.day, each.entries) for each in days]
    return [
        f"certificate {each.store}/{each.business_day} is {each.verdict}: {'; '.join(each.reasons)}"
        for each in certificates
        if each.verdict != "balanced"
    ]


# Goods


async def _stock(world: World) -> list[str]:
    """Hold what Inventory Visibility says is there against the last count and what came after."""
    expected = _expected_stock(world)
    found: dict[tuple[str, str, str], Decimal] = {}
    async with inventory_visibility(InventoryVisibilitySettings()) as product:
        for company, site, store in sorted({(c, PLACES[c], s) for c, s, _ in expected}):
            rows = await product.stock.on_hand(company, (), (store,), (site,))
            found |= {(company, store, row.item): row.on_hand for row in rows}
    return [
        f"stock of {'/'.join(place)} should be {quantity}, is {found.get(place, 0)}"
        for place, quantity in sorted(expected.items())
        if found.get(place, Decimal(0)) != quantity
    ]


PLACES: Mapping[str, str] = {"gbrt": "S1", "kwrt": "S2"}
"""Company -> site of its stores."""

_ADDS = {"received": 1, "damaged": -1, "shrunk": -1, "adjusted": 1}


def _expected_stock(world: World) -> dict[tuple[str, str, str], Decimal]:
    events: dict[tuple[str, str, str], list[tuple[Any, int, Decimal]]] = {}

    def happened(fact: Any, item: str, at: Any, rank: int, quantity: Decimal) -> None:
        events.setdefault((*fact.place, item), []).append((at, rank, quantity))

    for sale in world.of(SaleCompleted, SaleReturned):
        sign = -1 if isinstance(sale, SaleCompleted) else 1
        for lines, way in ((sale.lines, sign), (sale.exchanged_lines, -sign)):
            for line in lines:
                if line.gift_card is None:
                    happened(sale, line.item, sale.occurred_at, 0, way * line.quantity)
    for adjusted in world.of(InventoryAdjusted):
        for change in adjusted.lines:
            quantity = _ADDS[adjusted.kind] * change.quantity
            happened(adjusted, change.item, adjusted.observed_at, 0, quantity)
    for counted in world.of(StockCounted):
        for count in counted.lines:
            happened(counted, count.item, counted.observed_at, 1, count.quantity)
    return {place: _composed(history) for place, history in events.items()}


def _composed(history: list[tuple[Any, int, Decimal]]) -> Decimal:
    """A count is what was there; what was observed later comes on top."""
    there = Decimal(0)
    for _, is_count, quantity in sorted(history, key=lambda each: each[:2]):
        there = quantity if is_count else there + quantity
    return there


# People


def _one_entry_per_point_and_gift_card_movement(world: World) -> Iterator[str]:
    points = world.of(LoyaltyEarned, LoyaltyRedeemed)
    rows = world.engagement("tillbus_pointsentries")
    if len(rows) != len(points):
        yield f"{len(points)} movements of points, {len(rows)} entries"
    cards = world.of(GiftCardSold, GiftCardRedeemed)
    entries = world.finance("RetailGiftCardTransactions")
    if len(entries) != len(cards):
        yield f"{len(cards)} movements of gift cards, {len(entries)} entries"


def _one_record_per_customer_as_last_told(world: World) -> Iterator[str]:
    # One number may stand for somebody in each of two companies.
    wanted: dict[str, Any] = {}
    for fact in world.of(CustomerRegistered, CustomerUpdated):
        customer = f"{fact.company}/{fact.customer}"
        if customer not in wanted or fact.version > wanted[customer].version:
            wanted[customer] = fact
    names = {customer: customer for customer in wanted}
    contacts = [
        (f"{row['tillbus_company']}/{row['tillbus_number']}", row)
        for row in world.engagement("contacts")
    ]
    yield from _each_once(names, [each for each, _ in contacts if each in wanted], "contact")
    accounts = [
        f"{row['dataAreaId']}/{row['CustomerAccount']}" for row in world.finance("CustomersV3")
    ]
    yield from _each_once(names, [each for each in accounts if each in wanted], "customer")
    phones = {customer: row.get("mobilephone") for customer, row in contacts}
    for customer, fact in wanted.items():
        if fact.phone is not None and phones.get(customer) != fact.phone:
            yield f"customer {customer} should have {fact.phone}, has {phones.get(customer)}"


def _one_note_per_feedback(world: World) -> Iterator[str]:
    notes, given = world.engagement("annotations"), world.of(FeedbackGiven)
    if len(notes) != len(given):
        yield f"{len(given)} times feedback, {len(notes)} notes"


# Orders


def _one_live_order_per_number_and_its_payments(world: World) -> Iterator[str]:
    cancelled = {fact.order for fact in world.of(OrderCancelled)}
    last: dict[str, Any] = {}
    for fact in world.of(OrderPlaced, OrderChanged):
        if fact.order not in last or fact.version > last[fact.order].version:
            last[fact.order] = fact
    lines: dict[str, Decimal] = {}
    for row in world.finance("SalesOrderLinesV3"):
        amount = Decimal(str(row["SalesPrice"])) * Decimal(str(row["OrderedSalesQuantity"]))
        number = str(row["SalesOrderNumber"])
        lines[number] = lines.get(number, Decimal(0)) + amount
    live: dict[str, list[Decimal]] = {}
    for row in world.finance("SalesOrderHeadersV4"):
        if row["SalesOrderStatus"] != "Canceled":
            order = str(row["CustomersOrderReference"]).partition("/")[0]
            live.setdefault(order, []).append(lines.get(str(row["SalesOrderNumber"]), Decimal(0)))
    for order, fact in sorted(last.items()):
        wanted = [] if order in cancelled else [fact.total]
        if live.get(order, []) != wanted:
            yield f"order {order} should be {wanted}, Dynamics has {live.get(order, [])}"
    paid = Counter(
        Decimal(str(row["CreditAmount"])) for row in world.finance("CustomerPaymentJournalLines")
    )
    captured = Counter(fact.amount for fact in world.of(PaymentCaptured))
    if paid != captured:
        yield f"payments captured {sorted(captured.elements())}, booked {sorted(paid.elements())}"


# Messages


def _nothing_dead_lettered(world: World) -> Iterator[str]:
    for address in sorted(world.bus.served):
        for reason, description, body in world.bus.dead_letters(address):
            yield f"dead letter on {address}: {decode(body).subject}: {reason}: {description}"


async def _parked(world: World) -> list[str]:
    return [
        f"{each.facts} facts of {each.subscription} still wait for {each.key}: {each.missing}"
        for each in await world.store.parking.waiting()
    ]


def _each_once(wanted: Mapping[str, str], found: Iterable[str], what: str) -> Iterator[str]:
    times = Counter(found)
    for key, name in wanted.items():
        if times[key] != 1:
            yield f"{name} has {times[key]} documents: {what}"
    for key in sorted(times.keys() - wanted.keys()):
        yield f"{what} {key} belongs to no fact"


CHECKS: Sequence[Callable[[World], Iterator[str]]] = (
    _one_transaction_per_sale_and_drawer_movement,
    _money_conserved,
    _one_entry_per_point_and_gift_card_movement,
    _one_record_per_customer_as_last_told,
    _one_note_per_feedback,
    _one_live_order_per_number_and_its_payments,
    _nothing_dead_lettered,
)
