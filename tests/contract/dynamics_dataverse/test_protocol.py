"""What lies below the ports: changesets with references, service protection, the rate governor."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import pytest

from infra.local.dynamics import DynamicsSimulator, Limits
from infra.local.dynamics.limits import WindowLimit
from shared.clock import utc_now
from shared.dynamics import TryLater
from shared.dynamics.client import ODataClient
from shared.dynamics.connection import connect
from shared.dynamics.dataverse import dataverse
from shared.dynamics.dataverse.errors import RULES
from shared.dynamics.dataverse.requests import HEADERS, create
from shared.dynamics.dataverse.settings import PATH
from shared.dynamics.odata.batch import Changeset
from tests.contract.dynamics_dataverse.conftest import settings_for
from tests.contract.dynamics_dataverse.rows import customer, error_of, held, kinds

pytestmark = pytest.mark.asyncio(loop_scope="session")
T = TypeVar("T")


class Notebook:
    """A `Book` of one process."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    async def change(self, name: str, change: Callable[[str | None], tuple[str, T]]) -> T:
        self.texts[name], answer = change(self.texts.get(name))
        return answer


async def test_a_changeset_may_refer_to_what_it_makes(simulator: DynamicsSimulator) -> None:
    contact = create("contacts", {"lastname": "Weil"})
    bound = {"subject": "About her", "objectid_contact@odata.bind": "$1"}
    wrong = create("contacts", {"lastname": "x" * 51})
    settings = settings_for(simulator)
    async with connect(settings, PATH, clock=utc_now, rules=RULES, headers=HEADERS) as service:
        made, refused = await ODataClient(service).batch(
            [
                Changeset((contact, create("annotations", bound))),
                Changeset((create("contacts", {"lastname": "Nobody"}), wrong)),
            ]
        )
    assert made is not None
    assert [each.status for each in made] == [204, 204]
    assert refused is not None
    assert [each.status for each in refused] == [400]
    [weil] = [each for each in await held(simulator, "contacts") if each["lastname"] == "Weil"]
    [note] = await held(simulator, "annotations")
    assert note["_objectid_value"] == weil["contactid"]
    assert len(await held(simulator, "contacts")) == 3 + 1


async def test_service_protection_says_when_to_come_back() -> None:
    limits = Limits(dataverse=WindowLimit(requests=2))
    async with (
        DynamicsSimulator(limits=limits) as simulator,
        dataverse(settings_for(simulator)) as product,
    ):
        for number in range(2):
            assert kinds(await product.customers.save([customer(str(number), currency="")])) == [
                "booked"
            ]
        [posting] = await product.customers.save([customer("3", currency="")])
    error = error_of(posting)
    assert isinstance(error, TryLater)
    assert error.code == "0x80072322"
    assert error.retry_after is not None
    assert 290 < error.retry_after.total_seconds() <= 300


async def test_what_is_left_of_the_window_slows_the_shared_budget_before_any_refusal() -> None:
    book = Notebook()
    limits = Limits(dataverse=WindowLimit(requests=30))
    async with (
        DynamicsSimulator(limits=limits) as simulator,
        dataverse(settings_for(simulator), book=book) as product,
    ):
        principal = simulator.registration.client_id
        rates: list[float] = []
        while not rates or rates[-1] >= rates[0]:
            assert kinds(await product.customers.save([customer(currency="")])) == ["booked"]
            [text] = book.texts.values()
            rates.append(json.loads(text)["principals"][principal]["rate"])
