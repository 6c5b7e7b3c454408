from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.completeness.certificate import SequenceRange, Verdict
from services.completeness.certify import certify
from services.completeness.sequences import gaps
from shared.store import Entries, PostedDocument, SeenFact

from .days import (
    DAY,
    Transaction,
    closed,
    closing,
    complete,
    posted,
    rejected,
    seen,
    transactions,
)

AMOUNTS = st.decimals(-500, 500, places=2).filter(bool).map(str)
DAYS = st.dictionaries(
    st.sampled_from(["T1", "T2", "T3"]), st.lists(AMOUNTS, min_size=1, max_size=8), min_size=1
).map(
    lambda tills: [
        each for name, amounts in tills.items() for each in transactions(amounts, terminal=name)
    ]
)


Row = TypeVar("Row", SeenFact, PostedDocument)


def _without(rows: Sequence[Row], transaction: Transaction) -> list[Row]:
    return [row for row in rows if row.fact_id != transaction.fact_id]


def _fact_lost(entries: Entries, it: Transaction) -> Entries:
    return replace(entries, facts=_without(entries.facts, it))


def _fact_and_document_lost(entries: Entries, it: Transaction) -> Entries:
    return _not_yet_posted(_fact_lost(entries, it), it)


def _not_yet_posted(entries: Entries, it: Transaction) -> Entries:
    return replace(entries, documents=_without(entries.documents, it))


def _rejected_by_a_rule(entries: Entries, it: Transaction) -> Entries:
    return replace(_not_yet_posted(entries, it), rejections=[*entries.rejections, rejected(it)])


def _invalid(entries: Entries, it: Transaction) -> Entries:
    return replace(
        _fact_and_document_lost(entries, it), rejections=[*entries.rejections, rejected(it)]
    )


def _booked_a_cent_off(entries: Entries, it: Transaction) -> Entries:
    off = posted(it, amount=it.amount + Decimal("0.01"))
    return replace(entries, documents=[*_without(entries.documents, it), off])


DAMAGES: list[Callable[[Entries, Transaction], Entries]] = [
    _fact_lost,
    _fact_and_document_lost,
    _not_yet_posted,
    _rejected_by_a_rule,
    _invalid,
    _booked_a_cent_off,
]


@given(day=DAYS, damages=st.data())
def test_a_closed_day_is_balanced_if_and_only_if_nothing_happened_to_any_transaction(
    day: list[Transaction], damages: st.DataObject
) -> None:
    entries = complete(day)
    damaged = damages.draw(st.dictionaries(st.sampled_from(day), st.sampled_from(DAMAGES)))
    for transaction, damage in damaged.items():
        entries = damage(entries, transaction)

    certificate = certify(DAY, entries)

    assert (certificate.verdict is Verdict.BALANCED) == (not damaged)
    assert bool(certificate.reasons) == bool(damaged)
    done_to = set(damaged.values())
    if done_to == {_booked_a_cent_off}:
        assert certificate.verdict is Verdict.DIFFERS
    elif done_to:
        assert certificate.verdict is Verdict.INCOMPLETE


@given(day=DAYS, damages=st.data())
def test_each_transaction_is_listed_under_exactly_what_happened_to_it(
    day: list[Transaction], damages: st.DataObject
) -> None:
    entries = complete(day)
    damaged = damages.draw(st.dictionaries(st.sampled_from(day), st.sampled_from(DAMAGES)))
    for transaction, damage in damaged.items():
        entries = damage(entries, transaction)

    certificate = certify(DAY, entries)

    def hit_by(*damages: object) -> set[tuple[str, int]]:
        return {(it.terminal, it.sequence) for it, damage in damaged.items() if damage in damages}

    missing = {
        (terminal.terminal, number)
        for terminal in certificate.terminals
        for gap in terminal.missing
        for number in range(gap.first, gap.last + 1)
    }
    assert missing == hit_by(_fact_and_document_lost)
    assert certificate.missing_sequences == len(missing)
    for listed, expected in (
        (certificate.rejected, hit_by(_invalid, _rejected_by_a_rule)),
        (certificate.facts_without_document, hit_by(_not_yet_posted)),
        (certificate.documents_without_fact, hit_by(_fact_lost)),
        (certificate.disagreements, hit_by(_booked_a_cent_off)),
    ):
        assert {(each.terminal, each.sequence) for each in listed} == expected
    assert certificate.facts_seen == len(day) - len(hit_by(_fact_lost, _fact_and_document_lost))
    [amounts] = certificate.amounts or [None]
    if amounts:
        assert amounts.facts == sum(fact.amount for fact in entries.facts)
        assert amounts.documents == sum(document.amount for document in entries.documents)
        assert amounts.difference == amounts.documents - amounts.facts


@given(day=DAYS, shuffled=st.randoms(use_true_random=False))
def test_the_order_in_which_things_were_witnessed_does_not_show(
    day: list[Transaction], shuffled: Random
) -> None:
    entries = complete(day)
    mixed = Entries(
        facts=_shuffle(shuffled, entries.facts),
        documents=_shuffle(shuffled, entries.documents),
        closed=entries.closed,
    )

    assert certify(DAY, mixed).canonical() == certify(DAY, entries).canonical()


def _shuffle(random: Random, rows: Sequence[Row]) -> list[Row]:
    return random.sample(rows, len(rows))


@given(day=DAYS)
def test_a_day_the_store_has_not_closed_is_open_whatever_else_is_wrong(
    day: list[Transaction],
) -> None:
    entries = replace(complete(day), closed=())

    assert certify(DAY, entries).reasons == ("the store has not closed the day yet",)
    damaged = certify(DAY, _not_yet_posted(entries, day[0]))
    assert damaged.verdict is Verdict.OPEN
    assert len(damaged.reasons) == 2


def test_gaps_are_named_as_ranges_in_a_sentence() -> None:
    day = transactions(["1.00"] * 12)
    entries = complete(day)
    for sequence in (3, 7, 8, 9, 12):
        entries = _fact_and_document_lost(entries, day[sequence - 1])

    certificate = certify(DAY, entries)

    [terminal] = certificate.terminals
    assert [str(gap) for gap in terminal.missing] == ["3", "7-9", "12"]
    assert certificate.reasons[0] == "terminal T1: no fact for sequence 3, 7-9, 12"
    assert certificate.missing_sequences == 5


def test_a_till_that_claims_an_absurd_last_number_costs_nothing() -> None:
    day = transactions(["1.00"])
    absurd = closing([day[0], Transaction("T1", 2**53, Decimal("1.00"))])

    certificate = certify(DAY, replace(complete(day), closed=[closed(absurd)]))

    assert certificate.missing_sequences == 2**53 - 1


@given(
    used=st.sets(st.integers(1, 30), min_size=1),
    before=st.integers(0, 3),
    after=st.integers(0, 3),
)
def test_gaps_and_used_sequences_make_up_the_whole_range(
    used: set[int], before: int, after: int
) -> None:
    first, last = min(used) - before, max(used) + after

    missing = list(gaps(sorted(used), first, last))

    counted = [number for gap in missing for number in range(gap.first, gap.last + 1)]
    assert sorted([*counted, *used]) == list(range(first, last + 1))
    assert all(a.last + 1 < b.first for a, b in pairwise(missing))
    assert sum(map(len, missing)) == len(counted)


def test_a_rejected_sale_that_was_repaired_and_booked_no_longer_counts() -> None:
    day = transactions(["1.00", "2.00"])
    entries = replace(complete(day), rejections=[rejected(day[0])])

    certificate = certify(DAY, entries)

    assert certificate.verdict is Verdict.BALANCED
    assert [each.posted_later for each in certificate.rejected] == [True]


def test_a_rejection_under_a_wrong_id_is_settled_by_its_transaction() -> None:
    day = transactions(["1.00"])
    wrong = rejected(day[0], fact_id=UUID(int=7))

    certificate = certify(DAY, replace(complete(day), rejections=[wrong]))

    assert certificate.verdict is Verdict.BALANCED


def test_a_refused_correction_is_not_settled_by_the_document_it_was_to_correct() -> None:
    day = transactions(["1.00"])
    correction = replace(seen(day[0]), fact_id=UUID(int=7))
    entries = complete(day)
    entries = replace(
        entries,
        facts=[*entries.facts, correction],
        rejections=[rejected(day[0], fact_id=correction.fact_id)],
    )

    certificate = certify(DAY, entries)

    assert certificate.verdict is Verdict.INCOMPLETE
    assert certificate.terminals[0].repeated == (1,)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"total": Decimal("9.00")}, "the store's total is 9.00 USD, its facts sum to 3.00"),
        ({"currency": "EUR"}, "the day close totals EUR, but there are facts in USD"),
        ({"terminals": ()}, "terminal T1 is not in the store's day close"),
    ],
)
def test_a_day_close_that_says_otherwise_differs(changes: dict[str, object], sentence: str) -> None:
    day = transactions(["1.00", "2.00"])
    word = closing(day).model_copy(update=changes)

    certificate = certify(DAY, replace(complete(day), closed=[closed(word)]))

    assert certificate.verdict is Verdict.DIFFERS
    assert sentence in certificate.reasons


def test_a_sale_rung_up_after_the_close_differs_from_it() -> None:
    day = transactions(["1.00", "2.00", "3.00"])

    certificate = certify(DAY, replace(complete(day), closed=[closed(closing(day[:2]))]))

    assert certificate.verdict is Verdict.DIFFERS
    assert certificate.reasons == (
        "terminal T1: sequences 1-3 were used, the store says 1-2",
        "terminal T1: the store counts 2 sales, 3 valid ones were seen",
        "the store's total is 3.00 USD, its facts sum to 6.00",
    )


def test_a_document_of_the_same_amount_in_another_currency_differs() -> None:
    [it] = day = transactions(["1.00"])
    foreign = replace(posted(it), currency="EUR")

    certificate = certify(DAY, replace(complete(day), documents=[foreign]))

    assert certificate.verdict is Verdict.DIFFERS
    assert certificate.reasons == ("T1/1 is 1.00 USD at the till and 1.00 EUR in the ledger",)


def test_two_facts_with_one_sequence_are_named() -> None:
    sale, refund = Transaction("T1", 1, Decimal("5.00")), Transaction("T1", 1, Decimal("-5.00"))

    both = replace(complete([sale]), facts=[seen(sale), seen(refund)])
    certificate = certify(DAY, replace(both, documents=[posted(sale), posted(refund)]))

    assert certificate.verdict is Verdict.DIFFERS
    assert "terminal T1: more than one fact claims sequence 1" in certificate.reasons


def test_a_terminal_of_which_nothing_was_seen_is_missing_whole() -> None:
    day = transactions(["1.00"]) + transactions(["1.00", "1.00"], terminal="T2")
    seen_only = complete(day[:1])

    certificate = certify(DAY, replace(seen_only, closed=[closed(closing(day))]))

    assert certificate.terminals[1].missing == (SequenceRange(first=1, last=2),)


def test_a_day_without_trade_balances_once_it_is_closed() -> None:
    assert certify(DAY, complete([])).verdict is Verdict.BALANCED
    assert certify(DAY, Entries()).verdict is Verdict.OPEN


def test_equal_content_has_one_canonical_form_and_one_hash() -> None:
    day = transactions(["1.50", "-0.50"])
    spelt_otherwise = [replace(fact, amount=fact.amount * Decimal("1.00")) for fact in
                       complete(day).facts]  # fmt: skip
    one, other = (
        certify(DAY, e) for e in (complete(day), replace(complete(day), facts=spelt_otherwise))
    )

    assert one.canonical() == other.canonical()
    document = one.document()
    assert document["hash"] == other.document()["hash"]
    assert document["amounts"] == [
        {"currency": "USD", "facts": "1.00", "documents": "1.00", "difference": "0.00"}
    ]
    assert json.loads(one.canonical()) == {k: v for k, v in document.items() if k != "hash"}
    changed = certify(DAY, _not_yet_posted(complete(day), day[0])).document()
    assert changed["hash"] != document["hash"]
