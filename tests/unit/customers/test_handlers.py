"""Customers in all their books: one outcome per fact, and nothing lost to crashes or rivals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from services.customers.authority import Authority, Rules
from services.customers.handlers import update_customers
from services.customers.profile import PROFILES
from shared.bus import Done, Later, Parked, Rejected
from shared.companies import Company
from shared.dynamics import Refused, SetUpWrong, TryLater
from shared.dynamics.ports.master_data import Customer
from shared.events import DocumentPosted, Reason
from shared.store.errors import StoreUnavailable
from shared.store.inbox import InboxResult, MemoryInbox
from shared.store.records import MemoryRecords, Record
from tests.unit.customers.collaborating import Collaborators, delivery, documents, effects
from tests.unit.customers.customers import (
    COMPANY,
    KEY,
    NOW,
    NUMBER,
    histories,
    registered,
    updated,
)


async def book(all_: Collaborators, *facts: Any) -> list[Any]:
    return await update_customers([delivery(fact) for fact in facts], all_)


def ruled(**rules: Any) -> Collaborators:
    return Collaborators(authority=Authority({COMPANY: TypeAdapter(Rules).validate_python(rules)}))


async def test_a_registered_customer_is_booked_in_every_book_of_the_company() -> None:
    all_ = Collaborators()
    [outcome] = await book(all_, registered(email="ada@example.com"))
    assert effects(outcome) == ["customer", "contact"]
    assert [each.document.system for each in documents(outcome)] == [
        "finance-operations",
        "dataverse",
    ]
    assert documents(outcome)[1].document.entity_set == "contacts"
    for books in (all_.finance, all_.dataverse):
        assert (books.customer.name, books.customer.email) == ("Ada Lovelace", "ada@example.com")
    assert all_.finance.customer.currency == "GBP"
    assert all_.central.saved == []


async def test_each_company_has_its_own_books() -> None:
    companies = {
        COMPANY: Company(currencies=("GBP",), customers=("business-central",), legal_entity="CRO")
    }
    all_ = Collaborators(companies=companies)
    [outcome] = await book(all_, registered())
    assert effects(outcome) == ["customer"]
    assert all_.central.there.keys() == {("CRO", NUMBER)}
    assert all_.central.there["CRO", NUMBER].currency == "", "its own currency goes unsaid there"


async def test_an_organisation_is_an_account() -> None:
    all_ = Collaborators()
    [outcome] = await book(all_, registered(name="Mill & Sons", is_person=False))
    assert documents(outcome)[1].document.entity_set == "accounts"
    assert not all_.dataverse.customer.is_person


async def test_an_update_that_cannot_know_it_makes_no_person_of_an_organisation() -> None:
    all_ = Collaborators()
    await book(all_, registered(is_person=False))
    await book(all_, updated(city="York"))
    assert not all_.dataverse.customer.is_person


async def test_an_update_leaves_what_it_does_not_say() -> None:
    all_ = Collaborators()
    await book(all_, registered(email="ada@example.com", city="York"))
    all_.finance.change(group="VIP")
    [outcome] = await book(all_, updated(city="Leeds"))
    assert effects(outcome) == ["customer", "contact"]
    customer = all_.finance.customer
    assert (customer.email, customer.city, customer.group) == ("ada@example.com", "Leeds", "VIP")


async def test_a_group_given_in_dynamics_is_not_replaced_by_a_default() -> None:
    all_ = Collaborators()
    await book(all_, registered())
    all_.finance.change(group="VIP")
    await book(all_, updated(city="Leeds"))
    assert all_.finance.saved[-1].group == "VIP"


async def test_several_facts_of_one_customer_in_a_batch_are_one_writing() -> None:
    all_ = Collaborators()
    outcomes = await book(all_, updated(3, city="Leeds"), registered(), updated(2, city="York"))
    assert [effects(each) for each in outcomes] == [["customer", "contact"]] * 3
    assert len(all_.finance.saved) == len(all_.dataverse.saved) == 1
    assert all_.finance.customer.city == "Leeds"


async def test_a_known_fact_is_announced_again_word_for_word_and_costs_no_call() -> None:
    all_ = Collaborators()
    [first] = await book(all_, registered())
    all_.now += timedelta(hours=1)
    [again] = await book(all_, registered())
    assert again == first
    assert len(all_.finance.saved) == 1


async def test_an_update_of_an_unknown_customer_waits_for_the_registration() -> None:
    all_ = Collaborators()
    [outcome] = await book(all_, updated(city="York", name="Ada Lovelace"))
    assert isinstance(outcome, Parked)
    assert outcome.key == f"customer/{KEY}"
    assert await all_.records.find(PROFILES) == [], "nothing is kept of whom nobody registered"


async def test_a_customer_only_dynamics_knows_is_known() -> None:
    all_ = Collaborators()
    all_.finance.there[COMPANY, NUMBER] = Customer(COMPANY, NUMBER, "Ada Lovelace", city="Bath")
    [outcome] = await book(all_, updated(email="ada@example.com"))
    assert effects(outcome) == ["customer", "contact"]
    assert all_.dataverse.customer.name == "Ada Lovelace"
    assert all_.finance.customer.city == "Bath"


async def test_a_customer_that_is_booked_releases_who_waits_for_it_and_its_card() -> None:
    all_ = Collaborators()
    released: list[str] = []

    async def release(keys: Any, now: Any, **_: Any) -> int:
        released.extend(keys)
        return 0

    all_.parking.release = release  # type: ignore[method-assign]
    await book(all_, registered(loyalty_card="LC-1"))
    assert released == [f"customer/{KEY}", f"card/{COMPANY}/LC-1"]


async def test_an_unknown_company_is_rejected_before_any_call() -> None:
    all_ = Collaborators(companies={})
    [outcome] = await book(all_, registered())
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNKNOWN_COMPANY


async def test_what_is_booked_in_one_book_is_not_repeated_when_the_other_comes_back() -> None:
    all_ = Collaborators()
    all_.dataverse.errors.append(TryLater("busy", timedelta(minutes=2)))
    [waiting] = await book(all_, registered())
    assert waiting == Later("busy", NOW + timedelta(minutes=2), "contact", waiting.also)
    assert [each.effect for each in waiting.also] == ["customer"], "the half is announced"
    [outcome] = await book(all_, registered())
    assert effects(outcome) == ["customer", "contact"]
    assert len(all_.finance.saved) == 1


async def test_a_book_that_cannot_be_read_keeps_nothing_from_the_other() -> None:
    all_ = Collaborators()
    all_.finance.find_errors.append(TryLater("busy"))
    [waiting] = await book(all_, registered())
    assert isinstance(waiting, Later)
    assert all_.dataverse.customer.name == "Ada Lovelace"
    [outcome] = await book(all_, registered())
    assert effects(outcome) == ["customer", "contact"]


async def test_one_book_refusing_is_a_rejection_that_names_what_is_missing() -> None:
    all_ = Collaborators()
    all_.dataverse.errors.append(Refused("the e-mail address ada@example.com is too long"))
    [outcome] = await book(all_, registered(email="ada@example.com"))
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.effect) == (Reason.REFUSED_BY_DYNAMICS, "contact")
    assert [each.effect for each in outcome.also if isinstance(each, DocumentPosted)] == [
        "customer"
    ]
    assert "ada@example.com" not in outcome.detail
    assert "the e-mail address … is too long" in outcome.detail


async def test_personal_data_is_in_no_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    all_ = Collaborators()
    all_.finance.errors.append(SetUpWrong("Ada Lovelace, 1 Mill Lane, may not be written"))
    await book(all_, registered(3, street="1 Mill Lane", email="ada@example.com"))
    await book(all_, updated(2, email="old@example.com"))
    assert caplog.records
    for text in ("Lovelace", "Mill Lane", "example.com"):
        assert text not in caplog.text


class CrashingInbox(MemoryInbox):
    """Dies once, when results are to be recorded."""

    crashes = 1

    async def record(self, results: Sequence[InboxResult]) -> Any:
        if self.crashes:
            self.crashes -= 1
            raise ConnectionError("the process died here")
        return await super().record(results)


@pytest.mark.parametrize("effect", ["customer", "contact"])
async def test_a_crash_between_the_books_repeats_only_what_is_missing(effect: Any) -> None:
    all_ = Collaborators()
    all_.inboxes[effect] = CrashingInbox()
    with pytest.raises(ConnectionError):
        await book(all_, registered(phone="+44 1"))
    [outcome] = await book(all_, registered(phone="+44 1"))
    assert effects(outcome) == ["customer", "contact"]
    assert await all_.conflicts() == [], "what we wrote before the crash is known as ours"


class CrashingRecords(MemoryRecords):
    """Dies once, at the given writing."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    async def write(self, records: Sequence[Record]) -> list[Record | None]:
        self.left -= 1
        if self.left == 0:
            raise ConnectionError("the process died here")
        return await super().write(records)


@pytest.mark.parametrize("at", [1, 2])
async def test_a_crash_around_the_books_leaves_no_conflict_and_no_loss(at: int) -> None:
    records = CrashingRecords(at)
    all_ = Collaborators(records=records)
    with pytest.raises(ConnectionError):
        await book(all_, registered(phone="+44 1"))
    await book(all_, updated(phone="+44 2"))
    await book(all_, registered(phone="+44 1"))
    if at == 2:
        assert all_.finance.customer.phone == "+44 2"
        assert await all_.conflicts() == []
    await book(all_, updated(phone="+44 2"))
    assert all_.finance.customer.phone == all_.dataverse.customer.phone == "+44 2"


async def test_without_the_store_customers_wait_and_nothing_is_written() -> None:
    class Unavailable(MemoryRecords):
        async def read(self, kind: str, keys: Any) -> Any:
            raise StoreUnavailable("no database")

    all_ = Collaborators(records=Unavailable())
    outcomes = await book(all_, registered(), updated())
    assert all(isinstance(outcome, Later) for outcome in outcomes)
    assert all_.finance.saved == []


class TestConflicts:
    async def test_what_a_person_changed_in_dynamics_is_kept_and_found_as_a_conflict(self) -> None:
        all_ = Collaborators()
        await book(all_, registered(phone="+44 1"))
        all_.finance.change(phone="+44 9")
        all_.now += timedelta(hours=1)
        [outcome] = await book(all_, updated(city="York"))
        assert effects(outcome) == ["customer", "contact"]
        [conflict] = await all_.conflicts("resolved")
        assert (conflict.in_force.by, conflict.in_force.value) == ("finance-operations", "+44 9")
        assert (conflict.other.by, conflict.other.value) == ("till", "+44 1")
        assert all_.dataverse.customer.phone == "+44 9", "and the other book learns it"

    async def test_a_later_word_of_the_till_wins_and_the_persons_is_kept(self) -> None:
        all_ = Collaborators()
        await book(all_, registered(phone="+44 1"))
        all_.finance.change(phone="+44 9")
        all_.now += timedelta(hours=1)
        await book(all_, updated(phone="+44 2", changed_at=all_.now))
        [conflict] = await all_.conflicts("resolved")
        assert (conflict.in_force.value, conflict.other.value) == ("+44 2", "+44 9")
        assert all_.finance.customer.phone == "+44 2"

    async def test_a_field_dynamics_owns_keeps_its_value_in_every_book(self) -> None:
        all_ = ruled(name=["dynamics", "till"])
        await book(all_, registered())
        await book(all_, updated(name="Ada King"))
        assert all_.finance.customer.name == all_.dataverse.customer.name == "Ada Lovelace"
        [conflict] = await all_.conflicts("resolved")
        assert conflict.other.value == "Ada King"

    async def test_a_manual_field_waits_and_what_dynamics_has_is_not_overwritten(self) -> None:
        all_ = ruled(phone="manual")
        await book(all_, registered(phone="+44 1"))
        all_.finance.change(phone="+44 9")
        await book(all_, updated(city="York"))
        await book(all_, updated(3, phone="+44 1", city="Leeds"))
        assert len(await all_.conflicts("open")) == 1
        assert all_.finance.customer.phone == "+44 9"
        assert all_.finance.customer.city == "Leeds"
        assert all_.dataverse.customer.phone == "+44 1"

    async def test_retries_do_not_find_the_same_conflict_again(self) -> None:
        all_ = Collaborators()
        await book(all_, registered(phone="+44 1"))
        all_.finance.change(phone="+44 9")
        for _ in range(4):
            all_.dataverse.errors.append(TryLater("busy"))
            await book(all_, updated(city="York"))
        await book(all_, updated(city="York"))
        assert len(await all_.conflicts()) == 1


async def test_a_stale_change_is_done_and_changes_nothing() -> None:
    all_ = Collaborators()
    await book(all_, registered(), updated(3, city="Leeds"))
    [outcome] = await book(all_, updated(2, city="York"))
    assert effects(outcome) == ["customer", "contact"]
    assert all_.finance.customer.city == "Leeds"


async def test_who_overtakes_a_worker_between_its_profile_and_its_writing_is_not_undone() -> None:
    all_ = Collaborators()
    await book(all_, registered(city="Bath"))

    async def overtake() -> None:
        await book(all_, updated(3, city="Leeds"))

    all_.finance.before_saving = overtake
    [outcome] = await book(all_, updated(2, city="York"))
    assert isinstance(outcome, Done)
    assert all_.finance.customer.city == all_.dataverse.customer.city == "Leeds"
    assert await all_.conflicts() == []


@given(histories(), st.integers(2, 4))
async def test_workers_side_by_side_lose_nothing(facts: list[Any], workers: int) -> None:
    """Whatever they do to each other, books and profile end as the facts alone would have it."""
    alone, together = Collaborators(), Collaborators()
    await book(alone, registered())
    await book(together, registered())
    await book(alone, *facts)
    waiting = list(facts)
    for _ in range(5):
        shares = [waiting[start::workers] for start in range(workers)]
        outcomes = await asyncio.gather(*(book(together, *share) for share in shares if share))
        answered = zip(chain(*shares), chain(*outcomes), strict=True)
        waiting = [fact for fact, outcome in answered if not isinstance(outcome, Done)]
        if not waiting:
            break
    assert waiting == []
    assert together.finance.customer == alone.finance.customer
    assert together.dataverse.customer == alone.dataverse.customer
    for record in await together.records.find(PROFILES):
        assert record.state == "", "nothing is left due"
    found = await together.conflicts()
    assert {each.in_force.by for each in found} <= {"till", "shop", "dynamics"}, "all are ours"
