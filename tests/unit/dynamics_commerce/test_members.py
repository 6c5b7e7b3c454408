"""The table of members says all that our requests carry and all that we need of the answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.clock import utc_now
from shared.dynamics import Booked
from shared.dynamics.claims import Claims
from shared.dynamics.commerce import FIELDS, MEMBERS
from shared.dynamics.commerce.customers import CommerceCustomers
from shared.dynamics.commerce.gift_cards import CommerceGiftCards
from shared.dynamics.commerce.members import (
    ACTIVE_PRICES,
    AVAILABILITY,
    CUSTOMER,
    GIFT_CARD,
    ORDER_LOOK_UP,
    SEARCH_CUSTOMERS,
    SEARCH_PRODUCTS,
    UPLOAD,
    WAREHOUSE_AVAILABILITY,
)
from shared.dynamics.commerce.order_upload import upload_body
from shared.dynamics.commerce.orders import CommerceOrders
from shared.dynamics.commerce.products import CommerceQuotes, CommerceStock, Products
from shared.dynamics.odata.requests import to_json
from shared.dynamics.ports.documents import DocumentKind
from tests.contract.dynamics_commerce.conftest import sale
from tests.unit.dynamics_commerce.retail_server import SETTINGS, members, only, operation, service

SAMPLES = Path(__file__).parents[4] / "shared/data/d365/commerce-retail-server"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not here")

LEVELS = {
    "ProductWarehouseInventoryAvailabilities": [
        {"ProductId": 7, "InventLocationId": "W2", "PhysicalInventory": 3, "TotalAvailable": 2,
         "UnitOfMeasure": "ea"},
    ],
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    SEARCH_PRODUCTS: {"value": [{"RecordId": 7, "ItemId": "20223", "Name": "Glass vase"}]},
    ACTIVE_PRICES: {
        "value": [
            {"ProductId": 7, "BasePrice": 12.75, "AdjustedPrice": 12, "CurrencyCode": "USD",
             "CustomerContextualPrice": 11.5, "UnitOfMeasure": "ea"},
        ]
    },
    AVAILABILITY: LEVELS,
    WAREHOUSE_AVAILABILITY: LEVELS,
    SEARCH_CUSTOMERS: {
        "value": [
            {"AccountNumber": "1", "FullName": "Ada", "CustomerTypeValue": 1, "Email": "e",
             "Phone": "p", "RecordId": 1},
        ]
    },
    CUSTOMER: {
        "AccountNumber": "1", "Name": "Ada", "CustomerTypeValue": 1, "CustomerGroup": "g",
        "CurrencyCode": "USD", "Language": "en-us", "Email": "e", "Phone": "p", "Balance": 3,
        "Addresses": [
            {"Street": "S", "StreetNumber": "1", "City": "C", "ZipCode": "Z",
             "ThreeLetterISORegionName": "USA", "IsPrimary": True, "County": "-"},
        ],
    },
    GIFT_CARD: {"Id": "1", "Balance": 50, "CardCurrencyCode": "USD"},
}  # fmt: skip


class Scripted:
    """Answers with exactly the members the table says are read, and checks those asked with."""

    def __init__(self) -> None:
        self.asked: dict[str, set[str]] = {}
        self.order: dict[str, Any] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = operation(request)
        self.asked[name] = self.asked.get(name, set()) | members(request)
        if name == UPLOAD:
            self.order = json.loads(request.content)
        answer = self.order if name in (UPLOAD, ORDER_LOOK_UP) else ANSWERS[name.split("(")[0]]
        if name.startswith("Customers") and name != SEARCH_CUSTOMERS:
            answer = ANSWERS[CUSTOMER]
        if answer is None:
            return httpx.Response(204)
        return httpx.Response(200, json=only(answer, frozenset(MEMBERS[name].read)))


async def test_every_operation_asks_and_reads_what_the_table_says() -> None:
    server = Scripted()
    connected = service(server)
    products = Products(connected, SETTINGS)
    at = datetime(2026, 3, 2, tzinfo=UTC)

    orders = CommerceOrders(connected, products, SETTINGS, Claims("scale-unit", utc_now, None))
    for already_there in (False, True):
        [posting] = await orders.post([sale(1)])
        assert posting == Booked("web:101:T1:1", already_there)
    status = await orders.status(DocumentKind.INVOICE, "usrt", sale(1).key)
    assert status is not None
    assert status.total == Decimal("12.75")

    [quote] = await CommerceQuotes(connected, products, SETTINGS).quote("usrt", ["20223"], at)
    assert (quote.amount, quote.base, quote.unit) == (Decimal("11.5"), Decimal("12.75"), "ea")
    stock = CommerceStock(connected, products, SETTINGS)
    for locations in ((), ("W2",)):
        [level] = await stock.on_hand("usrt", ["20223"], locations)
        assert (level.on_hand, level.available) == (Decimal(3), Decimal(2))
    customers = CommerceCustomers(connected, SETTINGS)
    [found] = await customers.search("usrt", "ada")
    assert (found.name, found.email, found.phone, found.is_person) == ("Ada", "e", "p", True)
    whole = await customers.find("usrt", "1")
    assert whole is not None
    assert (whole.street, whole.city, whole.postal_code, whole.country) == ("S 1", "C", "Z", "USA")
    assert await CommerceGiftCards(connected, SETTINGS).balance("usrt", "1") == 50

    assert server.asked == {name: set(each.written) for name, each in MEMBERS.items()}


def test_the_fields_that_the_metadata_check_compares_are_in_the_table() -> None:
    assert {f"{each.entity_set}/{action}" for each in FIELDS for action in each.actions} | {
        UPLOAD,
        CUSTOMER,
        GIFT_CARD,
    } == set(MEMBERS)
    for each in FIELDS:
        operations = [m for name, m in MEMBERS.items() if name.split("/")[0] == each.entity_set]
        known = {name.split(".")[0] for m in operations for name in (*m.written, *m.read)}
        known |= {name.removeprefix("value.") for m in operations for name in m.read}
        assert each.names <= known, each.entity_set


@needs_samples
def test_an_upload_has_the_members_and_types_of_a_captured_one() -> None:
    captured = json.loads((SAMPLES / "sales_order_upload_store.json").read_text())
    document = replace(sale(1), applies_to="web:1", reference="web-1")
    ours = json.loads(to_json(upload_body(document, {"20223": 7}, SETTINGS)))
    for there, here in (
        (captured, ours),
        (captured["SalesLines"][0], ours["SalesLines"][0]),
        (captured["TenderLines"][0], ours["TenderLines"][0]),
    ):
        kinds = {name: _kind(value) for name, value in here.items()}
        assert kinds == {name: _kind(there.get(name)) for name in here}


@needs_samples
@pytest.mark.parametrize("name", [ACTIVE_PRICES, SEARCH_CUSTOMERS, SEARCH_PRODUCTS])
def test_requests_have_the_members_of_captured_ones(name: str) -> None:
    captured = json.loads((SAMPLES / "retail_server_requests.json").read_text())
    wanted = set(MEMBERS[name].written)
    known: set[str] = set()
    for each in captured:
        if f"/{name}" in each["url"]:
            path = each["url"].split("}}", 1)[1].split("?")[0]
            request = httpx.Request(
                each["method"], f"https://csu.example/Commerce{path}", json=each["body"]
            )
            known |= members(request)
    assert known
    assert wanted - known <= {"customerId"}, "documented for prices, not captured"


def _kind(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(type(value))
    return "number" if isinstance(value, int | float) else type(value).__name__
