"""A product update that renames, drops and adds fields, as a client meets it."""

from __future__ import annotations

from xml.etree import ElementTree

import httpx
import pytest

from infra.local.dynamics import DynamicsSimulator
from tests.contract.dynamics_simulator.talking import (
    batch,
    changeset,
    header,
    key_path,
    sale,
    send_batch,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SET = {"kind": "schema-upgrade", "product": "finance-operations"}
_HEADERS = {**_SET, "entity_set": "RetailTransactions"}


async def _upgrade(api: httpx.AsyncClient, *upgrades: dict[str, object]) -> None:
    answer = await api.post("/_simulator/faults", json=list(upgrades))
    assert answer.status_code == 201, answer.text


async def _properties(api: httpx.AsyncClient, type_name: str) -> list[str]:
    document = (await api.get("/data/$metadata")).text
    root = ElementTree.fromstring(document)
    return [
        each.get("Name", "")
        for each in root.iterfind(f".//{{*}}EntityType[@Name='{type_name}']/{{*}}Property")
    ]


async def test_metadata_tells_what_an_upgrade_changed_and_nothing_else(
    api: httpx.AsyncClient,
) -> None:
    before = await _properties(api, "RetailTransaction")
    other = await _properties(api, "RetailTransactionSalesLineV2")
    await _upgrade(
        api,
        {**_HEADERS, "field": "NetAmount", "becomes": "NetTotal"},
        {**_HEADERS, "field": "GrossAmount"},
        {**_HEADERS, "becomes": "FiscalReference"},
    )

    after = await _properties(api, "RetailTransaction")

    assert set(before) - set(after) == {"NetAmount", "GrossAmount"}
    assert set(after) - set(before) == {"NetTotal", "FiscalReference"}
    assert await _properties(api, "RetailTransactionSalesLineV2") == other


async def test_a_renamed_field_is_known_by_its_new_name_alone(api: httpx.AsyncClient) -> None:
    await api.post("/data/RetailTransactions", json=header("1", NetAmount=-5))
    await _upgrade(api, {**_HEADERS, "field": "NetAmount", "becomes": "NetTotal"})
    by_new_name = {name: value for name, value in header("2").items() if name != "NetAmount"}

    refused = await api.post("/data/RetailTransactions", json=header("2"))
    taken = await api.post("/data/RetailTransactions", json={**by_new_name, "NetTotal": -7})
    found = await api.get(
        "/data/RetailTransactions",
        params={"$filter": "NetTotal lt -4", "$select": "TransactionNumber,NetTotal"},
    )
    old_query = await api.get("/data/RetailTransactions", params={"$filter": "NetAmount lt 0"})

    assert refused.status_code == 400
    assert "'NetAmount'" in refused.text
    assert taken.json()["NetTotal"] == -7
    assert [(row["TransactionNumber"], row["NetTotal"]) for row in found.json()["value"]] == [
        ("1", -5),
        ("2", -7),
    ]
    assert "NetAmount" not in found.text
    assert old_query.status_code == 400
    assert "'NetAmount'" in old_query.text


async def test_a_batch_meets_the_upgrade_item_by_item(api: httpx.AsyncClient) -> None:
    line = "RetailTransactionSalesLinesV2"
    await _upgrade(api, {**_SET, "entity_set": line, "field": "ItemId", "becomes": "ItemNumber"})
    new = [
        (name, {("ItemNumber" if each == "ItemId" else each): v for each, v in row.items()})
        for name, row in sale("2")
    ]

    answers = await send_batch(
        api, batch(changeset(sale("1")), changeset(new)), continue_on_error=True
    )

    assert [part[0].status for part in answers] == [400, 201]
    assert "'ItemId'" in answers[0][0].text
    assert answers[1][1].body["ItemNumber"] == "A"
    assert (await api.get(key_path("1"))).status_code == 404


async def test_a_field_that_is_gone_is_not_shown_and_one_that_appears_is_empty(
    api: httpx.AsyncClient,
) -> None:
    await api.post("/data/RetailTransactions", json=header("1"))
    await _upgrade(
        api, {**_HEADERS, "field": "GrossAmount"}, {**_HEADERS, "becomes": "FiscalReference"}
    )

    row = (await api.get(key_path("1"))).json()

    assert "GrossAmount" not in row
    assert row["FiscalReference"] is None


async def test_an_upgrade_that_is_cleared_leaves_everything_as_it_was(
    api: httpx.AsyncClient, simulator: DynamicsSimulator
) -> None:
    await api.post("/data/RetailTransactions", json=header("1"))
    before = (await api.get(key_path("1"))).json()
    await _upgrade(api, {**_HEADERS, "field": "NetAmount", "becomes": "NetTotal"})
    changed = await api.patch(key_path("1"), json={"NetTotal": -1})

    simulator.faults.clear()

    after = (await api.get(key_path("1"))).json()
    assert changed.status_code == 204
    assert after.pop("NetAmount") == -1
    del before["NetAmount"], before["@odata.etag"], after["@odata.etag"]
    assert after == before


async def test_a_batch_in_json_meets_the_upgrade_too(api: httpx.AsyncClient) -> None:
    root = "/v2.0/production/api/v2.0"
    company = (await api.get(f"{root}/companies")).json()["value"][0]["id"]
    await _upgrade(
        api,
        {
            "kind": "schema-upgrade",
            "product": "business-central",
            "entity_set": "customers",
            "field": "displayName",
            "becomes": "fullName",
        },
    )
    requests = [
        {
            "id": name,
            "method": "POST",
            "url": f"companies({company})/customers",
            "headers": {"Content-Type": "application/json"},
            "body": {name: "Quay Books"},
        }
        for name in ("displayName", "fullName")
    ]

    answer = await api.post(
        f"{root}/$batch",
        json={"requests": requests},
        headers={"Prefer": "odata.continue-on-error"},
    )
    found = await api.get(
        f"{root}/companies({company})/customers", params={"$filter": "fullName eq 'Quay Books'"}
    )

    old, new = answer.json()["responses"]
    assert (old["status"], new["status"]) == (400, 201)
    assert "displayName" in str(old["body"])
    assert new["body"]["fullName"] == "Quay Books"
    assert [row["fullName"] for row in found.json()["value"]] == ["Quay Books"]


@pytest.mark.parametrize(
    "incomplete",
    [
        {"field": "NetAmount"},
        {**_HEADERS},
        {"product": "finance-operations", "becomes": "New"},
    ],
)
async def test_an_upgrade_of_nothing_is_refused(
    api: httpx.AsyncClient, incomplete: dict[str, object]
) -> None:
    answer = await api.post("/_simulator/faults", json={"kind": "schema-upgrade", **incomplete})

    assert answer.status_code == 422
