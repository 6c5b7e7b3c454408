"""Web orders in both products: checked, booked once, changed, cancelled and paid."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from services.orders import handlers, wiring
from shared.bus import Done, Later, Outcome, Parked
from shared.dynamics.ports.master_data import Price
from shared.events import Fact, OrderCancelled, OrderLine, OrderStatusChanged, PaymentCaptured
from tests.contract.orders.conftest import Workers, rows
from tests.contract.orders.people import AtFinanceOperations, people_at
from tests.unit.orders.facts import cancelled, changed, delivery, line, paid, placed


@dataclass(frozen=True)
class Product:
    """How one product names what the tests look at."""

    name: str
    company: str
    currency: str
    customer: str
    item: str
    unit: str
    price: str
    orders: str
    payments: str
    amount: str
    credited: str

    @property
    def usual(self) -> dict[str, Any]:
        return {"company": self.company, "currency": self.currency, "customer": self.customer}

    def line(self, price: str, number: int = 1, **changes: Any) -> OrderLine:
        return line(price, number, **{"item": self.item, "unit": self.unit, **changes})

    def placed(self, total: str, **changes: Any) -> Fact:
        return placed(total, **{**self.usual, "lines": (self.line(total),), **changes})

    def changed(self, version: int, total: str, **changes: Any) -> Fact:
        return changed(version, total, **{**self.usual, "lines": (self.line(total),), **changes})

    def cancelled(self) -> Fact:
        return cancelled(company=self.company)

    def paid(self, amount: str) -> Fact:
        return paid(amount, **self.usual)

    async def standing(self, simulator: DynamicsSimulator) -> list[Decimal]:
        """Return the amounts of the sales orders that are not cancelled."""
        found = await rows(simulator, self.name, self.orders)
        return [
            Decimal(str(row[self.amount]))
            for row in found
            if row.get("SalesOrderStatus") != "Canceled"
        ]


PRODUCTS = {
    "finance-operations": Product(
        "finance-operations", "dert", "EUR", "C-1001", "20117", "ea", "2.95",
        "SalesOrderHeadersV4", "CustomerPaymentJournalLines", "OrderTotalAmount", "CreditAmount",
    ),
    "business-central": Product(
        "business-central", "gbrt", "GBP", "C10001", "10002", "PCS", "9.95",
        "salesOrders", "customerPayments", "totalAmountIncludingTax", "amount",
    ),
}  # fmt: skip


@pytest.fixture(params=sorted(PRODUCTS))
def product(request: pytest.FixtureRequest) -> Product:
    return PRODUCTS[request.param]


async def take(wired: wiring.Wired, fact: Fact, waited_out: str | None = None) -> Outcome:
    match fact:
        case OrderCancelled():
            handler = handlers.cancel_orders
        case PaymentCaptured():
            handler = handlers.book_payments
        case _:
            handler = handlers.book_orders
    [outcome] = await handler([delivery(fact, waited_out)], wired)
    return outcome


def told(outcome: Outcome) -> OrderStatusChanged:
    assert isinstance(outcome, Done), outcome
    [status] = outcome.also
    assert isinstance(status, OrderStatusChanged)
    return status


async def test_an_order_lives_from_its_placing_to_its_cancelling(
    workers: Workers, simulator: DynamicsSimulator, product: Product
) -> None:
    async with workers("one.db") as wired:
        confirmed = told(await take(wired, product.placed("12.50")))
        assert confirmed.status == "confirmed"
        assert await product.standing(simulator) == [Decimal("12.5")]

        altered = told(await take(wired, product.changed(1, "30.00")))
        assert altered.status == "changed"
        assert altered.document not in (None, confirmed.document)
        assert await product.standing(simulator) == [Decimal(30)]

        outcome = await take(wired, product.cancelled())
        assert told(outcome).status == "cancelled"
        assert isinstance(outcome, Done)
        assert outcome.document is not None
        assert outcome.document.amount == Decimal(-30)
        assert await product.standing(simulator) == []


async def test_an_answer_that_is_lost_after_the_commit_books_nothing_twice(
    workers: Workers, simulator: DynamicsSimulator, product: Product
) -> None:
    lost = Fault(
        kind=FaultKind.DROP_AFTER_COMMIT,
        method="POST|DELETE",
        path=r"SalesOrder|salesOrder|\$batch|/cancel|/post$|ournal",
    )
    async with workers("one.db") as wired:
        for fact, left in (
            (product.placed("10.00"), [Decimal(10)]),
            (product.changed(1, "20.00"), [Decimal(20)]),
            (product.paid("20.00"), [Decimal(20)]),
            (product.cancelled(), []),
        ):
            simulator.faults.add(lost)
            assert isinstance(await take(wired, fact), Done)
            assert await product.standing(simulator) == left
    assert len(await rows(simulator, product.name, product.payments)) == 1


async def test_a_worker_with_an_empty_store_finds_what_is_booked(
    workers: Workers, simulator: DynamicsSimulator, product: Product
) -> None:
    said = []
    for store in ("one.db", "two.db"):
        async with workers(store) as wired:
            said.append(told(await take(wired, product.placed("10.00"))).document)
    assert said[0] == said[1]
    assert await product.standing(simulator) == [Decimal(10)]


async def test_a_restarted_worker_says_the_same_and_asks_dynamics_nothing(
    workers: Workers, simulator: DynamicsSimulator, product: Product
) -> None:
    async with workers("one.db") as wired:
        first = [await take(wired, product.placed("10.00")), await take(wired, product.cancelled())]
    asked = simulator.counts.listing()
    async with workers("one.db") as wired:
        again = [await take(wired, product.placed("10.00")), await take(wired, product.cancelled())]
    assert again == first
    assert simulator.counts.listing() == asked


async def test_two_workers_book_an_order_once_and_say_the_same(
    workers: Workers, simulator: DynamicsSimulator, product: Product
) -> None:
    facts = [delivery(product.placed("10.00", order=f"W-{number}")) for number in range(12)]
    async with workers("one.db") as one, workers("one.db") as two:
        ours, theirs = await asyncio.gather(
            handlers.book_orders(facts, one), handlers.book_orders(facts, two)
        )
        for mine, other in zip(ours, theirs, strict=True):
            assert {type(mine), type(other)} <= {Done, Later}
            assert isinstance(mine, Done) or isinstance(other, Done)
        assert await handlers.book_orders(facts, one) == await handlers.book_orders(facts, two)
    assert await product.standing(simulator) == [Decimal(10)] * 12


async def test_credit_that_is_used_up_declines_an_order(
    workers: Workers, simulator: DynamicsSimulator, product: Product
) -> None:
    async with workers("one.db") as wired, people_at(product.name) as people:
        await people.limit(product.customer, Decimal(5000))
        await take(wired, product.placed("4000.00", on_account=True))
        await people.invoice("W-1/0")

        declined = told(await take(wired, product.placed("1000.01", order="W-2", on_account=True)))
        assert (declined.status, declined.reason) == ("declined", "credit-limit")
        fits = told(await take(wired, product.placed("1000.00", order="W-3", on_account=True)))
        assert fits.status == "confirmed"
    assert Decimal("1000.01") not in await product.standing(simulator)


async def test_a_price_that_differs_from_dynamics_declines_an_order(
    workers: Workers, simulator: DynamicsSimulator, product: Product
) -> None:
    async with workers("one.db") as wired:
        agreed = told(await take(wired, product.placed(product.price, contract_price=True)))
        assert agreed.status == "confirmed"
        lines = (product.line(product.price), product.line("1.00", 2))
        total = str(Decimal(product.price) + 1)
        differs = told(
            await take(wired, product.placed(total, order="W-2", lines=lines, contract_price=True))
        )
        assert (differs.status, differs.reason) == ("declined", "price-differs")
        assert differs.detail.startswith("line 2: 1.00 ordered, ")
    assert len(await product.standing(simulator)) == 1


async def test_a_customers_own_price_is_the_agreed_one(
    workers: Workers,
) -> None:
    product = PRODUCTS["finance-operations"]
    own = Price("dert", "20117", Decimal("2.50"), "EUR", unit="ea", customer="C-1001")
    async with workers("one.db") as wired, people_at(product.name) as people:
        assert isinstance(people, AtFinanceOperations)
        await people.agree(own)
        cheaper = told(await take(wired, product.placed("2.50", contract_price=True)))
        listed = told(await take(wired, product.placed("2.95", order="W-2", contract_price=True)))
    assert (cheaper.status, listed.status) == ("confirmed", "declined")


async def test_what_is_invoiced_can_neither_be_changed_nor_cancelled(
    workers: Workers, simulator: DynamicsSimulator, product: Product
) -> None:
    async with workers("one.db") as wired, people_at(product.name) as people:
        await take(wired, product.placed("10.00"))
        await people.invoice("W-1/0")
        for fact in (product.changed(1, "20.00"), product.cancelled()):
            status = told(await take(wired, fact))
            assert (status.status, status.reason) == ("declined", "too-late")
        standing = await product.standing(simulator)
        assert standing == ([] if product.name == "business-central" else [Decimal(10)])
        assert isinstance(await take(wired, product.paid("10.00")), Done)


async def test_money_is_booked_once_its_order_is(
    workers: Workers, simulator: DynamicsSimulator, product: Product
) -> None:
    async with workers("one.db") as wired:
        early = await take(wired, product.paid("4.00"))
        assert isinstance(early, Parked)
        assert early.key == f"order/{product.company}/W-1"
        await take(wired, product.placed("10.00"))
        for _ in range(2):
            outcome = await take(wired, product.paid("4.00"))
            assert isinstance(outcome, Done)
            assert outcome.document is not None
            assert outcome.document.effect == "payment"
    [payment] = await rows(simulator, product.name, product.payments)
    assert abs(payment[product.credited]) == 4


async def test_unknown_customers_and_items_are_waited_for_by_their_keys(
    workers: Workers, product: Product
) -> None:
    stranger = product.placed("10.00", customer="C-9")
    new = product.placed("10.00", order="W-2", lines=(product.line("10.00", item="NEW"),))
    async with workers("one.db") as wired:
        keys = [getattr(await take(wired, fact), "key", None) for fact in (stranger, new)]
        assert keys == [f"customer/{product.company}/C-9", f"item/{product.company}/NEW"]
        declined = told(await take(wired, stranger, waited_out=keys[0]))
        assert declined.reason == "unknown-customer"


async def test_a_customer_on_hold_is_told_so(workers: Workers, product: Product) -> None:
    async with workers("one.db") as wired, people_at(product.name) as people:
        await people.hold(product.customer)
        for order, on_account in (("W-1", True), ("W-2", False)):
            status = told(
                await take(wired, product.placed("10.00", order=order, on_account=on_account))
            )
            assert status.reason == "customer-on-hold"


async def test_throttled_orders_wait_as_long_as_dynamics_asks(
    workers: Workers, simulator: DynamicsSimulator, product: Product
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE, retry_after=90))
    async with workers("one.db") as wired:
        before = wired.clock()
        later = await take(wired, product.placed("10.00"))
    assert isinstance(later, Later)
    assert later.not_before is not None
    assert 85 < (later.not_before - before).total_seconds() < 95
    assert await product.standing(simulator) == []
