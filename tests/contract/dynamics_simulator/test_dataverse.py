"""The simulated Dataverse's own rules, held against documented requests and answers."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator
from tests.contract.dynamics_simulator.talking import access_token, api_client

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAMPLES = Path(__file__).parents[4] / "shared/data/payloads/dataverse"
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="needs the documented payloads")
KEY = "contacts(tillbus_key='k')"
ROW = "contacts(11111111-2222-3333-4444-555555555555)"


@pytest_asyncio.fixture(loop_scope="session")
async def dataverse(simulator: DynamicsSimulator) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {await access_token(simulator)}"}
    async with api_client(simulator, headers) as client:
        client.base_url = httpx.URL(f"{simulator.api_url}/api/data/v9.2/")
        yield client


def _error(name: str) -> tuple[int, str]:
    head, brace, body = (SAMPLES / f"{name}.http.txt").read_text().partition("{")
    message: str = json.loads(brace + body)["error"]["message"]
    return int(head.split(" ")[1]), message


def _shown(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


def _sample(name: str) -> bytes:
    """The body of a documented batch request; our simulator has contacts where it has leads."""
    text = (SAMPLES / f"{name}.http.txt").read_text().partition("\n\n")[2]
    text = text.replace("[Organization URI]", "").replace("/leads", "/contacts")
    return re.sub(r'"originatingleadid@odata.bind":"\$1",\s*', "", text).encode()


async def _send(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    boundary = body.split(b"\n", 1)[0].strip().removeprefix(b"--").decode()
    headers["Content-Type"] = f"multipart/mixed;boundary={boundary}"
    return await client.post("$batch", content=body, headers=headers)


def _part(line: str, body: object = None, **headers: str) -> str:
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    text = "" if body is None else json.dumps(body)
    return (
        f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{extra}\r\n"
        f"{line} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{text}\r\n"
    )


def _changeset(*parts: str) -> str:
    inner = "".join(f"--c\r\n{part}" for part in parts)
    return f"Content-Type: multipart/mixed;boundary=c\r\n\r\n{inner}--c--\r\n"


def _batch(*parts: str) -> bytes:
    return ("".join(f"--b\r\n{part}" for part in parts) + "--b--\r\n").encode()


async def _names(client: httpx.AsyncClient) -> set[Any]:
    rows = (await client.get("contacts?$select=lastname")).json()["value"]
    return {row["lastname"] for row in rows} - {"Ferro", "Weidt", "Saleh"}


@needs_samples
async def test_documented_refusals_are_answered_word_for_word(
    dataverse: httpx.AsyncClient,
) -> None:
    only_new, only_there = {"If-None-Match": "*"}, {"If-Match": "*"}
    nobody = "accounts(00000000-0000-0000-0000-000000000001)"
    missing = await dataverse.patch(nobody, json={"name": "X"}, headers=only_there)
    await dataverse.patch(KEY, json={"lastname": "Weil"}, headers=only_new)
    taken = await dataverse.patch(KEY, json={"lastname": "Weil"}, headers=only_new)
    stale = await dataverse.patch(KEY, json={}, headers={"If-Match": 'W/"1"'})

    assert _shown(missing) == _error("error_404_upsert_not_found")
    assert _shown(taken) == _error("error_412_duplicate_key")
    assert _shown(stale) == _error("error_412_rowversion_mismatch")


@needs_samples
async def test_the_documented_batch_with_references_makes_three_rows(
    dataverse: httpx.AsyncClient, simulator: DynamicsSimulator
) -> None:
    dataverse.base_url = httpx.URL(f"{simulator.api_url}/api/data/v9.1/")
    answer = await _send(dataverse, _sample("batch_request_content_id_reference"))

    assert answer.status_code == 200
    assert [int(status) for status in re.findall(r"HTTP/1.1 (\d+)", answer.text)] == [204] * 3
    assert re.findall(r"Content-ID: (\d)", answer.text) == ["1", "2", "3"]
    account = re.findall(r"OData-EntityId: (\S+accounts\S+)", answer.text)[0]
    expand = "?$select=name&$expand=primarycontactid($select=firstname)"
    row = (await dataverse.get(account + expand)).json()
    assert row["primarycontactid"]["firstname"] == "Oncall Contact-1111"


@needs_samples
async def test_the_documented_batch_that_sets_a_column_of_a_row_it_makes(
    dataverse: httpx.AsyncClient, simulator: DynamicsSimulator
) -> None:
    dataverse.base_url = httpx.URL(f"{simulator.api_url}/api/data/v9.1/")
    answer = await _send(dataverse, _sample("batch_request_content_id_uri"))

    assert re.findall(r"HTTP/1.1 (\d+)", answer.text) == ["204", "204"]
    assert await _names(dataverse) == {"BBBBB"}


async def test_a_changeset_is_stored_whole_or_not_at_all(dataverse: httpx.AsyncClient) -> None:
    first = _part("POST contacts", {"lastname": "First"}, Content_ID="1")
    wrong = _part("POST contacts", {"lastname": "x" * 51}, Content_ID="2")
    beside = _part("POST contacts", {"lastname": "Beside"})
    prefer = {"Prefer": "odata.continue-on-error"}
    answer = await _send(dataverse, _batch(_changeset(first, wrong), beside), **prefer)

    assert answer.status_code == 200
    assert re.findall(r"HTTP/1.1 (\d+)", answer.text) == ["400", "204"]
    assert await _names(dataverse) == {"Beside"}


async def test_a_batch_ends_at_its_first_refusal_unless_told_otherwise(
    dataverse: httpx.AsyncClient,
) -> None:
    parts = [_part("POST contacts", {"lastname": name}) for name in ("A", "x" * 51, "B")]
    answer = await _send(dataverse, _batch(*parts))

    assert answer.status_code == 400
    assert await _names(dataverse) == {"A"}


async def test_a_batch_of_too_many_operations_is_refused(dataverse: httpx.AsyncClient) -> None:
    answer = await _send(dataverse, _batch(*[_part("GET contacts")] * 1001))
    assert answer.status_code == 400


async def test_multiples_are_all_or_nothing(dataverse: httpx.AsyncClient) -> None:
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}
    rows = [{**kind, "lastname": "A"}, {**kind, "lastname": "x" * 51}]
    path = "contacts/Microsoft.Dynamics.CRM.CreateMultiple"

    assert (await dataverse.post(path, json={"Targets": rows})).status_code == 400
    assert await _names(dataverse) == set()
    answer = await dataverse.post(path, json={"Targets": rows[:1]})
    assert len(answer.json()["Ids"]) == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (KEY, {"tillbus_key": "k"}, 400, "0x80040216"),
        (ROW, {"lastname": 5}, 400, "0x80048d19"),
        (ROW, {"surname": "X"}, 400, "0x80048d19"),
        (ROW, {"nobody@odata.bind": "/accounts(1)"}, 400, "0x80048d19"),
        (ROW, {"lastname": "x" * 51}, 400, "0x80044331"),
        ("contacts(tillbus_key='a%2Fb')", {}, 404, "0x80060888"),
        ("contacts(tillbus_key='a%26b')", {}, 400, "0x80060888"),
        ("contacts(lastname='Weil')", {}, 400, "0x80060888"),
        ("people(1)", {}, 404, "0x80060888"),
    ],
)
async def test_what_is_wrong_is_refused_by_its_code(
    dataverse: httpx.AsyncClient, path: str, body: object, status: int, code: str
) -> None:
    answer = await dataverse.patch(path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_two_rows_cannot_have_one_key(dataverse: httpx.AsyncClient) -> None:
    await dataverse.patch(KEY, json={"lastname": "A"})
    second = await dataverse.post("contacts", json={"lastname": "B", "tillbus_key": "K"})
    assert second.json()["error"]["code"] == "0x80060892"
    [row] = (await dataverse.get("contacts?$filter=lastname eq 'A'")).json()["value"]
    again = await dataverse.post("contacts", json={"contactid": row["contactid"]})
    assert again.json()["error"]["code"] == "0x80040237"


async def test_an_unchanged_row_is_not_sent_again(dataverse: httpx.AsyncClient) -> None:
    await dataverse.patch(ROW, json={"lastname": "A"})
    tag = (await dataverse.get(ROW)).headers["etag"]
    assert (await dataverse.get(ROW, headers={"If-None-Match": tag})).status_code == 304
    await dataverse.patch(ROW, json={"lastname": "B"})
    assert (await dataverse.get(ROW, headers={"If-None-Match": tag})).status_code == 200


async def test_labels_come_where_they_are_asked_for(dataverse: httpx.AsyncClient) -> None:
    prefer = {"Prefer": 'odata.include-annotations="*"'}
    path = "contacts?$select=statecode&$top=1"
    row = (await dataverse.get(path, headers=prefer)).json()["value"][0]
    assert row["statecode@OData.Community.Display.V1.FormattedValue"] == "Active"
    assert len((await dataverse.get(path)).json()["value"][0]) == 3


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("lastname eq 'FERRO'", {"Ferro"}),
        ("creditlimit eq null and creditonhold eq false", {"Ferro", "Weidt", "Saleh"}),
        ("contains(fullname,'a s')", set()),
        ("startswith(firstname,'jo') or not (lastname lt 'S')", {"Weidt", "Saleh"}),
    ],
)
async def test_filters_compare_as_dataverse_does(
    dataverse: httpx.AsyncClient, condition: str, found: set[str]
) -> None:
    answer = await dataverse.get("contacts", params={"$filter": condition})
    assert {row["lastname"] for row in answer.json()["value"]} == found


@pytest.mark.parametrize("option", ["$skip=1", "$filter=nobody eq 1", "$expand=nobody", "$top=x"])
async def test_a_query_it_does_not_know_is_refused(
    dataverse: httpx.AsyncClient, option: str
) -> None:
    assert (await dataverse.get(f"contacts?{option}")).status_code == 400


async def test_change_tracking_goes_without_filters_and_untracked_tables(
    dataverse: httpx.AsyncClient,
) -> None:
    prefer = {"Prefer": "odata.track-changes"}
    for path in ("contacts?$filter=lastname eq 'A'", "annotations"):
        assert (await dataverse.get(path, headers=prefer)).status_code == 400
