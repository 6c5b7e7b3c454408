"""dynamics-web-api, a Dataverse client that nobody here wrote, against the simulated Dataverse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from tests.contract.dynamics_peers.node import MODULES, NODE_FILES, needs_node
from tests.contract.dynamics_simulator.talking import access_token

pytestmark = [needs_node, pytest.mark.asyncio(loop_scope="module")]

_KEY = "7b0c3a52-1c7e-5b53-8d0f-2d1f6a1f0a11"
_BY_KEY = f"tillbus_key='{_KEY}'"


class Refused(Exception):
    """What the client rejected a call with."""

    def __init__(self, error: Any) -> None:
        super().__init__(error)
        self.status = error["status"]
        self.message = error["message"]


class Client:
    """The client in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def __call__(self, call: str, **request: Any) -> Any:
        """What the call resolves to. Raises Refused."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps({"call": call, "with": request})
        self._process.stdin.write(f"{line}\n".encode())
        answer = json.loads(await self._process.stdout.readline())
        if "error" in answer:
            errors = answer["error"]
            raise Refused(errors[0] if isinstance(errors, list) else errors)
        return answer["value"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator() -> AsyncIterator[DynamicsSimulator]:
    async with DynamicsSimulator() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(simulator: DynamicsSimulator) -> AsyncIterator[Client]:
    process = await asyncio.create_subprocess_exec(
        "node",
        str(NODE_FILES / "dataverse_client.js"),
        str(MODULES / "dynamics-web-api"),
        simulator.api_url,
        await access_token(simulator),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    yield Client(process)
    process.kill()
    await process.wait()


@pytest.fixture
def client(process: Client, simulator: DynamicsSimulator) -> Client:
    """The one client of all tests, and a simulator as on its first start."""
    simulator.reset()
    return process


async def test_who_am_i(client: Client) -> None:
    assert (await client("callFunction", functionName="WhoAmI"))["UserId"]


async def test_a_row_is_created_read_changed_and_deleted(client: Client) -> None:
    created = await client("create", collection="contacts", data={"lastname": "Weil"})
    await client("update", collection="contacts", key=created, data={"firstname": "Ann"})
    found = await client("retrieve", collection="contacts", key=created, select=["fullname"])
    await client("deleteRecord", collection="contacts", key=created)

    assert found["fullname"] == "Ann Weil"
    with pytest.raises(Refused) as gone:
        await client("retrieve", collection="contacts", key=created)
    assert gone.value.status == 404


async def test_representation_comes_where_it_is_asked_for(client: Client) -> None:
    row = await client(
        "create",
        collection="accounts",
        data={"name": "Quay Books", "creditlimit": 250.5},
        returnRepresentation=True,
        select=["name", "creditlimit"],
    )

    assert (row["name"], row["creditlimit"]) == ("Quay Books", 250.5)


async def test_an_upsert_by_alternate_key_creates_and_then_changes(client: Client) -> None:
    for city in ("Berlin", "Bremen"):
        await client(
            "upsert", collection="accounts", key=_BY_KEY, data={"name": "X", "address1_city": city}
        )

    found = await client("retrieve", collection="accounts", key=_BY_KEY, select=["address1_city"])
    assert found["address1_city"] == "Bremen"


async def test_create_only_and_update_only_are_kept_apart(client: Client) -> None:
    row = {"collection": "accounts", "key": _BY_KEY, "data": {"name": "X"}}

    # The client takes a 404 for If-Match and a 412 for If-None-Match as answers, not as errors.
    missing = await client("upsert", **row, ifmatch="*")
    created = await client("upsert", **row, ifnonematch="*")
    again = await client("upsert", **row, ifnonematch="*")

    assert (missing, again) == (None, None)
    assert created


async def test_a_stale_etag_is_refused(client: Client) -> None:
    row = await client(
        "create", collection="accounts", data={"name": "X"}, returnRepresentation=True
    )
    change = {"collection": "accounts", "key": row["accountid"], "data": {"name": "Y"}}
    await client("update", **change, ifmatch=row["@odata.etag"])

    # To the client a precondition that does not hold is the answer false.
    assert await client("update", **change, ifmatch=row["@odata.etag"]) is False


async def test_pages_are_followed_to_the_end(client: Client) -> None:
    for number in range(7):
        await client("create", collection="accounts", data={"name": f"Page {number}"})

    rows = await client(
        "retrieveAll",
        collection="accounts",
        select=["name"],
        filter="startswith(name,'Page ')",
        maxPageSize=3,
        orderBy=["name desc"],
    )

    assert [row["name"] for row in rows["value"]] == [f"Page {n}" for n in reversed(range(7))]


async def test_a_page_counts_and_expands(client: Client) -> None:
    owner = await client("create", collection="accounts", data={"name": "Owner"})
    await client(
        "create",
        collection="contacts",
        data={"lastname": "Weil", "parentcustomerid_account@odata.bind": f"accounts({owner})"},
    )

    page = await client(
        "retrieveMultiple",
        collection="contacts",
        filter="lastname eq 'Weil'",
        count=True,
        expand=[{"property": "parentcustomerid_account", "select": ["name"]}],
    )

    [row] = page["value"]
    assert page["@odata.count"] == 1
    assert row["parentcustomerid_account"]["name"] == "Owner"


async def test_changes_are_tracked_by_the_link_the_client_keeps(client: Client) -> None:
    request = {"collection": "accounts", "select": ["name"], "trackChanges": True}
    first = await client("retrieveMultiple", **request)
    await client("create", collection="accounts", data={"name": "New"})
    gone = first["value"][0]["accountid"]
    await client("deleteRecord", collection="accounts", key=gone)

    link = first["@odata.deltaLink"]
    token = link.partition("$deltatoken=")[2]
    second = await client("retrieveMultiple", **request, queryParams=[f"$deltatoken={token}"])

    assert [row["name"] for row in second["value"] if "name" in row] == ["New"]
    assert [row["id"] for row in second["value"] if row.get("reason") == "deleted"] == [gone]


async def test_a_batch_refers_to_what_it_made_and_reads_it(client: Client) -> None:
    made = await client(
        "batch",
        calls=[
            {
                "call": "create",
                "with": {"collection": "accounts", "data": {"name": "Owner"}, "contentId": "1"},
            },
            {
                "call": "create",
                "with": {
                    "collection": "contacts",
                    "data": {"lastname": "Weil", "parentcustomerid_account@odata.bind": "$1"},
                },
            },
        ],
    )

    contact = await client(
        "retrieve", collection="contacts", key=made[1], select=["_parentcustomerid_value"]
    )
    assert contact["_parentcustomerid_value"] == made[0]


async def test_a_batch_that_is_refused_in_part_stores_nothing_of_its_changeset(
    client: Client,
) -> None:
    calls = [
        {"call": "create", "with": {"collection": "accounts", "data": {"name": "First"}}},
        {"call": "create", "with": {"collection": "accounts", "data": {"no_such_column": 1}}},
    ]

    with pytest.raises(Refused) as refused:
        await client("batch", calls=calls)

    found = await client("retrieveMultiple", collection="accounts", filter="name eq 'First'")
    assert refused.value.status == 400
    assert "no_such_column" in refused.value.message
    assert found["value"] == []


async def test_a_throttled_call_tells_the_clients_user_so(
    client: Client, simulator: DynamicsSimulator
) -> None:
    simulator.faults.add(Fault(kind=FaultKind.THROTTLE))

    with pytest.raises(Refused) as refused:
        await client("retrieveMultiple", collection="accounts")

    assert refused.value.status == 429
