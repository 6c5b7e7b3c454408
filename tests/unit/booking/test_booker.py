"""One outcome per delivery, one document per fact, whatever happened before."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from shared.bus import Done, Later, Outcome, Parked, Rejected
from shared.dynamics import DynamicsError, MissingParent, Refused, SetUpWrong, TryLater
from shared.events import DocumentPosted, Reason
from tests.unit.booking.bookings import Books, delivery
from tests.unit.bus.samples import NOW


def document(outcome: Outcome) -> DocumentPosted:
    assert isinstance(outcome, Done)
    assert outcome.document is not None
    return outcome.document


async def test_a_fact_becomes_one_document_which_is_announced_as_booked() -> None:
    books = Books()

    (outcome,) = await books.book(delivery())

    posted = document(outcome)
    assert posted.fact_id == delivery().event.id
    assert posted.key == delivery().event.data.key
    assert posted.effect == "ledger"
    assert (posted.amount, posted.currency) == (Decimal(1), "GBP")
    assert posted.document.key == f"'{delivery().event.id}'"
    assert (posted.posted_at, posted.already_there) == (NOW, False)


async def test_a_fact_delivered_again_is_announced_again_in_the_same_words_and_not_posted() -> None:
    books = Books()
    first = await books.book(delivery())

    assert await books.book(delivery()) == first
    assert books.odd.calls == [1]


async def test_a_fact_twice_in_one_batch_is_posted_once_and_answered_twice() -> None:
    books = Books()

    first, second = await books.book(delivery(), delivery())

    assert first == second
    assert books.odd.calls == [1]


async def test_a_crash_between_posting_and_recording_finds_the_document_again() -> None:
    books = Books()
    books.inbox.fault = "record"
    (crashed,) = await books.book(delivery())
    assert isinstance(crashed, Later)

    (outcome,) = await books.book(delivery())

    assert document(outcome).already_there
    assert len(books.odd.booked) == 1


async def test_a_lost_answer_of_the_store_repeats_nothing() -> None:
    books = Books()
    books.inbox.fault = "answer"
    await books.book(delivery())

    (outcome,) = await books.book(delivery())

    assert not document(outcome).already_there
    assert books.odd.calls == [1]


async def test_while_the_store_is_away_everything_waits_and_nothing_is_posted() -> None:
    books = Books(instead={2: Rejected(Reason.UNKNOWN_COMPANY, "no such company")})
    books.inbox.fault = "results"

    outcomes = await books.book(delivery(1), delivery(2))

    assert [type(each) for each in outcomes] == [Later, Later]
    assert books.odd.calls == []


async def test_other_content_under_a_booked_id_is_rejected() -> None:
    books = Books()
    await books.book(delivery(cashier="Ada"))

    (outcome,) = await books.book(delivery(cashier="Bob"))

    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.DOCUMENT_DIFFERS
    assert "is booked with other content" in outcome.detail


async def test_of_two_contents_under_one_id_in_a_batch_the_first_is_booked() -> None:
    books = Books()

    first, second = await books.book(delivery(cashier="Ada"), delivery(cashier="Bob"))

    assert document(first)
    assert isinstance(second, Rejected)
    assert [each.cashier for each in books.odd.booked.values()] == ["Ada"]


async def test_the_right_content_is_not_rejected_for_the_forged_one_beside_it() -> None:
    books = Books()
    books.inbox.fault = "record"
    await books.book(delivery(cashier="Ada"))

    forged, right = await books.book(delivery(cashier="Bob"), delivery(cashier="Ada"))

    assert isinstance(forged, Rejected)
    assert isinstance(right, Later)


async def test_each_port_gets_its_facts_in_one_call_and_outcomes_keep_their_order() -> None:
    books = Books()

    outcomes = await books.book(*(delivery(n) for n in (1, 2, 3, 4, 5)))

    assert (books.odd.calls, books.even.calls) == ([3], [2])
    facts = [delivery(n).event.id for n in (1, 2, 3, 4, 5)]
    assert [document(each).fact_id for each in outcomes] == facts


async def test_what_is_not_to_be_booked_has_its_own_outcome_beside_the_others() -> None:
    refused = Rejected(Reason.UNKNOWN_COMPANY, "no such company")
    books = Books(instead={1: refused, 2: Done()})

    outcomes = await books.book(*(delivery(n) for n in (1, 2, 3)))

    assert outcomes[:2] == [refused, Done()]
    assert document(outcomes[2])
    assert books.odd.calls == [1]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TryLater("throttled"), Later),
        (SetUpWrong("no rights"), Later),
        (MissingParent("no item ITEM-1"), Parked),
        (Refused("the period is closed"), Rejected),
    ],
)
async def test_an_error_of_dynamics_concerns_its_own_fact_only(
    error: DynamicsError, outcome: type[Outcome]
) -> None:
    books = Books()
    books.odd.errors[delivery(1).event.id] = error

    failed, booked = await books.book(delivery(1), delivery(3))

    assert type(failed) is outcome
    assert document(booked)


async def test_a_wait_that_dynamics_asks_for_is_kept() -> None:
    books = Books()
    books.odd.errors[delivery().event.id] = TryLater("429", retry_after=timedelta(seconds=7))

    (outcome,) = await books.book(delivery())

    assert isinstance(outcome, Later)
    assert outcome.not_before == NOW + timedelta(seconds=7)


async def test_what_one_port_booked_is_kept_though_another_breaks_down() -> None:
    books = Books()
    books.even.crash = "after"

    with pytest.raises(ConnectionError):
        await books.book(delivery(1), delivery(2))

    (outcome,) = await books.book(delivery(1))
    assert document(outcome)
    assert books.odd.calls == [1]
