"""What Dynamics says of a person does not outlive the person's right to be forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.booking import Plan, Prepare, missing_key, without_quotes
from shared.bus import Delivery, Outcome, Parked, Rejected
from shared.dynamics import DynamicsError, MissingParent, Refused, TryLater
from tests.unit.booking.bookings import Books, Document, delivery


def bought_by(customer: str) -> Delivery:
    sold = delivery()
    fact = sold.event.data.model_copy(update={"customer": customer})
    return replace(sold, event=replace(sold.event, data=fact))


def waiting_for_the_customer(prepare: Prepare) -> Prepare:
    def planned(delivery: Delivery) -> Plan[Document] | Outcome:
        plan = prepare(delivery)
        assert isinstance(plan, Plan)
        customer = delivery.event.data.customer
        key = {f"customer/gbrt/{customer}": customer}
        return replace(plan, waits_for=lambda error: missing_key(error, key, "store/gbrt/LONDON"))

    return planned


async def test_a_customer_whom_dynamics_does_not_know_is_waited_for_but_not_named() -> None:
    books = Books()
    sold = bought_by("C-4711")
    books.odd.errors[sold.event.id] = MissingParent("Customer C-4711 does not exist in gbrt")

    (outcome,) = await books.book(sold, prepare=waiting_for_the_customer)

    assert isinstance(outcome, Parked)
    assert outcome.key == "customer/gbrt/C-4711"
    assert "does not exist in gbrt" in outcome.missing
    assert "4711" not in outcome.missing


async def test_a_refusal_keeps_its_sentence_without_the_customer_and_the_cashier() -> None:
    books = Books()
    sold = bought_by("C-4711")
    books.odd.errors[sold.event.id] = Refused("Customer c-4711 is blocked, says Ada, not Adam")

    (outcome,) = await books.book(sold)

    assert isinstance(outcome, Rejected)
    assert "Customer … is blocked, says …, not Adam" in outcome.detail


@pytest.mark.parametrize(
    ("said", "personal", "left"),
    [
        ("No C-10 here", ["C-1"], "No C-10 here"),
        ("C-1, C-1 and C-10", ["C-1", "C-10"], "…, … and …"),
        ("an is too short a name", ["an"], "an is too short a name"),
        ("Müller & Söhne (GmbH) owes", ["Müller & Söhne (GmbH)"], "… owes"),
        ("nobody is named", [], "nobody is named"),
    ],
)
def test_only_whole_values_are_taken_out(said: str, personal: list[str], left: str) -> None:
    assert without_quotes(Refused(said), personal).evidence.message == left


def test_the_kind_of_the_error_and_what_to_do_about_it_stay() -> None:
    error: DynamicsError = TryLater("C-1 is locked", retry_after=None)

    quiet = without_quotes(error, ["C-1"])

    assert type(quiet) is TryLater
    assert str(quiet) == "… is locked"
    assert str(error) == "C-1 is locked"
