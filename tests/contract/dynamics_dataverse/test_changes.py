"""Change tracking over real HTTP: pages, deletions, tokens that grow too old."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind, ManualClock
from shared.dynamics import SetUpWrong
from shared.dynamics.dataverse import Dataverse, dataverse
from shared.dynamics.dataverse.changes import DataverseChanges
from shared.dynamics.ports.changes import Delta, Subject
from tests.contract.dynamics_dataverse.conftest import settings_for
from tests.contract.dynamics_dataverse.rows import customer, points

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _all(product: Dataverse, subject: Subject, cursor: str = "") -> tuple[list[Delta], str]:
    pages = [await product.changes.since(subject, cursor)]
    while pages[-1].more:
        pages.append(await product.changes.since(subject, pages[-1].cursor))
    return pages, pages[-1].cursor


async def test_what_is_new_changed_and_deleted_comes_with_the_next_reading(
    product: Dataverse, api: httpx.AsyncClient
) -> None:
    await product.customers.save([customer("1"), customer("2")])
    [first], cursor = await _all(product, Subject.PERSONS)
    assert len(first.rows) == 3 + 2
    assert [(await product.changes.since(Subject.PERSONS, cursor)).rows] == [()]

    await product.customers.save([customer("2", city="Leeds"), customer("3")])
    gone = next(each.id for each in first.rows if each.values["number"] == "1")
    await api.delete(f"contacts({gone})")
    [second], _ = await _all(product, Subject.PERSONS, cursor)
    assert {(each.values["number"], each.values["city"]) for each in second.rows} == {
        ("2", "Leeds"),
        ("3", "London"),
    }
    assert second.deleted == (gone,)
    assert not second.restarted


async def test_pages_may_be_read_one_at_a_time_and_leave_nothing_out(
    simulator: DynamicsSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DataverseChanges.__init__, "__kwdefaults__", {"page": 3})
    async with dataverse(settings_for(simulator)) as product:
        await product.loyalty.record([points(str(number)) for number in range(8)])
        first = await product.changes.since(Subject.POINTS)
        assert (len(first.rows), first.more) == (3, True)
        # Written again behind the reading's back, it comes at the end.
        await product.loyalty.record([points("late")])
        pages, cursor = await _all(product, Subject.POINTS, first.cursor)
        keys = [each.values["key"] for page in [first, *pages] for each in page.rows]
        assert sorted(map(str, keys)) == [str(number) for number in range(8)]
        [last], _ = await _all(product, Subject.POINTS, cursor)
        assert [each.values["key"] for each in last.rows] == ["late"]


async def test_a_token_that_is_too_old_ends_in_a_reading_of_everything(
    simulator: DynamicsSimulator, dataverse_clock: ManualClock
) -> None:
    async with dataverse(settings_for(simulator)) as product:
        _, cursor = await _all(product, Subject.ORGANISATIONS)
        dataverse_clock.advance(timedelta(days=7, seconds=1))
        again = await product.changes.since(Subject.ORGANISATIONS, cursor)
    assert again.restarted
    assert len(again.rows) == 3


async def test_a_token_forgotten_before_its_time_is_no_different(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    _, cursor = await _all(product, Subject.ORGANISATIONS)
    simulator.faults.add(Fault(kind=FaultKind.EXPIRED_CHANGE_TOKEN))
    assert (await product.changes.since(Subject.ORGANISATIONS, cursor)).restarted
    assert not (await product.changes.since(Subject.ORGANISATIONS, cursor)).restarted


async def test_a_cursor_of_another_subject_is_not_followed(product: Dataverse) -> None:
    _, cursor = await _all(product, Subject.ORGANISATIONS)
    for foreign in (cursor, "https://elsewhere.example/contacts?x"):
        with pytest.raises(SetUpWrong):
            await product.changes.since(Subject.PERSONS, foreign)
