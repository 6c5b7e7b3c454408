"""Whole days of tills, counters that begin again included: missing is what was taken out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.completeness.certificate import Certificate, Verdict
from services.completeness.certify import certify
from shared.events import CounterReset, Fact, SaleCompleted, SaleReturned, TransactionRecorded
from shared.store import MemoryLedger

from .days import DAY, NOON
from .till_days import DAYS, StoreDayOfTills, Till, booked, key, witnessed

Position = tuple[str, int]


def _position(fact: Fact) -> Position:
    return fact.key.terminal, fact.key.sequence  # type: ignore[attr-defined]


def _missing(certificate: Certificate) -> set[Position]:
    return {
        (terminal.terminal, number)
        for terminal in certificate.terminals
        for gap in terminal.missing
        for number in range(gap.first, gap.last + 1)
    }


def _without(facts: Sequence[Fact], lost: set[Position]) -> list[Fact]:
    return [fact for fact in facts if _position(fact) not in lost]


@given(day=DAYS, data=st.data())
def test_the_gaps_of_a_closed_day_are_exactly_the_numbers_that_are_not_there(
    day: StoreDayOfTills, data: st.DataObject
) -> None:
    everything = [*day.facts(), *day.documents()]
    positions = [_position(fact) for fact in day.facts()]
    lost = data.draw(st.sets(st.sampled_from(positions)))

    certificate = certify(DAY, witnessed([*_without(everything, lost), day.close()]))

    assert _missing(certificate) == lost
    assert certificate.missing_sequences == len(lost)
    expected = Verdict.INCOMPLETE if lost else Verdict.BALANCED
    assert (certificate.verdict, bool(certificate.reasons)) == (expected, bool(lost))


@given(day=DAYS)
def test_a_whole_day_accounts_for_every_number_by_what_it_was_used_for(
    day: StoreDayOfTills,
) -> None:
    certificate = certify(DAY, witnessed([*day.facts(), *day.documents(), day.close()]))

    for till, terminal in zip(day.tills, certificate.terminals, strict=True):
        used = [n for run in terminal.runs for n in range(run.first, run.last + 1)]
        assert used == till.numbers()
        assert sum(terminal.transactions.values()) == terminal.facts == len(used)
        assert terminal.transactions.get("counter-reset", 0) == len(till.runs) - 1
    sales = [fact for fact in day.facts() if isinstance(fact, SaleCompleted | SaleReturned)]
    assert certificate.facts_seen == certificate.documents_posted == len(sales)


@given(day=DAYS, data=st.data())
def test_an_open_day_has_no_gap_between_runs_and_every_gap_within_them(
    day: StoreDayOfTills, data: st.DataObject
) -> None:
    """How a counter began and how far it has come, only the close will say."""
    told = [
        _position(fact)
        for till in day.tills
        for fact in day.facts()
        if _position(fact)[0] == till.name
        and _position(fact)[1] not in {till.numbers()[0], till.numbers()[-1]}
        and _position(fact)[1] not in {run[0] for run in till.runs}
    ]
    lost = data.draw(st.sets(st.sampled_from(told))) if told else set()

    certificate = certify(DAY, witnessed(_without([*day.facts(), *day.documents()], lost)))

    assert _missing(certificate) == lost
    assert certificate.verdict is Verdict.OPEN


@given(day=DAYS, data=st.data())
async def test_an_open_day_passed_over_as_gapless_has_no_gap_and_no_reset(
    day: StoreDayOfTills, data: st.DataObject
) -> None:
    positions = [_position(fact) for fact in day.facts()]
    lost = data.draw(st.sets(st.sampled_from(positions), max_size=2))
    entries = witnessed(_without([*day.facts(), *day.documents()], lost))
    ledger = MemoryLedger()
    await ledger.record(entries)

    gapless = await ledger.gapless([DAY])

    missing = certify(DAY, entries).missing_sequences
    resets = any(fact.last_before is not None for fact in entries.facts)
    runs = max(len(till.runs) for till in day.tills)
    if gapless:
        assert (missing, resets) == (0, False)
    elif entries.facts and runs == 1:
        assert missing > 0


@given(day=DAYS, shuffled=st.randoms(use_true_random=False))
def test_repeats_and_the_order_of_arrival_do_not_show(
    day: StoreDayOfTills, shuffled: Random
) -> None:
    facts = [*day.facts(), *day.documents(), day.close()]
    mixed = shuffled.sample(facts * 2, len(facts) * 2)

    assert certify(DAY, witnessed(mixed)) == certify(DAY, witnessed(facts))


@given(day=DAYS, data=st.data())
def test_a_document_a_cent_off_differs_and_is_named(
    day: StoreDayOfTills, data: st.DataObject
) -> None:
    sales = [fact for fact in day.facts() if isinstance(fact, SaleCompleted | SaleReturned)]
    wrong = data.draw(st.sets(st.sampled_from(sales))) if sales else set()
    off = {fact.event_id: booked(fact, amount=fact.signed_amount + Decimal("0.01"))
           for fact in wrong}  # fmt: skip
    documents = [off.get(each.fact_id, each) for each in day.documents()]

    certificate = certify(DAY, witnessed([*day.facts(), *documents, day.close()]))

    named = {(each.terminal, each.sequence) for each in certificate.disagreements}
    assert named == {_position(fact) for fact in wrong}
    assert (certificate.verdict is Verdict.BALANCED) == (not wrong)


@given(day=DAYS, data=st.data())
def test_a_store_total_of_a_means_of_payment_that_is_off_differs_and_is_named(
    day: StoreDayOfTills, data: st.DataObject
) -> None:
    close = day.close()
    if not close.tender_totals:
        return
    place = data.draw(st.integers(0, len(close.tender_totals) - 1))
    totals = list(close.tender_totals)
    wrong = totals[place].model_copy(update={"amount": totals[place].amount + Decimal("0.01")})
    totals[place] = wrong

    certificate = certify(
        DAY,
        witnessed(
            [
                *day.facts(),
                *day.documents(),
                close.model_copy(update={"tender_totals": tuple(totals)}),
            ]
        ),
    )

    assert certificate.verdict is Verdict.DIFFERS
    [reason] = certificate.reasons
    assert reason.startswith(f"the store's {wrong.type} total is {wrong.amount} USD, its facts")


RESET_DAY = StoreDayOfTills(
    (Till("T1", ((51, ("sale", "sale")), (1, ("recorded", "sale")))),), (Decimal("1.00"),)
)


@pytest.mark.parametrize(
    ("resets", "number", "sentence"),
    [
        ((), 2, "the till's counter began again at 1 after 52, which the store's day close does"),
        (RESET_DAY.tills[0].resets, 40, "sequence 40 was used, the store says 51-52, 1-2"),
    ],
)
def test_a_close_that_knows_of_other_runs_than_the_till_differs(
    resets: tuple[CounterReset, ...], number: int, sentence: str
) -> None:
    close = RESET_DAY.close()
    counters = close.terminals[0].model_copy(update={"resets": tuple(resets), "sales": 0})
    if not resets:
        counters = counters.model_copy(update={"first_sequence": 1, "last_sequence": 52})
    stray = TransactionRecorded(key=key("T1", number), kind="no-sale", occurred_at=NOON)
    close = close.model_copy(update={"terminals": (counters,)})

    certificate = certify(DAY, witnessed([*RESET_DAY.facts(), stray, close]))

    assert any(reason.startswith(f"terminal T1: {sentence}") for reason in certificate.reasons)
