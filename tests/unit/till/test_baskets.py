"""Made-up trading days: balanced, repeatable, and of every regime."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.till.baskets import STORES, TradingDay
from infra.local.till.pricing import (
    Payment,
    allocate,
    cash_and_change,
    exactly,
    first_then,
    foreign_cash,
    rounded_to,
)
from infra.local.till.regimes import REGIMES
from shared.events import (
    Fact,
    SaleCompleted,
    SaleReturned,
    StoreDayClosed,
    decode,
    encode,
    new_event,
    smallest_amount,
)

Transaction = SaleCompleted | SaleReturned


@pytest.fixture(scope="module")
def day() -> list[Fact]:
    return list(TradingDay(seed=7, transactions_per_store=150))


def transactions(facts: list[Fact]) -> list[Transaction]:
    return [fact for fact in facts if isinstance(fact, (SaleCompleted, SaleReturned))]


def test_same_seed_gives_the_same_day_and_another_seed_another(day: list[Fact]) -> None:
    assert list(TradingDay(seed=7, transactions_per_store=150)) == day
    assert list(TradingDay(seed=8, transactions_per_store=150)) != day


def test_a_store_trades_the_same_whoever_else_is_open(day: list[Fact]) -> None:
    alone = list(TradingDay(seed=7, stores=STORES[2:3], transactions_per_store=150))

    assert alone == [fact for fact in day if fact.place == ("dert", "BERLIN")]


def test_day_comes_in_time_order_and_ends_with_a_close_per_store(day: list[Fact]) -> None:
    moments = [fact.occurred_at for fact in transactions(day)]

    assert moments == sorted(moments)
    assert [fact.place for fact in day[-len(STORES) :] if isinstance(fact, StoreDayClosed)] == [
        (store.company, store.number) for store in STORES
    ]


def test_closes_count_every_number_and_add_up_to_the_day(day: list[Fact]) -> None:
    by_store: dict[object, list[Transaction]] = defaultdict(list)
    for fact in transactions(day):
        by_store[fact.place].append(fact)
    for close in day[-len(STORES) :]:
        assert isinstance(close, StoreDayClosed)
        traded = by_store[close.place]
        assert close.total == sum(fact.signed_amount for fact in traded)
        for terminal in close.terminals:
            numbers = [
                fact.key.sequence for fact in traded if fact.key.terminal == terminal.terminal
            ]
            assert numbers == list(range(terminal.first_sequence, terminal.last_sequence + 1))
            assert terminal.sales + terminal.returns == len(numbers)


def test_day_holds_everything_a_till_does(day: list[Fact]) -> None:
    facts = transactions(day)
    tenders = [tender for fact in facts for tender in fact.tenders]

    assert {fact.currency for fact in facts} == {"GBP", "EUR", "USD", "AED", "KWD", "JPY"}
    assert {fact.prices_include_tax for fact in facts} == {True, False}
    assert {tender.type for tender in tenders} == {"cash", "card", "gift-card", "voucher"}
    assert any(tender.is_change for tender in tenders)
    assert {tender.currency for tender in tenders} > {"CHF"}
    assert any(fact.rounding for fact in facts)
    assert any(fact.basket_discounts for fact in facts)
    assert any(line.discounts for fact in facts for line in fact.lines)
    assert any(line.quantity % 1 for fact in facts for line in fact.lines)
    returned = [fact for fact in facts if isinstance(fact, SaleReturned)]
    sold = {fact.key: fact for fact in facts if isinstance(fact, SaleCompleted)}
    assert len(returned) > 10
    for fact in returned:
        for line in fact.lines:
            assert line.original is not None
            original = sold[line.original.key].lines[line.original.line - 1]
            assert (original.item, original.gross_amount) == (line.item, line.gross_amount)


def test_made_up_facts_travel_unchanged(day: list[Fact]) -> None:
    for fact in day[::10]:
        event = new_event(fact, source="/tills", time=transactions(day)[0].occurred_at)
        assert decode(encode(event)) == event


@pytest.mark.parametrize(
    ("company", "day", "rates"),
    [
        ("gbrt", "2010-12-31", ["17.5", "0"]),
        ("gbrt", "2011-01-04", ["20", "0"]),
        ("dert", "2020-06-30", ["19", "7"]),
        ("dert", "2020-07-01", ["16", "5"]),
        ("dert", "2021-01-01", ["19", "7"]),
        ("jprt", "2026-03-02", ["10", "8"]),
        ("aert", "2017-12-31", []),
        ("aert", "2018-01-01", ["5", "5"]),
        ("usrt", "2026-03-02", ["8.25"]),
        ("kwrt", "2026-03-02", []),
        ("jprt", "2018-03-02", ["8", "8"]),
        ("sart", "2020-06-30", ["5", "5"]),
        ("sart", "2020-07-01", ["15", "15"]),
        ("bhrt", "2022-01-01", ["10", "10"]),
        ("omrt", "2021-04-15", []),
        ("omrt", "2021-04-16", ["5", "5"]),
    ],
)
def test_tax_rates_are_those_of_the_day(company: str, day: str, rates: list[str]) -> None:
    on = date.fromisoformat(day)
    taxes = [tax for kind in ("standard", "food") for tax in REGIMES[company].taxes(kind, on)]

    assert [tax.rate_percent for tax in taxes] == [Decimal(rate) for rate in rates]


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any),
    st.fractions(0, 1),
    st.sampled_from(["JPY", "GBP", "KWD"]),
)
def test_shares_add_up_exactly_and_none_exceeds_its_line(
    units: list[int], part: object, currency: str
) -> None:
    unit = smallest_amount(currency)
    weights = [number * unit for number in units]
    amount = int(part * sum(units)) * unit  # type: ignore[operator]

    shares = allocate(amount, weights, currency)

    assert sum(shares) == amount
    exact = [amount * weight / sum(weights) for weight in weights]
    for share, weight, fair in zip(shares, weights, exact, strict=True):
        assert 0 <= share <= weight
        assert abs(share - fair) < unit


def test_discount_on_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="cost something"):
        allocate(Decimal(1), [Decimal(0)], "GBP")


@pytest.mark.parametrize(
    "payment",
    [
        exactly("card", "GBP"),
        cash_and_change("GBP", Decimal(20)),
        foreign_cash("GBP", "EUR", Decimal("0.8421"), Decimal(10)),
        first_then("gift-card", Decimal(15), "GBP", cash_and_change("GBP", Decimal(5))),
    ],
)
@given(total=st.integers(0, 10**6).map(lambda pence: Decimal(pence).scaleb(-2)))
def test_tenders_less_change_are_the_total(payment: Payment, total: Decimal) -> None:
    tenders = payment(total)

    paid = sum(
        -tender.amount_in_sale_currency if tender.is_change else tender.amount_in_sale_currency
        for tender in tenders
    )
    assert paid == total
    assert all(tender.amount > 0 for tender in tenders)


def test_cash_is_rounded_to_the_nearest_coin_halves_up() -> None:
    rounded = [
        rounded_to(Decimal(amount), Decimal("0.25")) for amount in ("1.12", "1.125", "1.13", "1.25")
    ]

    assert rounded == [Decimal(amount) for amount in ("1.00", "1.25", "1.25", "1.25")]
