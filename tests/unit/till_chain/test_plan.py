"""Plans of chains: repeatable, whole, and no number, fact or till in two states at once."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from infra.local.till.chain import TROUBLES, Doing, Options, Plan, Step
from infra.local.till.chain.clocks import TillClock
from infra.local.till.chain.outages import joined
from infra.local.till.chain.sites import chain_sites
from infra.local.till.stores import TICK
from shared.events import (
    CustomerRegistered,
    Fact,
    LoyaltyEarned,
    LoyaltyRedeemed,
    SaleCompleted,
    SaleReturned,
    SaleVoided,
    StoreDayClosed,
    StoreDayOpened,
    TransactionKey,
    TransactionRecorded,
    decode,
    encode,
    new_event,
)
from tests.unit.till_chain.plans import SATURDAY, STORMS, options

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
few = settings(max_examples=25)


def put_first(steps: Iterable[Step]) -> Iterator[tuple[Step, Fact]]:
    """Yield each fact once, with the step that puts it first."""
    seen: set[UUID] = set()
    for step in steps:
        for fact in step.facts:
            if fact.event_id not in seen:
                seen.add(fact.event_id)
                yield step, fact


def facts_of(steps: Iterable[Step]) -> Iterator[Fact]:
    """Yield each fact once, however often it is put."""
    return (fact for _, fact in put_first(steps))


def numbered(steps: Iterable[Step]) -> Iterator[tuple[TransactionKey, Fact]]:
    """Yield the transactions in order; facts about one, such as points, use no number."""
    for fact in facts_of(steps):
        key = getattr(fact, "key", None)
        if isinstance(key, TransactionKey):
            yield key, fact


@few
@given(options())
def test_same_options_give_the_same_steps_to_the_id(chosen: Options) -> None:
    plan = Plan(chosen)

    steps = list(plan)

    assert list(plan) == steps
    assert list(Plan(chosen)) == steps


def test_another_seed_gives_another_chain() -> None:
    assert list(Plan(Options(seed=7))) != list(Plan(Options(seed=8)))


@few
@given(options())
def test_steps_are_in_order_of_time_and_within_the_plan(chosen: Options) -> None:
    plan = Plan(chosen)

    moments = [step.at for step in plan]

    assert moments == sorted(moments)
    assert all(plan.begins <= moment <= plan.ends for moment in moments)


@few
@given(options())
def test_tills_that_are_off_do_nothing_and_whatever_ends_begins_again(chosen: Options) -> None:
    off: set[str] = set()
    cut: set[str] = set()
    for step in Plan(chosen):
        if step.doing is Doing.OFF:
            assert step.till not in off
            off.add(step.till)
        elif step.doing is Doing.ON:
            off.remove(step.till)
        elif step.doing is Doing.CUT:
            assert step.till not in cut
            cut.add(step.till)
        elif step.doing is Doing.BACK:
            cut.remove(step.till)
        assert not step.facts or step.till not in off
    assert not off
    assert not cut


@few
@given(options())
def test_one_id_is_one_content_and_one_number_is_one_transaction(chosen: Options) -> None:
    steps = list(Plan(chosen))
    contents: dict[UUID, Fact] = {}
    for step in steps:
        for fact in step.facts:
            assert contents.setdefault(fact.event_id, fact) == fact

    uses = Counter(key for key, _ in numbered(steps))

    assert set(uses.values()) <= {1}


@few
@given(options())
def test_every_number_is_accounted_for_and_every_close_agrees_with_its_facts(
    chosen: Options,
) -> None:
    steps = list(Plan(chosen))
    numbers: dict[tuple[str, str, date, str], list[int]] = defaultdict(list)
    amounts: dict[tuple[str, str, date], Decimal] = defaultdict(Decimal)
    tenders: dict[tuple[str, str, date, str, str], Decimal] = defaultdict(Decimal)
    counts: Counter[tuple[tuple[str, str, date, str], type[Fact]]] = Counter()
    for key, fact in numbered(steps):
        till = (key.company, key.store, key.business_day, key.terminal)
        numbers[till].append(key.sequence)
        counts[till, type(fact)] += 1
        if isinstance(fact, SaleCompleted | SaleReturned):
            amounts[till[:3]] += fact.signed_amount
            for tender in fact.tenders:
                sign = 1 if isinstance(fact, SaleCompleted) != tender.is_change else -1
                tenders[*till[:3], tender.type, tender.currency] += sign * tender.amount

    closes = [fact for fact in facts_of(steps) if isinstance(fact, StoreDayClosed)]
    opened = [fact for fact in facts_of(steps) if isinstance(fact, StoreDayOpened)]

    assert {each.natural_key() for each in opened} == {each.natural_key() for each in closes}
    for close in closes:
        place = (close.company, close.store, close.business_day)
        assert close.total == amounts[place]
        for total in close.tender_totals:
            assert total.amount == tenders.pop((*place, total.type, total.currency))
        for each in close.terminals:
            till = (*place, each.terminal)
            stated = [n for first, last in each.runs for n in range(first, last + 1)]
            assert stated == numbers.pop(till)
            assert each.sales == counts[till, SaleCompleted]
            assert each.returns == counts[till, SaleReturned]
    assert not numbers
    assert not tenders


@few
@given(options())
def test_counters_that_begin_again_say_from_where_and_the_close_says_so_too(
    chosen: Options,
) -> None:
    steps = list(Plan(chosen))
    said: dict[tuple[str, str], list[tuple[int | None, int]]] = defaultdict(list)
    for key, fact in numbered(steps):
        if isinstance(fact, TransactionRecorded) and fact.kind == "counter-reset":
            day = f"{key.company}/{key.store}/{key.business_day}"
            said[day, key.terminal].append((fact.last_before, key.sequence))

    for close in facts_of(steps):
        if isinstance(close, StoreDayClosed):
            for each in close.terminals:
                stated = [(reset.last_before, reset.first_after) for reset in each.resets]
                assert stated == said[close.natural_key(), each.terminal]


@few
@given(options())
def test_a_tills_clock_is_off_by_a_little_and_never_goes_backwards(chosen: Options) -> None:
    shown: dict[str, list[datetime]] = defaultdict(list)
    for step, fact in put_first(Plan(chosen)):
        moment = getattr(fact, "occurred_at", None)
        if moment is not None:
            assert abs(moment - step.at) <= chosen.troubles.clocks_off_by + TICK
            shown[step.till].append(moment)
    assert all(moments == sorted(moments) for moments in shown.values())


def test_clocks_drift_apart_and_stop_at_their_bound() -> None:
    clock = TillClock(NOON, timedelta(seconds=10), 100e-6, timedelta(seconds=20))

    assert clock.read(NOON) == NOON + timedelta(seconds=10)
    assert clock.read(NOON + timedelta(hours=10)) == NOON + timedelta(hours=10, seconds=13.6)
    for far in (NOON + timedelta(days=20), NOON + timedelta(days=21)):
        assert clock.read(far) == far + timedelta(seconds=20)


def test_outages_that_touch_are_one() -> None:
    hours = [NOON + timedelta(hours=number) for number in range(8)]

    assert joined([(hours[4], hours[6]), (hours[0], hours[2]), (hours[1], hours[3])]) == [
        (hours[0], hours[3]),
        (hours[4], hours[6]),
    ]


def test_lunch_and_the_hours_after_work_are_the_busiest_by_the_clock_of_the_place() -> None:
    for site in chain_sites(6, tills=1, seed=7):
        zone = ZoneInfo(site.country.zone)
        moments = site.moments(SATURDAY, 2_000, random.Random(7))
        by_hour = Counter(moment.astimezone(zone).hour for moment in moments)

        assert moments == sorted(set(moments))
        assert min(by_hour) == site.opens
        assert max(by_hour) == site.closes - 1
        assert {hour for hour, _ in by_hour.most_common(3)} <= {12, 13, 17, 18}


def test_saturdays_are_busier_and_german_sundays_closed() -> None:
    tuesday = SATURDAY - timedelta(days=4)
    plan = Plan(Options(stores=6, tills=1, days=6, customers=25, first_day=tuesday))
    sales: Counter[tuple[str, date]] = Counter()
    for key, _ in numbered(plan):
        sales[key.company, key.business_day] += 1

    for company in ("gbrt", "dert", "usrt", "jprt"):
        assert sales[company, SATURDAY] > 1.4 * sales[company, tuesday]
    assert sales["aert", SATURDAY - timedelta(days=1)] > sales["aert", SATURDAY]
    assert sales["dert", SATURDAY + timedelta(days=1)] == 0
    assert sales["gbrt", SATURDAY + timedelta(days=1)] > 0


def test_a_power_cut_in_mid_sale_voids_the_basket_under_its_number() -> None:
    plan = Plan(Options(stores=6, customers=40, troubles=STORMS))
    before: dict[str, int] = {}
    voided = 0
    for step, fact in put_first(plan):
        key = getattr(fact, "key", None)
        if isinstance(fact, SaleVoided) and step.doing is Doing.ON:
            voided += 1
            assert fact.reason == "power-cut"
            assert fact.key.sequence == before[step.till] + 1
        if isinstance(key, TransactionKey):
            before[step.till] = key.sequence
    assert voided > 3


def test_a_counter_begins_again_at_1_where_that_was_not_used_and_beyond_where_it_was() -> None:
    plan = Plan(Options(stores=8, days=2, customers=30, troubles=STORMS))
    resets = [
        (fact.last_before, key.sequence)
        for key, fact in numbered(plan)
        if isinstance(fact, TransactionRecorded) and fact.kind == "counter-reset"
    ]

    assert any(first == 1 for _, first in resets)
    assert any(first > 1 and last and last < 10_000 for last, first in resets)


def test_tills_put_again_only_what_they_have_put_before() -> None:
    again = 0
    seen: set[UUID] = set()
    for step in Plan(Options(customers=40, troubles=STORMS)):
        ids = [fact.event_id for fact in step.facts]
        repeated = [each for each in ids if each in seen]
        assert not repeated or step.doing is Doing.ON
        assert ids[: len(repeated)] == repeated
        again += len(repeated)
        seen.update(ids)
    assert again > 3


def test_every_loyalty_card_is_registered_once_before_it_is_used() -> None:
    registered: Counter[tuple[str, str | None]] = Counter()
    used = 0
    for fact in facts_of(Plan(Options(stores=8, days=2, troubles=TROUBLES["many"]))):
        if isinstance(fact, CustomerRegistered):
            registered[fact.company, fact.loyalty_card] += 1
        if isinstance(fact, LoyaltyEarned | LoyaltyRedeemed):
            used += 1
            assert registered[fact.transaction.company, fact.card] == 1
    assert used > len(registered) > 0


def test_everything_put_is_accepted_by_the_contract_and_travels_unchanged() -> None:
    for fact in facts_of(Plan(Options(troubles=STORMS))):
        event = new_event(fact, source="/tills", time=NOON)
        assert decode(encode(event)) == event


def test_outages_hit_single_tills_and_whole_stores_for_minutes_and_for_days() -> None:
    plan = Plan(Options(stores=12, tills=3, days=4, customers=0, troubles=TROUBLES["many"]))
    cut_at: dict[str, datetime] = {}
    together: Counter[tuple[str, datetime]] = Counter()
    lengths: list[timedelta] = []
    for step in plan:
        if step.doing is Doing.CUT:
            cut_at[step.till] = step.at
            together[step.till.rpartition("/")[0], step.at] += 1
        elif step.doing is Doing.BACK:
            lengths.append(step.at - cut_at.pop(step.till))

    assert {1, 3} <= set(together.values())
    assert min(lengths) < timedelta(hours=1)
    assert max(lengths) > timedelta(days=1)


def test_without_troubles_nothing_is_cut_and_clocks_are_right() -> None:
    steps = list(Plan(Options(troubles=TROUBLES["none"])))

    assert {step.doing for step in steps} == {Doing.PUT}
    assert all(
        fact.occurred_at == step.at
        for step in steps
        for fact in step.facts
        if isinstance(fact, SaleCompleted)
    )


def test_a_smaller_chain_has_the_first_stores_of_a_larger_one() -> None:
    small, large = Plan(Options(stores=3)), Plan(Options(stores=60))

    assert large.sites[:3] == small.sites
    assert len({site.name for site in large.sites}) == 60


@pytest.mark.parametrize(
    "wrong", [{"stores": 0}, {"tills": 0}, {"days": 0}, {"customers": -1}, {"customers": 1001}]
)
def test_a_chain_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"at least one|customers"):
        Options(**wrong)  # type: ignore[arg-type]


def test_numbers_of_a_till_rise_within_each_run() -> None:
    by_till: dict[str, list[tuple[int, Fact]]] = defaultdict(list)
    for key, fact in numbered(Plan(Options(days=2, troubles=STORMS))):
        name = f"{key.company}/{key.store}/{key.business_day}/{key.terminal}"
        by_till[name].append((key.sequence, fact))
    for used in by_till.values():
        for (before, _), (after, fact) in pairwise(used):
            is_reset = isinstance(fact, TransactionRecorded) and fact.kind == "counter-reset"
            assert is_reset or after == before + 1
