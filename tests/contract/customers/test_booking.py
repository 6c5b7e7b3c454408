"""The wired service: settings from the environment, real store, real HTTP to every product."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from services.customers import wiring
from services.customers.feedback import note_feedback
from services.customers.gift_cards import book_gift_cards
from services.customers.handlers import update_customers
from services.customers.points import book_points
from services.customers.reversals import reverse
from services.customers.sale_points import book_sale_points
from shared.bus import Done, Later, Parked
from shared.events import Fact
from tests.contract.customers.working import conflicts, delivery, rows, worker
from tests.unit.customers.collaborating import documents, effects
from tests.unit.customers.customers import registered, updated
from tests.unit.customers.sales import CARD, archive, back, line, returned, sale
from tests.unit.customers.test_entries import order
from tests.unit.customers.till import (
    feedback,
    gift_card_redeemed,
    gift_card_sold,
    points_earned,
    points_redeemed,
)

CONTACT: dict[str, Any] = {
    "email": "ada@example.com",
    "phone": "+44 1",
    "city": "London",
    "country": "GB",
}


pytestmark = pytest.mark.asyncio(loop_scope="session")


async def book(wired: wiring.Wired, *facts: Fact) -> list[Any]:
    return await update_customers([delivery(fact) for fact in facts], wired)


async def contacts(simulator: DynamicsSimulator) -> list[dict[str, Any]]:
    found = await rows(simulator, "dataverse", "contacts")
    return [row for row in found if row["tillbus_number"]]


async def accounts_receivable(simulator: DynamicsSimulator) -> list[dict[str, Any]]:
    found = await rows(simulator, "finance-operations", "CustomersV3")
    return [row for row in found if row.get("PersonLastName") == "Lovelace"]


async def test_a_customer_is_booked_in_finance_and_operations_and_dataverse(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        [outcome] = await book(wired, registered(**CONTACT))
        assert effects(outcome) == ["customer", "contact"]
        [changed] = await book(wired, updated(city="York"))
        assert effects(changed) == ["customer", "contact"]
        assert await conflicts(wired) == []
    [customer] = await accounts_receivable(simulator)
    assert (customer["PersonFirstName"], customer["PersonLastName"]) == ("Ada", "Lovelace")
    assert (customer["AddressCity"], customer["PrimaryContactEmail"]) == ("York", "ada@example.com")
    assert (customer["CustomerGroupId"], customer["SalesCurrencyCode"]) == ("RETAIL", "GBP")
    [contact] = await contacts(simulator)
    assert (contact["address1_city"], contact["mobilephone"]) == ("York", "+44 1")


async def test_a_customer_is_booked_in_business_central_and_dataverse(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    german: dict[str, Any] = {"company": "dert", "customer": "C-9", "language": "de", **CONTACT}
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        [outcome] = await book(wired, registered(**german))
        await book(wired, updated(company="dert", customer="C-9", city="Bonn"))
        await book(wired, updated(3, company="dert", customer="C-9", street="1 Mill Lane"))
        assert await conflicts(wired) == []
    assert [each.document.system for each in documents(outcome)] == [
        "business-central",
        "dataverse",
    ]
    found = await rows(simulator, "business-central", "customers")
    [customer] = [row for row in found if row["number"] == "C-9"]
    assert (customer["displayName"], customer["city"]) == ("Ada Lovelace", "Bonn")


async def test_what_a_person_changed_in_dynamics_is_found_kept_and_told_to_the_other_book(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        await book(wired, registered(**CONTACT))
        port = wired.books["finance-operations"].customers
        there = await port.find("gbrt", "C-1")
        assert there is not None
        await port.save([replace(there, phone="+44 9", group="VIP")])
        [outcome] = await book(wired, updated(city="York"))
        assert effects(outcome) == ["customer", "contact"]
        [conflict] = await conflicts(wired)
    assert (conflict.field, conflict.in_force.by) == ("phone", "finance-operations")
    assert (conflict.in_force.value, conflict.other.value) == ("+44 9", "+44 1")
    [customer] = await accounts_receivable(simulator)
    assert (customer["PrimaryContactPhone"], customer["AddressCity"]) == ("+44 9", "York")
    assert customer["CustomerGroupId"] == "VIP"
    [contact] = await contacts(simulator)
    assert contact["mobilephone"] == "+44 9"


async def test_a_field_business_central_owns_keeps_its_value(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    german: dict[str, Any] = {"company": "dert", "customer": "C-9"}
    rules = {"dert": {"name": ["dynamics", "till"]}}
    async with worker(simulator, tmp_path / "s.db", monkeypatch, rules) as wired:
        await book(wired, registered(**german))
        await book(wired, updated(name="Ada King", **german))
        [conflict] = await conflicts(wired)
    assert (conflict.in_force.value, conflict.other.value) == ("Ada Lovelace", "Ada King")
    [contact] = await contacts(simulator)
    assert contact["lastname"] == "Lovelace"


async def test_a_worker_with_an_empty_store_finds_what_is_booked(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in ("one.db", "two.db"):
        async with worker(simulator, tmp_path / store, monkeypatch) as wired:
            simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, path="CustomersV3"))
            simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, path="UpsertMultiple"))
            outcomes = await book(wired, registered(**CONTACT))
            for _ in range(3):
                if isinstance(outcomes[0], Later):
                    outcomes = await book(wired, registered(**CONTACT))
        assert effects(outcomes[0]) == ["customer", "contact"]
    assert len(await accounts_receivable(simulator)) == len(await contacts(simulator)) == 1


async def test_breaking_connections_lose_and_double_nothing(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fourth call that books anything breaks, before or after it is stored."""
    numbers = [f"C-{n}" for n in range(12)]
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        await book(wired, registered(customer="C-99", loyalty_card=CARD))
        waiting: list[Fact] = [registered(customer=n, phone="+44 1") for n in numbers]
        entries: list[Fact] = [points_earned(n) for n in range(1, 13)]
        cards: list[Fact] = [gift_card_sold(n, card=f"G-{n}") for n in range(1, 13)]
        for kind, seed in ((FaultKind.DROP_AFTER_COMMIT, 1), (FaultKind.DROP_BEFORE_COMMIT, 2)):
            # Seldom enough that no five calls in a row make the environment count as down.
            fault = Fault(kind=kind, method="POST|PATCH", path="/data|/api/data", count=None,
                          percent=12, seed=seed)  # fmt: skip
            simulator.faults.add(fault)
        async with asyncio.timeout(60):
            while waiting or entries or cards:
                waiting = await _left(update_customers, waiting, wired)
                entries = await _left(book_points, entries, wired)
                cards = await _left(book_gift_cards, cards, wired)
        assert await conflicts(wired) == []
    erp = Counter(row["CustomerAccount"] for row in await accounts_receivable(simulator))
    crm = Counter(row["tillbus_number"] for row in await contacts(simulator))
    assert erp == crm == Counter([*numbers, "C-99"])
    points = await rows(simulator, "dataverse", "tillbus_pointsentries")
    gifts = await rows(simulator, "dataverse", "tillbus_giftcardentries")
    assert len(points) == len({row["tillbus_key"] for row in points}) == 12
    assert len(gifts) == len({row["tillbus_key"] for row in gifts}) == 12


async def _left(handler: Any, facts: Sequence[Fact], wired: wiring.Wired) -> list[Fact]:
    """Deliver the facts; return those that wait for another try."""
    outcomes = await handler([delivery(fact) for fact in facts], wired)
    kinds = {type(outcome) for outcome in outcomes}
    assert kinds <= {Done, Later}, outcomes
    return [f for f, outcome in zip(facts, outcomes, strict=True) if isinstance(outcome, Later)]


async def test_two_workers_side_by_side_end_with_what_the_newest_version_says(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        worker(simulator, tmp_path / "s.db", monkeypatch) as one,
        worker(simulator, tmp_path / "s.db", monkeypatch) as two,
    ):
        await book(one, registered(**CONTACT))
        facts = [updated(n, city=f"City {n}") for n in range(2, 12)]
        waiting: list[list[Any]] = [facts[0::2], facts[1::2]]
        for _ in range(10):
            waiting = list(
                await asyncio.gather(
                    *(_left(update_customers, share, wired)
                      for share, wired in zip(waiting, (one, two), strict=True))
                )
            )  # fmt: skip
            if not any(waiting):
                break
        assert waiting == [[], []]
        assert await conflicts(one) == []
    [customer] = await accounts_receivable(simulator)
    [contact] = await contacts(simulator)
    assert customer["AddressCity"] == contact["address1_city"] == "City 11"


async def test_points_and_gift_cards_add_up_in_dataverse(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        [early] = await book_points([delivery(points_earned(1))], wired)
        assert isinstance(early, Parked)
        await book(wired, registered(loyalty_card=CARD))
        await book_points(
            [delivery(points_earned(1)), delivery(points_redeemed(2, points=3))], wired
        )
        await reverse([delivery(order(points_redeemed(2, points=3), "points"))], wired)
        loyalty = wired.loyalty["dataverse"].port
        assert await loyalty.balance("gbrt", CARD, "POINTS") == 7
        [redeemed] = await book_gift_cards([delivery(gift_card_redeemed())], wired)
        assert isinstance(redeemed, Parked)
        await book_gift_cards([delivery(gift_card_sold())], wired)
        [redeemed] = await book_gift_cards([delivery(gift_card_redeemed())], wired)
        assert effects(redeemed) == ["gift-card"]
        assert await wired.gift_cards["dataverse"].port.balance("gbrt", "G-1") == Decimal("37.50")


async def test_points_and_gift_cards_add_up_in_finance_and_operations(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def american(fact: Any, **changes: Any) -> Any:
        transaction = fact.transaction.model_copy(update={"company": "usrt"})
        return fact.model_copy(update={"transaction": transaction, **changes})

    known = american(points_earned(1), card="LC-55001")
    unknown = american(points_earned(2), card="LC-0")
    sold = american(gift_card_sold(1), currency="USD")
    redeemed = american(gift_card_redeemed(2), currency="USD")
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        booked, parked = await book_points([delivery(known), delivery(unknown)], wired)
        assert effects(booked) == ["points"]
        assert isinstance(parked, Parked)
        assert parked.key == "card/usrt/LC-0"
        [waiting] = await book_gift_cards([delivery(redeemed)], wired)
        assert isinstance(waiting, Parked)
        for fact in (sold, redeemed):
            [outcome] = await book_gift_cards([delivery(fact)], wired)
            assert effects(outcome) == ["gift-card"]
        [outcome] = await reverse([delivery(order(redeemed, "gift-card"))], wired)
        assert effects(outcome) == ["gift-card"]
        loyalty = wired.loyalty["finance-operations"].port
        assert await loyalty.balance("usrt", "LC-55001", "POINTS") == 7
        gift_cards = wired.gift_cards["finance-operations"].port
        assert await gift_cards.balance("usrt", "G-1") == 50


async def test_a_sales_points_come_back_with_its_goods(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = sale(1, [line(1, "10", "3"), line(2, "0.99")])
    facts = [bought, returned(2, [back(1, 1, "3.33", "1")]), returned(3, [back(1, 1, "6.67", "2"),
             back(1, 2, "0.99", at=2)])]  # fmt: skip
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        await book(wired, registered(loyalty_card=CARD))
        await archive(wired, *facts)
        loyalty = wired.loyalty["dataverse"].port
        balances = []
        for fact in facts:
            for _ in range(2):
                [outcome] = await book_sale_points([delivery(fact)], wired)
                assert effects(outcome) == ["points"]
            balances.append(await loyalty.balance("gbrt", CARD, "POINTS"))
    assert balances == [10, 7, 0]
    assert len(await rows(simulator, "dataverse", "tillbus_pointsentries")) == 3


async def test_feedback_waits_for_its_customer_and_becomes_a_note(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch) as wired:
        [outcome] = await note_feedback([delivery(feedback())], wired)
        assert isinstance(outcome, Parked)
        assert outcome.key == "customer/gbrt/C-1"
        await book(wired, registered())
        simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, method="PATCH"))
        [outcome] = await note_feedback([delivery(feedback())], wired)
        assert effects(outcome) == ["note"]
    [note] = await rows(simulator, "dataverse", "annotations")
    assert note["notetext"].startswith("Rating: 4 of 10")


async def test_only_the_books_that_companies_keep_are_opened(
    simulator: DynamicsSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(simulator, tmp_path / "s.db", monkeypatch):
        monkeypatch.setenv("COMPANIES", '{"gbrt": {"currencies": ["GBP"]}}')
        monkeypatch.delenv("BUSINESS_CENTRAL_URL")
        wired = await wiring._build()
        assert sorted(wired.books) == ["dataverse", "finance-operations"]
        await wired.aclose()
        monkeypatch.delenv("DATAVERSE_URL")
        with pytest.raises(ValidationError, match="url"):
            await wiring._build()
