"""What people decide on conflicts is carried out, and what a dead worker left is finished."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from services.customers.authority import Authority, Rules
from services.customers.decisions import ABANDONED, carry_out
from services.customers.handlers import update_customers
from services.customers.profile import PROFILES
from shared.dynamics import Refused, TryLater
from shared.reviews import ACCEPTED, CONFLICTS, OPEN, REJECTED, RESOLVED, Decision, decided
from shared.store.errors import StoreUnavailable
from shared.store.records import MemoryRecords, Record
from tests.unit.customers.collaborating import Collaborators, delivery
from tests.unit.customers.customers import COMPANY, NOW, from_shop, registered, updated


async def book(all_: Collaborators, *facts: Any) -> list[Any]:
    return await update_customers([delivery(fact) for fact in facts], all_)


async def waiting() -> Collaborators:
    """Till and shop disagree about a telephone number, and a person has to decide."""
    rules = TypeAdapter(Rules).validate_python({"phone": "manual"})
    all_ = Collaborators(authority=Authority({COMPANY: rules}))
    await book(all_, registered(phone="+44 1"))
    await book(all_, from_shop(phone="+44 2"))
    return all_


async def decide(all_: Collaborators, decision: Decision) -> Record:
    [record] = await all_.records.find(CONFLICTS, state=OPEN)
    made = decided(record, decision, "kim", NOW)
    assert await all_.records.write([made]) == []
    return made


async def test_an_accepted_version_reaches_every_book() -> None:
    all_ = await waiting()
    await decide(all_, "accepted")
    assert await carry_out(all_) == 1
    assert all_.finance.customer.phone == all_.dataverse.customer.phone == "+44 2"
    [conflict] = await all_.conflicts(RESOLVED)
    assert (conflict.ending, conflict.decided_by) == ("accepted", "kim")
    [entry] = await all_.audit.read("customers")
    assert (entry.act.action, entry.act.detail) == ("conflict-carried-out", "accepted by kim")
    assert await carry_out(all_) == 0


async def test_a_rejected_version_leaves_what_holds() -> None:
    all_ = await waiting()
    await decide(all_, "rejected")
    await carry_out(all_)
    assert all_.finance.customer.phone == "+44 1"
    [conflict] = await all_.conflicts(RESOLVED)
    assert conflict.ending == "rejected"


async def test_a_rejected_change_in_dynamics_is_overwritten() -> None:
    all_ = await waiting()
    await decide(all_, "rejected")
    await carry_out(all_)
    all_.finance.change(phone="+44 9")
    await book(all_, updated(city="York"))
    assert all_.finance.customer.phone == "+44 9", "while it waits, it stays"
    await decide(all_, "rejected")
    await carry_out(all_)
    assert all_.finance.customer.phone == "+44 1"


async def test_a_decision_is_also_carried_out_by_the_next_fact() -> None:
    all_ = await waiting()
    await decide(all_, "accepted")
    await book(all_, updated(city="York"))
    assert all_.dataverse.customer.phone == "+44 2"
    assert len(await all_.conflicts(RESOLVED)) == 1


async def test_a_book_that_is_away_gets_it_when_it_is_back() -> None:
    all_ = await waiting()
    await decide(all_, "accepted")
    all_.dataverse.errors.append(TryLater("away"))
    await carry_out(all_)
    assert all_.dataverse.customer.phone == "+44 1"
    assert await carry_out(all_) == 0, "others may be at work on it"
    all_.now += ABANDONED
    assert await carry_out(all_) == 1
    assert all_.dataverse.customer.phone == "+44 2"
    [record] = await all_.records.find(PROFILES)
    assert record.state == ""


async def test_what_a_book_refuses_is_told_and_not_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    all_ = await waiting()
    await decide(all_, "accepted")
    all_.dataverse.errors.append(Refused("+44 2 is no number"))
    await carry_out(all_)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "+44 2" not in caplog.text
    all_.now += ABANDONED
    assert await carry_out(all_) == 0


async def test_what_a_dead_worker_left_is_finished() -> None:
    class Dying(MemoryRecords):
        alive = True

        async def write(self, records: Any) -> Any:
            if not self.alive:
                raise ConnectionError("the process died here")
            return await super().write(records)

    records = Dying()
    all_ = Collaborators(records=records)
    await book(all_, registered(phone="+44 1"))

    async def die() -> None:
        records.alive = False
        raise ConnectionError("the process died here")

    all_.finance.before_saving = die
    with pytest.raises(ConnectionError):
        await book(all_, updated(phone="+44 2"))
    records.alive = True
    assert all_.finance.customer.phone == "+44 1"
    all_.now += ABANDONED + timedelta(seconds=1)
    assert await carry_out(all_) == 1
    assert all_.finance.customer.phone == all_.dataverse.customer.phone == "+44 2"
    assert await all_.conflicts() == []


async def test_a_decision_nobody_waits_for_any_more_comes_to_its_end() -> None:
    all_ = await waiting()
    await decide(all_, "accepted")
    [profile] = await all_.records.find(PROFILES)
    await all_.records.delete(PROFILES, [profile.key])
    await carry_out(all_)
    [conflict] = await all_.conflicts(RESOLVED)
    assert conflict.ending == "superseded"
    assert await all_.audit.read("customers") == []


async def test_a_company_without_settings_holds_up_nobody_else() -> None:
    all_ = await waiting()
    await decide(all_, "accepted")
    companies, all_.companies = all_.companies, {}
    assert await carry_out(all_) == 0
    all_.companies = companies
    assert await carry_out(all_) == 1


async def test_only_an_open_conflict_can_be_decided() -> None:
    all_ = await waiting()
    record = await decide(all_, "accepted")
    assert record.state == ACCEPTED
    with pytest.raises(ValueError, match="is not open, but accepted"):
        decided(record, REJECTED, "kim", NOW)


async def test_without_the_store_decisions_wait() -> None:
    class Unavailable(MemoryRecords):
        async def find(self, kind: str, **_: Any) -> Any:
            raise StoreUnavailable("no database")

    assert await carry_out(Collaborators(records=Unavailable())) == 0
