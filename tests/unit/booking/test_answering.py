"""What every service answers alike: doubled facts, a missing store, companies nobody configured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from shared.booking import configured
from shared.bus import Delivery, Done, Later, Outcome, Rejected, each_once
from shared.companies import Company
from shared.events import Reason
from shared.store.errors import StoreUnavailable
from tests.unit.booking.bookings import delivery

COMPANIES = {"gbrt": Company(currencies=("GBP", "EUR"))}


class Handled:
    def __init__(self) -> None:
        self.seen: list[Delivery] = []

    async def __call__(self, distinct: Sequence[Delivery]) -> Mapping[UUID, Outcome]:
        self.seen += distinct
        return {each.event.id: Done() for each in distinct}


async def test_a_fact_that_came_twice_is_handled_once_and_answered_twice() -> None:
    handled, once = Handled(), delivery(1)

    outcomes = await each_once([once, delivery(2), replace(once, attempt=2)], handled)

    assert outcomes == [Done(), Done(), Done()]
    assert [each.event.data.key.sequence for each in handled.seen] == [1, 2]


async def test_of_two_contents_under_one_id_the_second_comes_again() -> None:
    handled, first = Handled(), delivery(1)
    other = delivery(1, cashier="Grace")

    outcomes = await each_once([first, other], handled)

    assert handled.seen == [first]
    assert isinstance(outcomes[0], Done)
    assert isinstance(outcomes[1], Later)


async def test_without_the_store_every_delivery_waits() -> None:
    async def handle(distinct: Sequence[Delivery]) -> Mapping[UUID, Outcome]:
        raise StoreUnavailable("the database is away")

    outcomes = await each_once([delivery(1), delivery(1), delivery(2)], handle)

    assert outcomes == [Later("the store is unavailable: the database is away")] * 3


def test_a_configured_company_is_returned_with_its_settings() -> None:
    assert configured(COMPANIES, "gbrt", "EUR") is COMPANIES["gbrt"]
    assert configured(COMPANIES, "gbrt") is COMPANIES["gbrt"]


@pytest.mark.parametrize(
    ("company", "currency", "reason", "told"),
    [
        ("frrt", None, Reason.UNKNOWN_COMPANY, "frrt"),
        ("gbrt", "USD", Reason.UNKNOWN_CURRENCY, "GBP, EUR"),
    ],
)
def test_what_is_not_configured_is_rejected_naming_what_is(
    company: str, currency: str | None, reason: Reason, told: str
) -> None:
    refusal = configured(COMPANIES, company, currency)

    assert isinstance(refusal, Rejected)
    assert refusal.reason is reason
    assert told in refusal.detail
