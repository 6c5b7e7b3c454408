"""The demonstration's day: nothing of it is lost between scenes, whatever the seed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.demo.day import BUSINESS_DAY, MIX, OFFLINE, PER_STORE, DemoDay, plan_day
from infra.local.demo.moments import moment_of
from infra.local.demo.scenes import SCENES
from infra.local.till.baskets import STORES, TradingDay
from shared.events import (
    CustomerRegistered,
    GiftCardRedeemed,
    GiftCardSold,
    InvalidEvent,
    InventoryAdjusted,
    LoyaltyEarned,
    LoyaltyRedeemed,
    OrderPlaced,
    PaymentCaptured,
    Reason,
    SaleCompleted,
    SaleReturned,
    SaleVoided,
    StockCounted,
    TransactionRecorded,
    decode,
)

SEEDS = range(40)


def _day(seed: int) -> DemoDay:
    return plan_day(seed, lambda: datetime(2026, 3, 3, tzinfo=UTC))


DAY = _day(7)


def test_every_transaction_of_the_stores_belongs_to_exactly_one_scene() -> None:
    generated = TradingDay(7, STORES, BUSINESS_DAY, transactions_per_store=PER_STORE, mix=MIX)
    wanted = sorted(str(fact.key) for fact in generated if isinstance(fact, _USES_A_NUMBER))
    stores = {store.number for store in STORES}

    found = [fact.key for fact in DAY.facts if isinstance(fact, _USES_A_NUMBER)]

    assert sorted(str(key) for key in found if key.store in stores) == wanted


_USES_A_NUMBER = (SaleCompleted, SaleReturned, SaleVoided, TransactionRecorded)


def test_the_offline_till_is_in_no_scene_of_the_day() -> None:
    live = [*DAY.morning, *DAY.noon, *DAY.afternoon, *DAY.evening]
    keys = [fact.key for fact in live if isinstance(fact, _USES_A_NUMBER)]

    assert DAY.offline
    assert OFFLINE not in {(key.store, key.terminal) for key in keys}


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_the_seed_every_scene_has_what_it_tells_of(seed: int) -> None:
    day = _day(seed)

    kinds = {type(fact) for fact in day.facts}
    assert kinds >= {
        *_USES_A_NUMBER,
        CustomerRegistered,
        GiftCardSold,
        InventoryAdjusted,
        OrderPlaced,
        PaymentCaptured,
        StockCounted,
    }
    assert kinds.isdisjoint({LoyaltyRedeemed}) or LoyaltyEarned in kinds
    assert GiftCardRedeemed not in kinds or GiftCardSold in kinds
    assert len({fact.event_id for fact in day.facts}) == len(day.facts)
    assert day.traced_sale
    assert day.traced_order


@pytest.mark.parametrize("seed", SEEDS)
def test_goods_of_the_overtaken_sale_come_back_before_it_is_published(seed: int) -> None:
    day = _day(seed)

    early = [*day.morning, *day.noon, *day.afternoon, *day.evening]
    returns = [fact for fact in early if isinstance(fact, SaleReturned)]
    sold = {line.original.key for fact in returns for line in fact.lines if line.original}
    assert day.overtaken.key in sold
    assert day.overtaken not in early


@pytest.mark.parametrize("seed", SEEDS)
def test_every_loyalty_card_that_is_used_is_registered_that_day(seed: int) -> None:
    facts = _day(seed).facts
    used = {
        (fact.transaction.company, fact.card)
        for fact in facts
        if isinstance(fact, LoyaltyEarned | LoyaltyRedeemed)
    }

    registered = [fact for fact in facts if isinstance(fact, CustomerRegistered)]

    assert used <= {(each.company, each.loyalty_card) for each in registered}


def test_one_card_is_used_before_its_form_is_entered() -> None:
    forms = {
        fact.loyalty_card: moment_of(fact)
        for fact in DAY.facts
        if isinstance(fact, CustomerRegistered) and fact.loyalty_card
    }
    earned = [fact for fact in DAY.facts if isinstance(fact, LoyaltyEarned)]

    assert any(fact.occurred_at < forms[fact.card] for fact in earned)


@pytest.mark.parametrize("poison", DAY.poison, ids=lambda poison: poison.message_id)
def test_each_poison_is_what_it_claims_to_be(poison: Any) -> None:
    if poison.reason is Reason.UNKNOWN_COMPANY:
        place = decode(poison.body).data.place
        assert place is not None
        assert place[0] == "none"
        assert poison.refused_by == ("sales", "inventory")
        return
    with pytest.raises(InvalidEvent) as refused:
        decode(poison.body)
    assert refused.value.reason is poison.reason
    assert poison.refused_by == ("sales",)


async def test_what_scenes_tell_fits_into_a_terminal_of_a_hundred_columns() -> None:
    told: list[str] = []

    class Stage:
        day = DAY

        @staticmethod
        def tell(hour: str, what: str) -> None:
            told.append(f"[100.0 s] {hour:5}  {what}")

    for scene in SCENES:
        scene.tell(Stage)  # type: ignore[arg-type]

    assert [line for line in told if len(line) > 100 or "{" in line] == []
    assert len(told) >= len(SCENES)
