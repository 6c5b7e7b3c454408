"""Booking: one outcome per delivery, one document per fact, whatever happened before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from services.sales.handlers import book
from shared.bus import Done, Later, Outcome, Parked, Rejected
from shared.companies import Company
from shared.dynamics import (
    Conflict,
    DynamicsError,
    MissingParent,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.events import Reason
from shared.store import InboxResult, MemoryInbox, StoreUnavailable
from shared.store.parking import MemoryParking
from shared.tax import TaxRates, check
from tests.unit.sales.baskets import simple_return, simple_sale
from tests.unit.sales.fakes import NOW, Collaborators, Ledger, delivery


class CrashingInbox(MemoryInbox):
    """Dies once, when results are to be recorded."""

    crashes = 1

    async def record(self, results: Sequence[InboxResult]) -> dict[UUID, InboxResult]:
        if self.crashes:
            self.crashes -= 1
            raise ConnectionError("the process died here")
        return await super().record(results)


class UnavailableInbox(MemoryInbox):
    async def results(self, fact_ids: Iterable[UUID]) -> dict[UUID, InboxResult]:
        raise StoreUnavailable("no database")


def done(outcome: Outcome) -> Any:
    assert isinstance(outcome, Done)
    assert outcome.document is not None
    return outcome.document


async def test_a_sale_and_a_return_are_booked_and_announced_with_their_signed_amounts() -> None:
    all_ = Collaborators()
    sold, returned = await book([delivery(simple_sale()), delivery(simple_return())], all_)
    assert str(done(sold).amount) == "12.10"
    assert str(done(returned).amount) == "-12.10"
    assert done(sold).fact_id == simple_sale().event_id
    assert done(sold).document.key == "usrt/S1/T1/20260301-17"
    assert done(sold).posted_at == NOW
    assert len(all_.transactions.booked) == 2


async def test_a_known_fact_is_announced_again_word_for_word_and_not_posted() -> None:
    all_ = Collaborators()
    [first] = await book([delivery(simple_sale())], all_)
    all_.clock = lambda: NOW + timedelta(hours=1)
    [again] = await book([delivery(simple_sale(), attempt=2)], all_)
    assert done(again) == done(first)
    assert done(again).event_id == done(first).event_id
    assert all_.transactions.calls == 1


async def test_the_same_fact_twice_in_one_batch_is_posted_once_and_announced_alike() -> None:
    all_ = Collaborators()
    first, second = await book([delivery(simple_sale()), delivery(simple_sale())], all_)
    assert done(first) == done(second)
    assert len(all_.transactions.booked) == 1


async def test_of_two_contents_under_one_id_the_first_is_booked_and_the_other_compared() -> None:
    all_, sale = Collaborators(), simple_sale()
    forged = sale.model_copy(update={"cashier": "C9"})

    booked, other = await book([delivery(sale), delivery(forged)], all_)
    [compared] = await book([delivery(forged)], all_)

    assert done(booked).fact_id == sale.event_id
    assert isinstance(other, Later)
    assert isinstance(compared, Rejected)
    assert compared.reason is Reason.DOCUMENT_DIFFERS


async def test_a_crash_between_posting_and_recording_ends_with_one_document() -> None:
    all_ = Collaborators(inbox=CrashingInbox())
    with pytest.raises(ConnectionError):
        await book([delivery(simple_sale())], all_)
    [outcome] = await book([delivery(simple_sale())], all_)
    assert done(outcome).already_there
    assert len(all_.transactions.booked) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TryLater("busy", timedelta(minutes=2)), Later("busy", NOW + timedelta(minutes=2))),
        (TryLater("deadlock", timedelta(0)), Later("deadlock", None)),
        (TryLater("unreachable"), Later("unreachable", None)),
        (SetUpWrong("no access"), Later("no access", None)),
        (MissingParent("no store S1"), Parked("store/usrt/S1", "no store S1")),
        (Refused("no site"), Rejected(Reason.REFUSED_BY_DYNAMICS, "no site")),
        (Conflict("differs"), Rejected(Reason.DOCUMENT_DIFFERS, "differs")),
    ],
)
async def test_each_failure_has_the_outcome_that_can_help_it(
    error: DynamicsError, expected: Outcome
) -> None:
    all_ = Collaborators(Ledger(n17=error))
    failed, fine = await book([delivery(simple_sale(17)), delivery(simple_sale(18))], all_)
    assert failed == expected
    assert done(fine)


async def test_a_failed_sale_is_not_remembered_as_booked() -> None:
    inbox = MemoryInbox()
    await book([delivery(simple_sale(17))], Collaborators(Ledger(n17=TryLater("busy")), inbox))
    [outcome] = await book([delivery(simple_sale(17), 2)], Collaborators(inbox=inbox))
    assert not done(outcome).already_there


async def test_wrong_set_up_is_logged_loudly(caplog: pytest.LogCaptureFixture) -> None:
    await book([delivery(simple_sale(17))], Collaborators(Ledger(n17=SetUpWrong("no access"))))
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_an_unknown_company_is_rejected_before_any_call() -> None:
    all_ = Collaborators()
    sale = simple_sale(company="zzrt")
    [outcome] = await book([delivery(sale)], all_)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNKNOWN_COMPANY
    assert all_.transactions.calls == 0


async def test_a_currency_the_company_does_not_sell_in_is_rejected_before_any_call() -> None:
    all_ = Collaborators()
    tender = {"type": "card", "currency": "EUR", "amount": "12.10",
              "amount_in_sale_currency": "12.10"}  # fmt: skip
    sale = simple_sale(currency="EUR", tenders=[tender])
    [outcome] = await book([delivery(sale)], all_)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNKNOWN_CURRENCY
    assert "USD" in outcome.detail
    assert all_.transactions.calls == 0


async def test_a_correction_of_a_booked_sale_does_not_replace_it_silently() -> None:
    all_ = Collaborators()
    await book([delivery(simple_sale())], all_)
    [outcome] = await book([delivery(simple_sale(revision=1))], all_)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.DOCUMENT_DIFFERS


async def test_without_the_store_sales_wait_and_nothing_is_posted() -> None:
    all_ = Collaborators(inbox=UnavailableInbox())
    outcomes = await book([delivery(simple_sale(17)), delivery(simple_sale(18))], all_)
    assert all(isinstance(outcome, Later) for outcome in outcomes)
    assert all_.transactions.calls == 0


async def test_nothing_delivered_is_nothing_booked() -> None:
    assert await book([], Collaborators()) == []


async def test_a_sale_against_its_countrys_tax_law_is_rejected_where_a_country_is_set() -> None:
    against = lambda _sale, country: (Reason.TAX_RATE_NOT_IN_FORCE, f"not in {country}")  # noqa: E731
    all_ = Collaborators(tax_check=against)
    [fine] = await book([delivery(simple_sale())], all_)
    assert done(fine)
    all_ = Collaborators(tax_check=against, companies=in_country("AE"))
    sale, back = await book([delivery(simple_sale()), delivery(simple_return())], all_)
    assert sale == Rejected(Reason.TAX_RATE_NOT_IN_FORCE, "not in AE")
    assert back == sale
    assert all_.transactions.calls == 0


async def test_the_shipped_tax_law_is_what_a_worker_checks_with() -> None:
    all_ = Collaborators(
        tax_check=partial(check, rates=TaxRates.packaged()), companies=in_country("GB")
    )
    [outcome] = await book([delivery(simple_sale())], all_)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.TAX_RATE_NOT_IN_FORCE


def in_country(country: str) -> dict[str, Company]:
    return {"usrt": Company(currencies=("USD",), country=country)}


async def test_an_e_invoice_stamp_travels_as_its_device_wrote_it_or_not_at_all() -> None:
    stamp = {"scheme": "zatca", "uuid": "8e6000cf-1a98-4174-b3e7-b5d5954bc10d", "counter": 17,
             "hash": "NWZlY2ViNjZmZmM4NmYzOGQ5NTI3ODZj"}  # fmt: skip
    all_ = Collaborators()
    long = stamp | {"uuid": "x" * 60}
    await book(
        [delivery(simple_sale(1, e_invoice=stamp)), delivery(simple_sale(2, e_invoice=long))], all_
    )
    first, second = all_.transactions.booked.values()
    assert first.header["Comment"] == "zatca 8e6000cf-1a98-4174-b3e7-b5d5954bc10d 17"
    assert "Comment" not in second.header


async def test_a_missing_item_parks_the_sale_under_it_and_not_its_neighbours() -> None:
    all_ = Collaborators(Ledger(n17=MissingParent("Item 85123A does not exist in company usrt.")))
    parked, fine = await book([delivery(simple_sale(17)), delivery(simple_sale(18))], all_)
    assert isinstance(parked, Parked)
    assert parked.key == "item/usrt/85123A"
    assert done(fine)


async def test_a_missing_customer_is_waited_for_by_its_number() -> None:
    all_ = Collaborators(Ledger(n17=MissingParent("Customer C7 was not found.")))
    [parked] = await book([delivery(simple_sale(17, customer="C7"))], all_)
    assert isinstance(parked, Parked)
    assert parked.key == "customer/usrt/C7"


async def test_a_sale_whose_followers_could_not_be_released_comes_again_and_releases_them() -> None:
    class Down(MemoryParking):
        async def release(self, *_: Any, **__: Any) -> int:
            raise StoreUnavailable("no database")

    all_ = Collaborators(parking=Down())
    [outcome] = await book([delivery(simple_sale())], all_)
    assert isinstance(outcome, Later)
    all_.parking = MemoryParking()
    [again] = await book([delivery(simple_sale())], all_)
    assert done(again)
    assert all_.transactions.calls == 1
