"""The wired service: settings from the environment, a real store, real HTTP to every book."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from services.inventory import handlers, wiring
from shared.bus import Done, Later, Outcome, Parked
from shared.events import Fact
from shared.events.envelope import BACKFILL
from tests.contract.inventory.conftest import (
    FINANCE_OPERATIONS,
    INVENTORY_VISIBILITY,
    PRODUCTS,
    Product,
    on_hand,
    rows,
    worker,
)
from tests.unit.inventory.facts import adjusted, counted, delivery, goods, returned, sale
from tests.unit.inventory.history import History

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def book(wired: wiring.Wired, *facts: Fact, **envelope: Any) -> list[Outcome]:
    return await handlers.book([delivery(fact, **envelope) for fact in facts], wired)


def day_of(product: Product) -> list[Any]:
    """A day of one item in one store: 10 received, 3 and then 2 sold, 1 came back, 1 broke, 2 went
    to the other store, and between the sales there were 12 on the shelf."""
    where: Any = {"company": product.company, "store": product.stores[0]}
    item = product.items[0]
    return [
        adjusted("R1", 10, 1, item=item, kind="received", **where),
        sale(1, goods(1, 3, item), at=2, **where),
        counted("C1", 12, 3, item=item, **where),
        sale(2, goods(1, 2, item), at=4, **where),
        returned(3, goods(1, 1, item), at=5, **where),
        adjusted("B1", 1, 6, item=item, kind="damaged", **where),
        adjusted("T1", 2, 7, item=item, kind="transferred", to_store=product.stores[1], **where),
    ]


def there(product: Product) -> tuple[str, str]:
    return product.stores[0], product.items[0]


async def test_a_day_ends_with_what_is_on_the_shelf_in_whatever_order_it_comes(
    simulator: DynamicsSimulator,
    product: Product,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = day_of(product)
    random.Random(7).shuffle(facts)
    async with worker(simulator, tmp_path / "s.db", monkeypatch, product) as wired:
        other = (product.stores[1], product.items[0])
        before = (await on_hand(wired, product)).get(other, Decimal(0))
        for fact in facts:
            [outcome] = await book(wired, fact)
            assert isinstance(outcome, Done), (fact, outcome)
        after = await on_hand(wired, product)
    assert after[there(product)] == 12 - 2 + 1 - 1 - 2
    assert after[other] == before + 2


async def test_a_restarted_worker_remembers_and_announces_word_for_word(
    simulator: DynamicsSimulator,
    product: Product,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = day_of(product)
    async with worker(simulator, tmp_path / "s.db", monkeypatch, product) as wired:
        first = await book(wired, *facts)
    calls = simulator.counts.listing()
    async with worker(simulator, tmp_path / "s.db", monkeypatch, product) as wired:
        again = await book(wired, *facts)
    assert again == first
    assert simulator.counts.listing() == calls, "nothing was asked of Dynamics"


@pytest.mark.parametrize(
    "kind",
    [FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT, FaultKind.HANG_AFTER_COMMIT],
)
async def test_lost_answers_double_and_lose_nothing(
    simulator: DynamicsSimulator,
    product: Product,
    kind: FaultKind,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every other request that changes stock is lost, until everything is booked."""
    where: Any = {"company": product.company, "store": product.stores[0]}
    item = product.items[0]
    facts: list[Any] = [sale(n, goods(1, 2, item), at=n, **where) for n in range(1, 9)]
    facts.append(counted("C1", 30, 5, item=item, **where))
    async with worker(
        simulator,
        tmp_path / "s.db",
        monkeypatch,
        product,
        **{
            f"{prefix}_TIMEOUT": "PT0.5S"
            for prefix in ("DYNAMICS", "BUSINESS_CENTRAL", "INVENTORY_VISIBILITY")
        },
    ) as wired:
        for skip in (0, 1, 2, 4):
            simulator.faults.add(Fault(kind=kind, method="POST", path=product.writes, skip=skip))
        outcomes = await book(wired, *facts)
        simulator.faults.clear()
        for _ in range(3):
            outcomes = await book(wired, *facts)
        assert all(isinstance(each, Done) for each in outcomes), outcomes
        assert (await on_hand(wired, product))[there(product)] == 30 - 3 * 2


async def test_two_workers_with_the_same_facts_change_the_stock_once(
    simulator: DynamicsSimulator,
    product: Product,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = day_of(product)
    async with (
        worker(simulator, tmp_path / "s.db", monkeypatch, product) as one,
        worker(simulator, tmp_path / "s.db", monkeypatch, product) as two,
    ):
        await asyncio.gather(book(one, *facts), book(two, *facts))
        ours = await book(one, *facts)
        theirs = await book(two, *facts)
        assert ours == theirs, "the store's first record is what both announce"
        assert all(isinstance(each, Done) for each in ours), ours
        assert (await on_hand(one, product))[there(product)] == 8


@pytest.mark.parametrize("seed", range(3))
async def test_any_history_under_faults_ends_as_the_stores_are(
    simulator: DynamicsSimulator,
    product: Product,
    seed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two workers take the facts in different orders while requests break, and restart."""
    chance = random.Random(seed)
    async with worker(simulator, tmp_path / "s.db", monkeypatch, product) as wired:
        start = {
            (product.company, product.site, store, item, ""): quantity
            for (store, item), quantity in (await on_hand(wired, product)).items()
        }
    history = History(product.company, product.site, start)
    for _ in range(12):
        history.happen(chance, product.stores, product.items)
    for _ in range(10):
        kind = chance.choice(
            [FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT, FaultKind.THROTTLE]
        )
        simulator.faults.add(
            Fault(kind=kind, path=product.writes, skip=chance.randint(0, 20), retry_after=1)
            if kind is FaultKind.THROTTLE
            else Fault(kind=kind, path=product.writes, skip=chance.randint(0, 20))
        )
    async with (
        worker(simulator, tmp_path / "s.db", monkeypatch, product) as one,
        worker(simulator, tmp_path / "s.db", monkeypatch, product) as two,
    ):

        async def busy(wired: wiring.Wired) -> None:
            for _ in range(8):
                await book(wired, *chance.sample(history.facts, chance.randint(1, 5)))

        await asyncio.gather(busy(one), busy(two))
    simulator.faults.clear()
    async with worker(simulator, tmp_path / "s.db", monkeypatch, product) as wired:
        for _ in range(4):
            outcomes = await book(wired, *history.facts)
        assert all(isinstance(each, Done) for each in outcomes), outcomes
        found = await on_hand(wired, product)
    for (_, _, store, item, _), quantity in history.expected().items():
        assert found.get((store, item), Decimal(0)) == quantity, (store, item)


async def test_throttled_facts_wait_as_long_as_dynamics_asks(
    simulator: DynamicsSimulator,
    product: Product,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator.faults.add(
        Fault(kind=FaultKind.THROTTLE, retry_after=90, path=product.writes, count=None)
    )
    async with worker(simulator, tmp_path / "s.db", monkeypatch, product) as wired:
        before = wired.clock()
        [outcome] = await book(wired, day_of(product)[0])
    assert isinstance(outcome, Later)
    assert outcome.not_before is not None
    assert 85 < (outcome.not_before - before).total_seconds() < 95


@pytest.mark.parametrize("product", PRODUCTS[1:], ids=lambda each: each.system, indirect=False)
async def test_an_item_dynamics_does_not_have_parks_its_facts_and_no_others(
    simulator: DynamicsSimulator,
    product: Product,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where: Any = {"company": product.company, "store": product.stores[0]}
    unknown = sale(1, goods(1, 1, product.items[0]), goods(2, 1, "NOTHING"), **where)
    count = counted("C1", 3, item="NOTHING", **where)
    fine = sale(2, goods(1, 1, product.items[0]), **where)
    async with worker(simulator, tmp_path / "s.db", monkeypatch, product) as wired:
        parked, counting, booked = await book(wired, unknown, count, fine)
    for outcome in (parked, counting):
        assert isinstance(outcome, Parked), outcome
        assert outcome.key == f"item/{product.company}/NOTHING"
    assert isinstance(booked, Done)


async def test_a_hundred_sales_of_ten_lines_are_two_calls(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [goods(number) for number in range(1, 11)]
    facts = [sale(n, *lines, store="W2") for n in range(1, 101)]
    async with worker(simulator, tmp_path / "s.db", monkeypatch, INVENTORY_VISIBILITY) as wired:
        outcomes = await book(wired, *facts, lane=BACKFILL)
    assert all(isinstance(each, Done) for each in outcomes)
    counted_ = simulator.counts.listing()
    assert (counted_["single"], counted_["operations"]) == (2, 1000)


async def test_a_transfer_is_a_transfer_journal(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch, FINANCE_OPERATIONS) as wired:
        [outcome] = await book(wired, day_of(FINANCE_OPERATIONS)[-1])
    assert isinstance(outcome, Done)
    assert outcome.document is not None
    [journal] = await rows(simulator, "finance-operations", "InventoryTransferJournalHeaders")
    assert outcome.document.document.key == journal["JournalNumber"]
    assert journal["IsPosted"] == "Yes"


async def test_only_the_books_that_companies_have_need_settings(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch, INVENTORY_VISIBILITY) as wired:
        assert {lane.system for lane in wired.keepers} == {"inventory-visibility"}
    monkeypatch.delenv("INVENTORY_VISIBILITY_ENVIRONMENT_ID")
    with pytest.raises(ValidationError, match="environment_id"):
        await wiring._build()
