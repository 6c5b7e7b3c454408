"""A sale as an upload: sums that agree, an order found or not, errors told apart."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import utc_now
from shared.dynamics import (
    Booked,
    DynamicsError,
    Failed,
    MissingParent,
    Refused,
    SetUpWrong,
    TryLater,
)
from shared.dynamics.amounts import extended
from shared.dynamics.claims import Claims
from shared.dynamics.commerce.order_upload import MAX_ID, transaction_id, upload_body
from shared.dynamics.commerce.orders import CommerceOrders
from shared.dynamics.commerce.products import Products
from shared.dynamics.commerce.requests import function
from shared.dynamics.commerce.rules import RULES
from shared.dynamics.odata.errors import AlreadyExists
from shared.dynamics.odata.messages import Response
from shared.dynamics.odata.requests import to_json
from shared.dynamics.odata.responses import error_of
from shared.dynamics.ports.documents import DocumentKind, SalesLine, Tender
from tests.contract.dynamics_commerce.conftest import sale
from tests.unit.dynamics_commerce.retail_server import SETTINGS, operation, service

AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=3)
LINES = st.lists(
    st.builds(
        SalesLine,
        number=st.integers(1, 99),
        item=st.just("20223"),
        quantity=AMOUNTS,
        unit_price=st.decimals(min_value=0, max_value=999, places=2),
        discount=st.decimals(min_value=0, max_value=99, places=2),
        tax=st.decimals(min_value=0, max_value=99, places=2),
    ),
    min_size=1,
    max_size=5,
)


@given(LINES, st.booleans(), st.sampled_from(DocumentKind))
def test_the_sums_of_an_upload_are_those_of_its_lines(
    lines: list[SalesLine], included: bool, kind: DocumentKind
) -> None:
    document = sale(1, lines=tuple(lines), prices_include_tax=included, kind=kind)
    body = json.loads(to_json(upload_body(document, {"20223": 7}, SETTINGS)), parse_float=Decimal)
    sign = -1 if kind in (DocumentKind.RETURN_ORDER, DocumentKind.CREDIT_MEMO) else 1
    net = sum(extended(each.quantity, each.unit_price, "USD") - each.discount for each in lines)
    tax = sum(each.tax for each in lines)
    assert body["TotalAmount"] == sign * (net if included else net + tax)
    assert body["NetAmountWithoutTax"] + body["TaxAmount"] == body["TotalAmount"]
    assert body["TaxAmountInclusive"] + body["TaxAmountExclusive"] == body["TaxAmount"]
    assert body["NumberOfItems"] == sign * sum(each.quantity for each in lines)


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_transaction_ids_fit_and_stay_apart(one: str, other: str) -> None:
    assert len(transaction_id(one)) <= MAX_ID
    assert (transaction_id(one) == transaction_id(other)) == (one == other)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(204),
        httpx.Response(200, content=b"null"),
        httpx.Response(400, json={
            "TypeName": "DataValidationException",
            "Exception": json.dumps({
                "ErrorResourceId": "Microsoft_Dynamics_Commerce_Runtime_ObjectNotFound",
                "LocalizedMessage": "Nothing there.",
            }),
        }),
    ],
    ids=["no content", "null", "error"],
)  # fmt: skip
async def test_an_order_that_is_not_there_is_uploaded(answer: httpx.Response) -> None:
    [posting] = await _orders(answer).post([sale(1)])
    assert posting == Booked("web:101:T1:1", already_there=False)


async def test_an_amount_no_json_number_carries_is_refused() -> None:
    tiny = sale(1, lines=(SalesLine(1, "20223", Decimal("1.00000000000000001"), Decimal(1)),))
    [posting] = await _orders(httpx.Response(204), uploads=False).post([tiny])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, Refused)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(404, text="No HTTP resource was found"), SetUpWrong),
        (httpx.Response(200, json={"Id": "x", "ChannelReferenceId": "another"}), TryLater),
        (httpx.Response(500), TryLater),
        (httpx.Response(200, content=b"<html>"), TryLater),
    ],
)
async def test_a_look_up_that_says_nothing_certain_lets_nothing_be_written(
    answer: httpx.Response, kind: type[DynamicsError]
) -> None:
    """An operation that does not exist must never pass for an order that does not."""
    [posting] = await _orders(answer, uploads=False).post([sale(1)])
    assert isinstance(posting, Failed)
    assert isinstance(posting.error, kind)


@pytest.mark.parametrize(
    ("status", "resource", "kind"),
    [
        (400, "DuplicateObject", AlreadyExists),
        (400, "ObjectNotFound", MissingParent),
        (409, "ObjectVersionMismatchError", TryLater),
        (400, "InvalidFormat", Refused),
        (401, "AuthenticationFailed", SetUpWrong),
        (403, "CommerceRoleNotAuthorized", SetUpWrong),
        (503, "", TryLater),
    ],
)
def test_an_error_is_judged_by_its_resource_id(
    status: int, resource: str, kind: type[DynamicsError]
) -> None:
    thrown = {"ErrorResourceId": resource, "LocalizedMessage": "As shown at the till."}
    body = {"TypeName": "CommerceException", "Exception": json.dumps(thrown)}
    response = Response(status, body=json.dumps(body).encode())
    error = error_of(response, service(lambda _: httpx.Response(200)).clock(), RULES)
    assert type(error) is kind
    assert error.message == "As shown at the till."
    assert error.code == resource


def test_an_argument_cannot_end_its_function() -> None:
    path = function("Products/SearchByText", {"searchText": "a'),b/c?d"}).path
    assert path.split("?")[0] == "Products/SearchByText(searchText=%27a%27%27%29%2Cb%2Fc%3Fd%27)"


def test_a_return_is_paid_back() -> None:
    document = sale(1, kind=DocumentKind.CREDIT_MEMO, tenders=(Tender("1", Decimal(5)),))
    body = json.loads(to_json(upload_body(document, {"20223": 7}, SETTINGS)))
    assert (body["AmountPaid"], body["SalesLines"][0]["Quantity"]) == (-5, -1)
    assert body["TenderLines"][0]["Amount"] == -5


def _orders(look_up: httpx.Response, *, uploads: bool = True) -> CommerceOrders:
    def answer(request: httpx.Request) -> httpx.Response:
        match operation(request):
            case "SalesOrders":
                assert uploads, "nothing may be written"
                return httpx.Response(201, content=request.content)
            case "Products/SearchByText":
                return httpx.Response(200, json={"value": [{"ItemId": "20223", "RecordId": 7}]})
            case _:
                return look_up

    connected = service(answer)
    return CommerceOrders(
        connected, Products(connected, SETTINGS), SETTINGS, Claims("scale-unit", utc_now, None)
    )
