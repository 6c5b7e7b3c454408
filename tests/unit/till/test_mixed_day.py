"""Days with everything a till does: whole, repeatable, lawful, and no money from nowhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from infra.local.till.baskets import STORES, Mix, Store, TradingDay
from infra.local.till.regimes import REGIMES
from shared.events import (
    CashMoved,
    EInvoiceStamp,
    Fact,
    GiftCardRedeemed,
    GiftCardSold,
    LoyaltyEarned,
    LoyaltyRedeemed,
    ReturnLine,
    SaleCompleted,
    SaleReturned,
    SaleVoided,
    StoreDayClosed,
    StoreDayOpened,
    TenderDeclared,
    TransactionKey,
    TransactionRecorded,
    decode,
    encode,
    new_event,
)
from shared.tax import TaxRates, check

GULF = (Store("sart", "RIYADH"), Store("bhrt", "MANAMA"), Store("omrt", "MUSCAT"))
MOMENT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def mixed(seed: int = 7, stores: tuple[Store, ...] = (*STORES, *GULF)) -> list[Fact]:
    return list(TradingDay(seed, stores, transactions_per_store=300, mix=Mix()))


@pytest.fixture(scope="module")
def day() -> list[Fact]:
    return mixed()


def of(facts: list[Fact], *kinds: type[Fact]) -> list[Fact]:
    return [fact for fact in facts if isinstance(fact, kinds)]


def sales(facts: list[Fact]) -> list[SaleCompleted | SaleReturned]:
    return [fact for fact in facts if isinstance(fact, SaleCompleted | SaleReturned)]


def came_back(fact: SaleCompleted | SaleReturned) -> list[ReturnLine]:
    lines = fact.exchanged_lines if isinstance(fact, SaleCompleted) else fact.lines
    return [line for line in lines if isinstance(line, ReturnLine)]


def test_same_seed_gives_the_same_mixed_day_and_another_another(day: list[Fact]) -> None:
    assert mixed() == day
    assert mixed(seed=8) != day


def test_mixed_day_holds_everything_a_till_does(day: list[Fact]) -> None:
    recorded = [fact for fact in day if isinstance(fact, TransactionRecorded)]
    exchanges = [fact for fact in sales(day) if fact.exchanged_lines]
    back = [(fact, line) for fact in sales(day) for line in came_back(fact)]
    known = [(fact.key, line.original.key) for fact, line in back if line.original]

    assert {fact.kind for fact in recorded} == {"suspended", "resumed", "training", "no-sale"}
    now_and_then = (SaleVoided, GiftCardSold, GiftCardRedeemed, LoyaltyEarned, LoyaltyRedeemed)
    everywhere = (StoreDayOpened, CashMoved, TenderDeclared, StoreDayClosed)
    assert all(of(day, kind) for kind in now_and_then)
    assert all(len(of(day, kind)) >= len(STORES) + len(GULF) for kind in everywhere)
    assert any(isinstance(fact, SaleReturned) for fact in exchanges)
    assert any(isinstance(fact, SaleCompleted) and fact.total > 0 for fact in exchanges)
    assert any(isinstance(fact, SaleCompleted) and not fact.tenders for fact in exchanges)
    assert any(line.original is None for _, line in back)
    assert any(line.gift_receipt for _, line in back)
    assert any(key.store != sold.store for key, sold in known)
    assert any(key.store == sold.store and key.terminal != sold.terminal for key, sold in known)
    assert any(fact.is_top_up for fact in day if isinstance(fact, GiftCardSold))
    assert any(line.gift_card for fact in sales(day) for line in fact.lines)
    assert {fact.currency for fact in sales(day)} >= {"SAR", "BHD", "OMR", "AED", "KWD"}


def test_every_fact_is_accepted_by_the_contract_and_travels_unchanged(day: list[Fact]) -> None:
    for fact in day:
        event = new_event(fact, source="/tills", time=MOMENT)
        assert decode(encode(event)) == event


def test_every_number_is_used_once_in_time_order_and_the_closes_add_up(day: list[Fact]) -> None:
    numbers: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    moments: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    takings: Counter[tuple[str, str]] = Counter()
    for fact in day:
        key = getattr(fact, "key", None)
        if isinstance(key, TransactionKey):
            till = (key.company, key.store, key.terminal)
            numbers[till].append(key.sequence)
            moments[till].append(fact.occurred_at)  # type: ignore[attr-defined]
    amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for sale in sales(day):
        amounts[sale.place] += sale.signed_amount
        takings[sale.place] += 1
    for till, used in numbers.items():
        assert used == list(range(1, len(used) + 1)), till
        assert moments[till] == sorted(moments[till]), till
    closes = [fact for fact in day if isinstance(fact, StoreDayClosed)]
    assert len(closes) == len(STORES) + len(GULF)
    for close in closes:
        assert close.total == amounts[close.place]
        assert sum(each.sales + each.returns for each in close.terminals) == takings[close.place]
        for each in close.terminals:
            last = len(numbers[*close.place, each.terminal])
            assert (each.first_sequence, each.last_sequence) == (1, last)


def test_nothing_comes_back_that_was_not_sold_and_no_more_than_was_paid(day: list[Fact]) -> None:
    sold: dict[tuple[TransactionKey, int], tuple[Decimal, Decimal]] = {}
    for fact in sales(day):
        out = fact.lines if isinstance(fact, SaleCompleted) else fact.exchanged_lines
        for back in came_back(fact):
            if back.original is not None:
                which = (back.original.key, back.original.line)
                quantity, paid = sold[which]
                sold[which] = (quantity - back.quantity, paid - back.gross_amount)
                assert min(sold[which]) >= 0
        for line in out:
            sold[fact.key, line.number] = (line.quantity, line.gross_amount)


def test_gift_cards_are_never_overdrawn_and_tenders_say_what_was_redeemed(day: list[Fact]) -> None:
    balances: dict[str, Decimal] = defaultdict(Decimal)
    paid: dict[TransactionKey, Decimal] = defaultdict(Decimal)
    for fact in day:
        if isinstance(fact, GiftCardSold):
            assert fact.is_top_up == (fact.card in balances)
            balances[fact.card] += fact.amount
        if isinstance(fact, GiftCardRedeemed):
            balances[fact.card] -= fact.amount
            paid[fact.transaction] += fact.amount
            assert balances[fact.card] >= 0
    by_tender = {
        fact.key: amount
        for fact in sales(day)
        if (amount := sum(each.amount for each in fact.tenders if each.type == "gift-card"))
    }
    assert dict(paid) == by_tender


def test_nobody_pays_with_points_they_do_not_have(day: list[Fact]) -> None:
    points: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fact in day:
        if isinstance(fact, LoyaltyEarned):
            points[fact.transaction.company, fact.card] += fact.points
        if isinstance(fact, LoyaltyRedeemed):
            points[fact.transaction.company, fact.card] -= fact.points
            assert points[fact.transaction.company, fact.card] >= 0


def test_drawers_hold_what_came_in_and_went_out(day: list[Fact]) -> None:
    drawers: dict[tuple[str, ...], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for fact in day:
        key = getattr(fact, "key", None)
        if not isinstance(key, TransactionKey):
            continue
        drawer = drawers[key.company, key.store, key.terminal]
        if isinstance(fact, CashMoved):
            drawer[fact.currency] += fact.drawer_amount
        elif isinstance(fact, SaleCompleted | SaleReturned):
            for tender in fact.tenders:
                sign = 1 if isinstance(fact, SaleCompleted) != tender.is_change else -1
                drawer[tender.currency] += sign * tender.amount * (tender.type == "cash")
        elif isinstance(fact, TenderDeclared):
            counted = {each.currency: each.amount for each in fact.tenders}
            assert counted == {currency: max(drawer[currency], Decimal(0)) for currency in counted}


def test_made_up_days_are_lawful_everywhere(day: list[Fact]) -> None:
    rates = TaxRates.packaged()
    stamped = Counter[str]()
    for fact in sales(day):
        assert check(fact, REGIMES[fact.key.company].country, rates) is None
        stamped[fact.key.company] += fact.e_invoice is not None
    assert stamped["sart"] > 100
    assert sum(stamped.values()) == stamped["sart"]


def test_stamps_of_a_till_count_and_chain(day: list[Fact]) -> None:
    chains: dict[tuple[str, str], list[EInvoiceStamp]] = defaultdict(list)
    for fact in sales(day):
        if fact.e_invoice is not None:
            chains[fact.key.store, fact.key.terminal].append(fact.e_invoice)
    assert len(chains) == 2
    for chain in chains.values():
        for number, (before, stamp) in enumerate(pairwise(chain), start=2):
            assert stamp.counter == number
            assert stamp.previous_hash == before.hash
