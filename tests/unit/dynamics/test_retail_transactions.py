"""Posting retail transactions: every sale exactly once, whatever happens to the calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.dynamics import (
    Booked,
    Conflict,
    DynamicsError,
    Failed,
    MissingParent,
    Posting,
    Refused,
    RetailTransaction,
    SetUpWrong,
    TryLater,
)
from tests.unit.dynamics import fake_dynamics as fake
from tests.unit.dynamics.fake_dynamics import FakeDynamics


def sale(number: int, amount: str = "-12.10", lines: int = 2) -> RetailTransaction:
    return RetailTransaction(
        company="usrt",
        operating_unit="S1",
        terminal="T1",
        transaction_number=f"20260301-{number}",
        header={
            "ChannelReferenceId": f"fact-{number}",
            "Currency": "USD",
            "GrossAmount": Decimal(amount),
            "NetAmount": Decimal(amount),
            "PaymentAmount": -Decimal(amount),
        },
        sales_lines=tuple({"LineNumber": n, "NetAmount": Decimal(amount)} for n in range(lines)),
    )


def error_of(posting: Posting) -> DynamicsError:
    assert isinstance(posting, Failed)
    return posting.error


async def test_many_sales_travel_in_one_call_and_come_back_in_order() -> None:
    erp = FakeDynamics()
    postings = await erp.port().post([sale(n) for n in range(50)])
    assert erp.calls == ["post"]
    assert [p.key for p in postings if isinstance(p, Booked) and not p.already_there] == [
        f"dataAreaId='usrt',OperatingUnitNumber='S1',Terminal='T1',TransactionNumber='20260301-{n}'"
        for n in range(50)
    ]


async def test_batches_stay_below_the_operation_limit() -> None:
    erp = FakeDynamics()
    await erp.port(batch_operations=10).post([sale(n) for n in range(10)])
    assert erp.calls == ["post"] * 4, "three operations each: three sales per batch"
    assert len(erp.headers) == 10


async def test_a_sale_larger_than_a_batch_is_refused_and_drags_nobody_along() -> None:
    erp = FakeDynamics()
    big, small = await erp.port(batch_operations=10).post([sale(1, lines=10), sale(2)])
    assert isinstance(error_of(big), Refused)
    assert isinstance(small, Booked)


async def test_an_amount_no_json_number_carries_is_refused_and_drags_nobody_along() -> None:
    erp = FakeDynamics()
    odd, fine = await erp.port().post([sale(1, amount="1.00000000000000000001"), sale(2)])
    assert isinstance(error_of(odd), Refused)
    assert isinstance(fine, Booked)


async def test_nothing_to_post_makes_no_call() -> None:
    erp = FakeDynamics()
    assert await erp.port().post([]) == []
    assert erp.calls == []


async def test_a_connection_lost_after_booking_ends_in_a_look_up() -> None:
    erp = FakeDynamics(fake.dropped_after)
    postings = await erp.port().post([sale(1), sale(2)])
    assert erp.calls == ["post", "look-up"]
    assert all(isinstance(p, Booked) and p.already_there for p in postings)


async def test_a_connection_lost_before_booking_ends_in_a_look_up_and_one_repeat() -> None:
    erp = FakeDynamics(fake.dropped_before)
    postings = await erp.port().post([sale(1), sale(2)])
    assert erp.calls == ["look-up", "post"]
    assert all(isinstance(p, Booked) and not p.already_there for p in postings)


async def test_a_cut_off_answer_makes_only_its_last_sales_uncertain() -> None:
    erp = FakeDynamics(fake.cut_off)
    first, last = await erp.port().post([sale(1), sale(2)])
    assert isinstance(first, Booked)
    assert not first.already_there
    assert isinstance(last, Booked)
    assert last.already_there


async def test_a_gateway_error_is_not_taken_for_a_no() -> None:
    erp = FakeDynamics(lambda _, answer: (answer(), fake.answers(502)(_, answer))[1])
    [posting] = await erp.port().post([sale(1)])
    assert isinstance(posting, Booked)
    assert posting.already_there


async def test_a_sale_posted_again_is_found_and_not_booked_again() -> None:
    erp = FakeDynamics()
    await erp.port().post([sale(1)])
    [posting] = await erp.port().post([sale(1)])
    assert isinstance(posting, Booked)
    assert posting.already_there
    assert erp.calls == ["post", "post", "look-up"]


async def test_another_document_under_the_key_is_a_conflict_that_names_the_difference() -> None:
    erp = FakeDynamics()
    first, second = await erp.port().post([sale(1), sale(1, amount="-99.00")])
    assert isinstance(first, Booked)
    error = error_of(second)
    assert isinstance(error, Conflict)
    assert "GrossAmount" in error.message
    assert "-99.00 here" in error.message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ChannelReferenceId", "of-another-fact"),
        ("Currency", "SEK"),
        ("GrossAmount", Decimal("-0.01")),
        ("NetAmount", Decimal("-0.01")),
        ("PaymentAmount", Decimal("0.01")),
    ],
)
async def test_a_booked_document_is_ours_only_if_fact_currency_and_every_amount_agree(
    field: str, value: object
) -> None:
    erp = FakeDynamics()
    ours = sale(1)
    theirs = replace(ours, header={**ours.header, field: value})
    assert isinstance((await erp.port().post([theirs]))[0], Booked)

    (posting,) = await erp.port().post([ours])

    error = error_of(posting)
    assert isinstance(error, Conflict)
    assert field in error.message


async def test_the_same_sale_twice_in_one_call_is_booked_once() -> None:
    erp = FakeDynamics()
    first, second = await erp.port().post([sale(1), sale(1)])
    assert (first, second) == (Booked(first.key, False), Booked(first.key, True))  # type: ignore[union-attr]


async def test_keys_that_differ_in_case_only_do_not_meet_in_one_batch() -> None:
    # Dynamics' keys ignore case: in one batch the second would fail without our knowing why.
    erp = FakeDynamics()
    await erp.port().post([sale(1), replace(sale(1), terminal="t1")])
    assert erp.calls[:2] == ["post", "post"]


async def test_one_refused_sale_leaves_its_neighbours_booked() -> None:
    erp = FakeDynamics()
    erp.refusals["20260301-2"] = [(400, "Infolog: Error: Site is mandatory.")]
    one, two, three = await erp.port().post([sale(1), sale(2), sale(3)])
    assert isinstance(error_of(two), Refused)
    assert isinstance(one, Booked)
    assert isinstance(three, Booked)


async def test_a_missing_store_is_told_apart_from_a_refusal() -> None:
    erp = FakeDynamics()
    text = "Error: The value 'S1' in field 'Store' is not found in the related table 'Stores'."
    erp.refusals["20260301-1"] = [(400, text)]
    error = error_of((await erp.port().post([sale(1)]))[0])
    assert isinstance(error, MissingParent)
    assert "S1" in error.what


@pytest.mark.parametrize("text", ["deadlock", "An update conflict occurred"])
async def test_a_deadlock_victim_is_repeated_at_once(text: str) -> None:
    erp = FakeDynamics()
    erp.refusals["20260301-1"] = [(500, text)]
    [posting] = await erp.port().post([sale(1)])
    assert isinstance(posting, Booked)
    assert erp.calls == ["post", "post"]


async def test_endless_deadlocks_are_left_to_a_later_delivery() -> None:
    erp = FakeDynamics()
    erp.refusals["20260301-1"] = [(500, "deadlock")] * 10
    assert isinstance(error_of((await erp.port().post([sale(1)]))[0]), TryLater)
    assert len(erp.calls) == 3


async def test_a_short_retry_after_is_waited_out_once() -> None:
    erp = FakeDynamics(fake.answers(429, **{"Retry-After": "1"}))
    [posting] = await erp.port().post([sale(1)])
    assert isinstance(posting, Booked)
    assert erp.waits == [1.0]


async def test_a_long_retry_after_is_handed_on_for_what_is_not_done() -> None:
    ok = fake._none
    erp = FakeDynamics(ok, fake.answers(429, **{"Retry-After": "120"}))
    first, second = await erp.port(batch_operations=3).post([sale(1), sale(2)])
    assert isinstance(first, Booked)
    error = error_of(second)
    assert isinstance(error, TryLater)
    assert error.retry_after == timedelta(minutes=2)
    assert erp.waits == []


async def test_an_unreachable_dynamics_is_no_reason_to_look_up() -> None:
    erp = FakeDynamics(fake.unreachable)
    assert isinstance(error_of((await erp.port().post([sale(1)]))[0]), TryLater)
    assert erp.calls == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
async def test_a_refused_envelope_condemns_no_sale(status: int) -> None:
    erp = FakeDynamics(fake.answers(status))
    assert isinstance(error_of((await erp.port().post([sale(1)]))[0]), SetUpWrong)


async def test_an_answer_of_another_kind_is_looked_up() -> None:
    def html(_: object, answer: object) -> object:
        answer()  # type: ignore[operator]
        return httpx.Response(200, text="<html>maintenance</html>")

    erp = FakeDynamics(html)  # type: ignore[arg-type]
    [posting] = await erp.port().post([sale(1)])
    assert isinstance(posting, Booked)
    assert posting.already_there


misfortunes = st.sampled_from(
    [
        fake._none,
        fake.dropped_before,
        fake.dropped_after,
        fake.cut_off,
        fake.unreachable,
        fake.answers(503),
        fake.answers(502),
        fake.answers(429, **{"Retry-After": "1"}),
        fake.answers(500),
    ]
)


@settings(max_examples=60)
@given(
    st.lists(misfortunes, max_size=12),
    st.lists(st.integers(1, 6), min_size=1, max_size=9),
    st.integers(3, 20),
)
@example([fake._none, fake._none, *[fake.dropped_before] * 3], [1], 3)
async def test_whatever_happens_what_we_call_booked_is_booked_once_and_repeats_finish_the_rest(
    script: list[fake.Misfortune], numbers: list[int], batch_operations: int
) -> None:
    erp = FakeDynamics(*script)
    port = erp.port(batch_operations=batch_operations)
    transactions = [sale(number) for number in numbers]
    for _ in range(len(script) + 1):
        postings = await port.post(transactions)
        assert len(postings) == len(transactions)
        for posting in postings:
            assert isinstance(posting, Booked) or isinstance(posting.error, TryLater)
        assert {p.key for p in postings if isinstance(p, Booked)} <= set(erp.headers)
    assert all(isinstance(posting, Booked) for posting in postings)
    assert len(erp.headers) == len(set(numbers))
