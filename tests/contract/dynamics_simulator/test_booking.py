"""Single requests: what is booked, read, changed, refused, and in which words."""

from __future__ import annotations

from xml.etree import ElementTree

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator
from tests.contract.dynamics_simulator.talking import (
    access_token,
    api_client,
    header,
    key,
    key_path,
    sale,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _inner(answer: httpx.Response) -> str:
    message: str = answer.json()["error"]["innererror"]["message"]
    return message


def _cause(answer: httpx.Response) -> str:
    message: str = answer.json()["error"]["innererror"]["internalexception"]["message"]
    return message


async def test_posted_header_is_answered_whole_and_read_back_by_its_location(
    api: httpx.AsyncClient,
) -> None:
    created = await api.post("/data/RetailTransactions", json=header(NetAmount=-10.55))
    read = await api.get(created.headers["location"])

    assert created.status_code == 201
    assert created.headers["odata-version"] == "4.0"
    assert read.json() == created.json()
    assert read.json()["NetAmount"] == -10.55
    assert read.json()["CustomerAccount"] == ""
    assert read.json()["@odata.etag"].startswith('W/"')


async def test_minimal_return_answers_no_body(api: httpx.AsyncClient) -> None:
    created = await api.post(
        "/data/RetailTransactions", json=header(), headers={"Prefer": "return=minimal"}
    )

    assert created.status_code == 204
    assert created.headers["odata-entityid"].endswith("TransactionNumber='1')")
    assert created.content == b""


async def test_second_post_of_a_key_is_refused_as_already_existing(api: httpx.AsyncClient) -> None:
    await api.post("/data/RetailTransactions", json=header())

    again = await api.post("/data/RetailTransactions", json=header(Terminal="t1"))

    assert again.status_code == 400
    assert "Write failed for table row of type 'RetailTransactionEntity'. Infolog:" in _inner(again)
    assert "The record already exists.." in _inner(again)


async def test_line_without_its_header_is_refused(api: httpx.AsyncClient) -> None:
    name, line = sale()[1]

    refused = await api.post(f"/data/{name}", json=line)

    assert refused.status_code == 400
    assert "RetailTransactionTable) does not exist" in _inner(refused)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dataAreaId": "nowh"}, "'nowh' in field 'dataAreaId' is not found in the related table"),
        ({"Currency": "XXQ"}, "'XXQ' in field 'Currency' is not found in the related table"),
        ({"Terminal": ""}, "Field 'Terminal' must be filled in"),
    ],
)
async def test_business_refusal_names_field_and_value_in_the_infolog(
    api: httpx.AsyncClient, fields: dict[str, object], words: str
) -> None:
    refused = await api.post("/data/RetailTransactions", json=header() | fields)

    assert refused.status_code == 400
    assert words in _inner(refused)


async def test_missing_key_field_is_refused(api: httpx.AsyncClient) -> None:
    row = header()
    del row["TransactionNumber"]

    refused = await api.post("/data/RetailTransactions", json=row)

    assert "Field 'TransactionNumber' must be filled in" in _inner(refused)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"NoSuch": 1}, "'NoSuch' does not exist on type"),
        ({"NetAmount": "12.50"}, "Edm.Decimal"),
        ({"NetAmount": True}, "Edm.Decimal"),
        ({"NetAmount": 10**40}, "Edm.Decimal"),
        ({"TransactionTime": 1.5}, "Edm.Int32"),
        ({"Terminal": 7}, "Edm.String"),
        ({"Terminal": ["7"]}, "Edm.String"),
        ({"TransactionType": "Sale"}, "RetailTransactionType"),
        ({"TransactionType": 2}, "RetailTransactionType"),
        ({"TransactionDate": "2026-03-02"}, "Edm.DateTimeOffset"),
        ({"TransactionDate": "2026-03-02T12:00:00"}, "Edm.DateTimeOffset"),
    ],
)
async def test_unknown_property_wrong_type_and_unknown_symbol_are_refused(
    api: httpx.AsyncClient, fields: dict[str, object], words: str
) -> None:
    refused = await api.post("/data/RetailTransactions", json=header() | fields)

    assert refused.status_code == 400
    assert words in _cause(refused)
    assert (await api.get("/_simulator/transactions")).json()["count"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"NetAmount": NaN}',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"Terminal":"\\ud800"}',
    ],
)
async def test_body_that_is_no_json_object_is_a_400(api: httpx.AsyncClient, body: bytes) -> None:
    refused = await api.post("/data/RetailTransactions", content=body)

    assert refused.status_code == 400


async def test_lone_surrogate_in_a_key_is_a_400(api: httpx.AsyncClient) -> None:
    text = '{"OperatingUnitNumber":"052","Terminal":"\\ud800","TransactionNumber":"1"}'

    refused = await api.post("/data/RetailTransactions", content=text)

    assert refused.status_code == 400


async def test_date_with_an_offset_across_midnight_lands_on_the_day_before(
    api: httpx.AsyncClient,
) -> None:
    created = await api.post(
        "/data/RetailTransactions", json=header(businessDate="2026-03-02T00:30:00+02:00")
    )

    assert created.json()["businessDate"] == "2026-03-01T12:00:00Z"


async def test_other_companies_are_seen_only_with_cross_company(api: httpx.AsyncClient) -> None:
    await api.post("/data/RetailTransactions", json=header("1", "usrt"))
    await api.post("/data/RetailTransactions", json=header("1", "gbrt"))

    default = (await api.get("/data/RetailTransactions")).json()["value"]
    every = (await api.get("/data/RetailTransactions?cross-company=true")).json()["value"]
    hidden = await api.get(key_path("1", "gbrt"))
    shown = await api.get(key_path("1", "gbrt") + "?cross-company=true")

    assert [row["dataAreaId"] for row in default] == ["usrt"]
    assert [row["dataAreaId"] for row in every] == ["usrt", "gbrt"]
    assert (hidden.status_code, shown.status_code) == (404, 200)


async def test_key_needs_every_key_field(api: httpx.AsyncClient) -> None:
    await api.post("/data/RetailTransactions", json=header())

    partial = await api.get("/data/RetailTransactions(TransactionNumber='1')")
    absent = await api.get(key_path("2"))
    nonsense = await api.get("/data/RetailTransactions(=)")
    unknown = await api.get("/data/NoSuchSet")

    statuses = [answer.status_code for answer in (partial, absent, nonsense, unknown)]
    assert statuses == [400, 404, 404, 404]
    assert "number of keys" in _inner(partial)


@pytest.mark.parametrize("terminal", ["O'Brien", "a/b", "100%", "Zürich (1), 2=3", "x?y#z&+"])
async def test_key_values_of_any_characters_lead_back_to_their_row(
    api: httpx.AsyncClient, terminal: str
) -> None:
    created = await api.post("/data/RetailTransactions", json=header() | {"Terminal": terminal})

    read = await api.get(created.headers["location"])

    assert read.json()["Terminal"] == terminal


async def test_patch_changes_fields_but_no_key_and_minds_the_etag(api: httpx.AsyncClient) -> None:
    created = await api.post("/data/RetailTransactions", json=header())
    old = created.json()["@odata.etag"]

    changed = await api.patch(key_path(), json={"Staff": "7"}, headers={"If-Match": old})
    stale = await api.patch(key_path(), json={"Staff": "8"}, headers={"If-Match": old})
    moved = await api.patch(key_path(), json={"Terminal": "T2"})
    absent = await api.patch(key_path("2"), json={"Staff": "7"})

    assert changed.status_code == 204
    assert [answer.status_code for answer in (stale, moved, absent)] == [412, 400, 404]
    assert (await api.get(key_path())).json()["Staff"] == "7"


async def test_deleting_a_header_deletes_its_lines(api: httpx.AsyncClient) -> None:
    for name, row in sale():
        await api.post(f"/data/{name}", json=row)

    await api.delete(key_path())

    rows = (await api.get("/_simulator/transactions")).json()["rows"]
    assert set(rows.values()) == {0}


async def test_customers_are_kept_like_transactions(api: httpx.AsyncClient) -> None:
    customer = {"dataAreaId": "usrt", "CustomerAccount": "C1", "OnHoldStatus": "Invoice"} | {
        "CustomerGroupId": "RETAIL"
    }

    created = await api.post("/data/CustomersV3", json=customer)
    read = await api.get("/data/CustomersV3(dataAreaId='usrt',CustomerAccount='C1')")

    assert created.status_code == 201
    assert read.json()["OnHoldStatus"] == "Invoice"


async def test_every_filter_of_f_and_o_selects_its_rows(api: httpx.AsyncClient) -> None:
    for number, amount in (("1", -1.5), ("2", -20), ("3", -300)):
        await api.post(
            "/data/RetailTransactions",
            json=header(
                number,
                NetAmount=amount,
                Staff=f"staff-{number}",
                TransactionType="Sales" if number != "3" else "Payment",
                businessDate=f"2026-03-0{number}T12:00:00Z",
            ),
        )
    expected = {
        "TransactionNumber eq '2'": "2",
        "NetAmount lt -1.5": "23",
        "NetAmount le -1.5 and not (TransactionNumber eq '3')": "12",
        "TransactionType eq Microsoft.Dynamics.DataEntities.RetailTransactionType'Payment'": "3",
        "TransactionType ne Microsoft.Dynamics.DataEntities.RetailTransactionType'Payment'": "12",
        "businessDate ge 2026-03-02T00:00:00Z": "23",
        "Staff eq '*aff-1*' or Staff eq 'STAFF-3'": "13",
        "startswith(Staff, 'staff')": "123",
        "CustomerAccount eq ''": "123",
        "Staff eq 'it''s'": "",
    }

    for condition, numbers in expected.items():
        answer = await api.get("/data/RetailTransactions", params={"$filter": condition})
        rows = answer.json()["value"]
        assert "".join(row["TransactionNumber"] for row in rows) == numbers, condition


@pytest.mark.parametrize(
    "options",
    [
        {"$filter": "NoSuch eq 1"},
        {"$filter": "NetAmount eq 'text'"},
        {"$filter": "TransactionType gt 'Sales'"},
        {"$filter": "TransactionNumber in ('1')"},
        {"$filter": "((("},
        {"$filter": "(" * 3000},
        {"$filter": "'; drop table x --"},
        {"$select": "NoSuch"},
        {"$orderby": "NoSuch"},
        {"$top": "-1"},
        {"$expand": "Lines"},
    ],
)
async def test_query_that_cannot_be_carried_out_is_a_400(
    api: httpx.AsyncClient, options: dict[str, str]
) -> None:
    assert (await api.get("/data/RetailTransactions", params=options)).status_code == 400


async def test_pages_follow_next_links_to_every_row_once(api: httpx.AsyncClient) -> None:
    for number in range(1, 8):
        await api.post("/data/RetailTransactions", json=header(str(number)))
    url: str | None = "/data/RetailTransactions?$count=true&$orderby=TransactionNumber desc&$skip=1"
    seen, counts = [], []

    while url:
        page = await api.get(url, headers={"Prefer": "odata.maxpagesize=2"})
        seen += [row["TransactionNumber"] for row in page.json()["value"]]
        counts.append(page.json()["@odata.count"])
        url = page.json().get("@odata.nextLink")

    assert seen == ["6", "5", "4", "3", "2", "1"]
    assert set(counts) == {7}


async def test_top_and_select_restrict_rows_and_fields(api: httpx.AsyncClient) -> None:
    for number in range(1, 6):
        await api.post("/data/RetailTransactions", json=header(str(number)))

    answer = await api.get(
        "/data/RetailTransactions?$top=3&$select=TransactionNumber,NetAmount",
        headers={"Prefer": "odata.maxpagesize=2"},
    )
    rest = await api.get(answer.json()["@odata.nextLink"])

    assert len(answer.json()["value"]) == 2
    assert len(rest.json()["value"]) == 1
    assert "@odata.nextLink" not in rest.json()
    assert set(rest.json()["value"][0]) == {"@odata.etag", "TransactionNumber", "NetAmount"}


async def test_metadata_describes_sets_keys_and_enums(api: httpx.AsyncClient) -> None:
    document = ElementTree.fromstring((await api.get("/data/$metadata")).text)
    edm = "{http://docs.oasis-open.org/odata/ns/edm}"

    sets = {each.get("Name") for each in document.iter(f"{edm}EntitySet")}
    line = next(
        each
        for each in document.iter(f"{edm}EntityType")
        if each.get("Name") == "RetailTransactionSalesLineV2"
    )
    keys = [each.get("Name") for each in line.iter(f"{edm}PropertyRef")]
    enums = {each.get("Name") for each in document.iter(f"{edm}EnumType")}

    assert {"RetailTransactions", "CustomersV3", "Companies"} <= sets
    assert keys == [*key(), "LineNumber"]
    assert "NoYes" in enums


async def test_service_document_lists_the_sets(api: httpx.AsyncClient) -> None:
    sets = (await api.get("/data")).json()["value"]

    assert {"name": "CustomersV3", "kind": "EntitySet", "url": "CustomersV3"} in sets


async def test_strict_operating_units_must_exist() -> None:
    async with DynamicsSimulator(None, strict_operating_units=True) as strict:
        headers = {"Authorization": f"Bearer {await access_token(strict)}"}
        async with api_client(strict, headers) as api:
            refused = await api.post("/data/RetailTransactions", json=header())
            await api.post("/data/OperatingUnits", json={"OperatingUnitNumber": "052"})
            accepted = await api.post("/data/RetailTransactions", json=header())

    assert "'Operating units'" in _inner(refused)
    assert accepted.status_code == 201
