"""The simulated Business Central over HTTP: what its API refuses, answers and computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator, ManualClock
from infra.local.dynamics.limits import Limits, QueueLimit
from tests.contract.dynamics_simulator.talking import access_token, api_client

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = "/v2.0/production/api/v2.0/"
DERT = "f19dcca1-8af7-51b3-a698-bbb2f34810dd"
COMPANY = f"{ROOT}companies({DERT})/"
LINE = {"lineType": "Item", "lineObjectNumber": "10002", "quantity": 2, "unitPrice": 9.95}
INVOICE: Mapping[str, Any] = {"customerNumber": "CASH", "salesInvoiceLines": [LINE]}
ANY = {"If-Match": "*"}


async def create(api: httpx.AsyncClient, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    response = await api.post(COMPANY + name, json=body)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def code_of(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


async def test_companies_have_ids_derived_from_their_names(api: httpx.AsyncClient) -> None:
    found = (await api.get(f"{ROOT}companies?$select=id,name")).json()["value"]
    assert {each["name"] for each in found} == {"usrt", "gbrt", "dert", "aert", "kwrt", "jprt"}
    assert DERT in {each["id"] for each in found}
    unknown = await api.get(f"{ROOT}companies({DERT.replace('f', 'e')})/items")
    assert code_of(unknown) == "Internal_CompanyNotFound"


@pytest.mark.parametrize(
    ("name", "body", "code", "text"),
    [
        ("salesInvoices", {"number": "X"}, "BadRequest_InvalidOperation", "'Number' is read-only"),
        ("items", {"id": DERT}, "BadRequest_InvalidOperation", "'Id' is read-only"),
        ("items", {"colour": "red"}, "BadRequest", "does not exist on type"),
        ("items", {"number": "1" * 21}, "Application_StringExceededLength", "is 21"),
        ("items", {"type": "Food"}, "Unknown", "Inventory,Service,Non-Inventory"),
        ("items", {"unitPrice": "9.95"}, "BadRequest", "Unable to convert"),
        ("items", {"inventory": 1}, "Application_DialogException", "Inventory cannot be changed"),
        ("items", {"number": "10001"}, "Internal_EntityWithSameKeyExists", "already exists"),
        ("salesInvoices", {"orderDate": "2026-03-01"}, "BadRequest", "orderDate"),
        ("salesInvoices", {}, "Application_DialogException", 'A "customerNumber" or'),
        (
            "salesInvoices",
            {"customerNumber": "X"},
            "Application_DialogException",
            "cannot be found",
        ),
    ],
)
async def test_a_body_is_refused_in_the_documented_words(
    api: httpx.AsyncClient, name: str, body: Mapping[str, Any], code: str, text: str
) -> None:
    response = await api.post(COMPANY + name, json=body)
    assert response.status_code == 400
    assert code_of(response) == code
    assert text in response.json()["error"]["message"]
    assert "CorrelationId:" in response.json()["error"]["message"]


async def test_a_change_needs_the_etag_in_force(api: httpx.AsyncClient) -> None:
    item = (await api.get(f"{COMPANY}items?$top=1")).json()["value"][0]
    path = f"{COMPANY}items({item['id']})"
    without = await api.patch(path, json={"displayName": "A"})
    assert code_of(without) == "BadRequest_InvalidToken"
    own = {"If-Match": item["@odata.etag"]}
    assert (await api.patch(path, json={"displayName": "A"}, headers=own)).status_code == 200
    stale = await api.patch(path, json={"displayName": "B"}, headers=own)
    assert (stale.status_code, code_of(stale)) == (409, "Request_EntityChanged")
    assert (await api.get(path)).json()["displayName"] == "A"


async def test_queries_filter_order_count_expand_and_page(api: httpx.AsyncClient) -> None:
    url = f"{COMPANY}items?$filter=unitPrice gt 5 and type eq 'Inventory'&$count=true"
    found = (await api.get(f"{url}&$orderby=unitPrice desc&$select=number&$skip=1&$top=1")).json()
    assert found["@odata.count"] == 3
    assert [each["number"] for each in found["value"]] == ["10003"]
    page = await api.get(f"{COMPANY}items", headers={"Prefer": "odata.maxpagesize=3"})
    assert len(page.json()["value"]) == 3
    rest = await api.get(page.json()["@odata.nextLink"])
    assert [each["number"] for each in rest.json()["value"]] == ["10004", "10005"]
    url = f"{COMPANY}items?$filter=number eq '10003'&$expand=itemVariants($select=code;$top=1)"
    [item] = (await api.get(url)).json()["value"]
    assert [each["code"] for each in item["itemVariants"]] == ["RED-M"]


async def test_a_filter_by_or_stays_on_one_field_and_codes_are_upper_case(
    api: httpx.AsyncClient,
) -> None:
    one = await api.get(f"{COMPANY}locations?$filter=code eq 'MAIN' or code eq 'STORE1'")
    assert len(one.json()["value"]) == 2
    two = await api.get(f"{COMPANY}locations?$filter=code eq 'MAIN' or displayName eq 'x'")
    assert two.status_code == 400
    lower = await api.get(f"{COMPANY}locations?$filter=code eq 'main'")
    assert lower.json()["value"] == []
    long = await api.get(f"{COMPANY}locations?$filter=code eq '{'X' * 11}'")
    assert code_of(long) == "Application_FilterErrorException"


async def test_an_invoice_lives_from_draft_to_posted_to_canceled(api: httpx.AsyncClient) -> None:
    draft = await create(api, "salesInvoices", INVOICE)
    assert (draft["status"], draft["number"]) == ("Draft", "S-INV102001")
    assert (draft["totalAmountIncludingTax"], draft["totalTaxAmount"]) == (19.9, 3.18)
    path = f"{COMPANY}salesInvoices({draft['id']})"
    assert (await api.post(f"{path}/salesInvoiceLines", json=LINE)).status_code == 201
    assert (await api.get(path)).json()["totalAmountIncludingTax"] == 39.8
    early = await api.post(f"{path}/Microsoft.NAV.cancel")
    assert "posted invoice only" in early.json()["error"]["message"]
    assert (await api.post(f"{path}/Microsoft.NAV.post")).status_code == 204
    posted = (await api.get(path)).json()
    assert (posted["status"], posted["number"]) == ("Open", "PS-INV103001")
    twice = await api.post(f"{path}/Microsoft.NAV.post")
    assert "draft invoice only" in twice.json()["error"]["message"]
    for change in (
        api.patch(path, json={"email": "a@example.org"}, headers=ANY),
        api.delete(path, headers=ANY),
        api.post(f"{path}/salesInvoiceLines", json=LINE),
    ):
        assert (await change).status_code == 400
    assert (await api.post(f"{path}/Microsoft.NAV.cancel")).status_code == 204
    assert (await api.get(path)).json()["status"] == "Canceled"
    customer = f"{COMPANY}customers?$filter=number eq 'CASH'&$expand=customerFinancialDetail"
    [row] = (await api.get(customer)).json()["value"]
    assert row["customerFinancialDetail"]["balance"] == 0


async def test_a_deep_insert_is_made_whole_or_not_at_all(api: httpx.AsyncClient) -> None:
    lines = [LINE, {**LINE, "lineObjectNumber": "99999"}]
    response = await api.post(
        f"{COMPANY}salesInvoices", json={"customerNumber": "CASH", "salesInvoiceLines": lines}
    )
    assert response.json()["error"]["message"].startswith("Item does not exist.")
    assert (await api.get(f"{COMPANY}salesInvoices")).json()["value"] == []


async def test_an_inventory_that_is_set_becomes_an_adjustment(api: httpx.AsyncClient) -> None:
    url = f"{COMPANY}items?$filter=number eq '10002'"
    [item] = (await api.get(url)).json()["value"]
    for total in (10, 4):
        await api.patch(f"{COMPANY}items({item['id']})", json={"inventory": total}, headers=ANY)
    entries = (await api.get(f"{COMPANY}itemLedgerEntries")).json()["value"]
    assert [(each["entryType"], each["quantity"]) for each in entries] == [
        ("Positive_x0020_Adjmt_x002E_", 10),
        ("Negative_x0020_Adjmt_x002E_", -6),
    ]
    assert (await api.get(url)).json()["value"][0]["inventory"] == 4


def request(identifier: str, code: str) -> dict[str, object]:
    url = f"companies({DERT})/itemCategories"
    return {"id": identifier, "method": "POST", "url": url, "headers": {}, "body": {"code": code}}


@pytest.mark.parametrize(
    ("headers", "statuses", "kept"),
    [
        ({}, [201, 400], {"A"}),
        ({"Prefer": "odata.continue-on-error"}, [201, 400, 201], {"A", "C"}),
        ({"Isolation": "snapshot"}, [201, 400], set()),
    ],
)
async def test_a_batch_ends_goes_on_or_is_undone_at_the_first_failure(
    api: httpx.AsyncClient, headers: dict[str, str], statuses: list[int], kept: set[str]
) -> None:
    requests = [request("1", "A"), request("2", "DRINKS"), request("3", "C")]
    response = await api.post(f"{ROOT}$batch", json={"requests": requests}, headers=headers)
    assert response.status_code == 200
    assert [each["status"] for each in response.json()["responses"]] == statuses
    there = (await api.get(f"{COMPANY}itemCategories?$select=code")).json()["value"]
    assert {each["code"] for each in there} - {"DRINKS", "CLOTHES"} == kept


async def test_what_a_posting_committed_stays_when_the_rest_is_undone(
    api: httpx.AsyncClient,
) -> None:
    draft = await create(api, "salesInvoices", INVOICE)
    posting = {
        "id": "0",
        "method": "POST",
        "url": f"companies({DERT})/salesInvoices({draft['id']})/Microsoft.NAV.post",
    }
    requests = [posting, request("1", "A"), request("2", "DRINKS")]
    response = await api.post(
        f"{ROOT}$batch", json={"requests": requests}, headers={"Isolation": "snapshot"}
    )
    assert [each["status"] for each in response.json()["responses"]] == [204, 201, 400]
    found = await api.get(f"{COMPANY}salesInvoices({draft['id']})")
    assert found.json()["status"] == "Open"
    categories = (await api.get(f"{COMPANY}itemCategories")).json()["value"]
    assert "A" not in {each["code"] for each in categories}


async def test_a_batch_of_more_than_a_hundred_is_refused(api: httpx.AsyncClient) -> None:
    requests = [request(str(n), f"C{n}") for n in range(101)]
    assert (await api.post(f"{ROOT}$batch", json={"requests": requests})).status_code == 400


async def test_lines_of_journals_are_asked_for_below_their_journal(api: httpx.AsyncClient) -> None:
    response = await api.get(f"{COMPANY}journalLines")
    assert "You must specify a journal batch ID" in response.json()["error"]["message"]
    journal = await create(api, "journals", {"code": "z1", "displayName": "Z"})
    assert journal["code"] == "Z1"
    path = f"{COMPANY}journals({journal['id']})"
    empty = await api.post(f"{path}/Microsoft.NAV.post")
    assert "There is nothing to post." in empty.json()["error"]["message"]
    dimensions = [{"code": "STORE", "valueCode": "S9"}]
    body = {"accountNumber": "2910", "amount": 1, "dimensionSetLines": dimensions}
    wrong = await api.post(f"{path}/journalLines", json=body)
    assert '"valueCode" does not match' in wrong.json()["error"]["message"]


async def test_the_limits_of_one_user_are_answered_without_a_time() -> None:
    clock = ManualClock()
    limits = Limits(business_central=QueueLimit(requests=3))
    async with DynamicsSimulator(clock=clock, limits=limits) as simulator:
        headers = {"Authorization": f"Bearer {await access_token(simulator)}"}
        async with api_client(simulator, headers) as api:
            answers = [await api.get(f"{COMPANY}items") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert "retry-after" not in answers[-1].headers
    assert code_of(answers[-1]) == "Application_TooManyRequests"
