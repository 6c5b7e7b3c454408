"""What Business Central masters, paging, the read replica, sign-in on premises."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics.business_central import BusinessCentral, business_central, requests
from shared.dynamics.odata.errors import Conflict, Refused, SetUpWrong
from shared.dynamics.ports.master_data import Customer
from shared.dynamics.ports.posting import Booked
from tests.contract.dynamics_business_central.conftest import rows, settings_for
from tests.contract.dynamics_business_central.documents import (
    assert_found,
    assert_new,
    error_of,
    invoice,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADA = Customer("dert", "L4711", "Ada Example", currency="EUR", email="ada@example.org", city="Köln")


async def test_a_customer_is_created_once_changed_where_it_differs_and_read_back(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.DROP_AFTER_COMMIT, method="POST"))
    assert_found(*await bc.customers.save([ADA]))
    assert_found(*await bc.customers.save([ADA]))
    moved = replace(ADA, city="Bonn", phone="0228 1")
    simulator.faults.add(Fault(kind=FaultKind.UPDATE_CONFLICT, method="PATCH"))
    assert_new(*await bc.customers.save([moved]))
    assert await bc.customers.find("dert", "L4711") == moved
    assert await bc.customers.find("dert", "nobody") is None
    assert len(await rows(simulator, "customers")) == 6 * 3 + 1


async def test_a_customer_without_a_name_is_refused_and_an_overlong_one_too(
    bc: BusinessCentral,
) -> None:
    nameless, long = await bc.customers.save([replace(ADA, name=""), replace(ADA, name="x" * 101)])
    assert isinstance(error_of(nameless), Refused)
    assert isinstance(error_of(long), Refused)
    assert error_of(long).code == "Application_StringExceededLength"
    assert len(error_of(long).request_id) == 36


async def test_credit_is_the_limit_and_what_is_owed(bc: BusinessCentral) -> None:
    before = await bc.customers.credit("dert", "CASH")
    assert before is not None
    assert (before.limit, before.balance, before.on_hold) == (None, Decimal(0), False)
    await bc.sales_documents.post([invoice()])
    after = await bc.customers.credit("dert", "CASH")
    assert after is not None
    assert after.balance == Decimal("56.35")
    assert await bc.customers.credit("dert", "NOBODY") is None


async def test_products_come_with_their_variants_and_only_those_changed_since(
    bc: BusinessCentral, simulator: DynamicsSimulator
) -> None:
    products = [each async for each in bc.master_data.products("dert")]
    assert [(each.item, each.variant) for each in products[2:5]] == [
        ("10003", ""),
        ("10003", "RED-M"),
        ("10003", "BLUE-L"),
    ]
    assert products[0].barcodes == ("4006381333931",)
    assert products[0].price == Decimal("24.90")
    later = simulator.clock() + timedelta(seconds=1)
    assert [each async for each in bc.master_data.products("dert", since=later)] == []


async def test_prices_are_those_of_the_cards_or_of_the_price_lists(
    bc: BusinessCentral, custom: BusinessCentral
) -> None:
    cards = [each async for each in bc.master_data.prices("kwrt")]
    lists = [each async for each in custom.master_data.prices("kwrt")]
    assert {each.currency for each in (*cards, *lists)} == {"KWD"}
    assert [each.amount for each in cards] == [each.amount for each in lists]
    assert cards[0].first_day is None
    assert lists[0].first_day is not None


async def test_places_vendors_codes_and_dimensions_are_listed(bc: BusinessCentral) -> None:
    places = [each.code async for each in bc.master_data.places("dert")]
    vendors = [each.number async for each in bc.master_data.vendors("dert")]
    assert places == ["MAIN", "STORE1", "STORE2"]
    assert vendors == ["V10001", "V10002"]
    assert await bc.master_data.codes("dert", "unitsOfMeasure") == {
        "PCS": "Piece",
        "BOX": "Box",
        "KG": "Kilogram",
    }
    assert list(await bc.master_data.dimension_values("dert", "store")) == ["S1", "S2"]


async def test_pages_are_followed_to_their_end(bc: BusinessCentral) -> None:
    path = await bc.api.company("dert", "items")
    listed = requests.rows(path, select=("number",))
    small = replace(listed, headers=(("Prefer", "odata.maxpagesize=2"),))
    numbers = [row["number"] async for row in bc.api.rows(small)]
    assert numbers == ["10001", "10002", "10003", "10004", "10005"]


async def test_a_server_on_premises_takes_user_and_web_service_key(
    simulator: DynamicsSimulator,
) -> None:
    settings = settings_for(
        simulator,
        url=f"{simulator.api_url}/BC",
        user="ADMIN",
        web_service_key="local-web-service-key",
    )
    async with business_central(settings, simulator.clock) as bc:
        [posting] = await bc.sales_documents.post([invoice()])
        assert isinstance(posting, Booked)
    wrong = settings.model_copy(update={"user": "NOBODY"})
    async with business_central(wrong, simulator.clock) as bc:
        assert isinstance(error_of((await bc.customers.save([ADA]))[0]), SetUpWrong)


async def test_a_stale_etag_is_never_forced(bc: BusinessCentral) -> None:
    path = await bc.api.company("dert", "customers")
    row = await bc.api.first(requests.rows(path, where=requests.equal("number", "C10001")))
    assert row is not None
    one = requests.one(path, row["id"])
    await bc.api.change(one, {"city": "Bonn"}, str(row["@odata.etag"]))
    response = await bc.api.service.call(
        requests.change(one, {"city": "Ulm"}, str(row["@odata.etag"]))
    )
    assert response.status == 409
    assert not isinstance(bc.api.service.error(response), Conflict)
