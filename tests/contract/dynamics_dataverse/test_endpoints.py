"""Registering where Dataverse tells of changes, and what arrives there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import httpx
import pytest
import pytest_asyncio

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics import MissingParent
from shared.dynamics.dataverse import Dataverse, RowChange, dataverse, row_change
from shared.dynamics.dataverse.endpoints import Interest, ServiceBusEntity, Webhook
from tests.contract.dynamics_dataverse.conftest import settings_for
from tests.contract.dynamics_dataverse.rows import customer, held

pytestmark = pytest.mark.asyncio(loop_scope="session")

INTERESTS = (
    Interest("contact", "Create"),
    Interest("contact", "Update", ("emailaddress1", "creditlimit")),
    Interest("contact", "Delete"),
)


@dataclass
class Receiver:
    """An HTTP server of a few lines: what it was told, with request line and headers."""

    url: str = ""
    told: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            line, *lines = head.decode().strip().split("\r\n")
            pairs = (each.split(": ", 1) for each in lines)
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers["content-length"]))
            self.told.append((line, headers, body))
            self.news.set()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def changes(self, number: int) -> list[RowChange]:
        async with asyncio.timeout(60):
            while len(self.told) < number:
                self.news.clear()
                await self.news.wait()
        return [row_change(json.loads(body)) for _, _, body in self.told]


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await found.serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/changes"
    yield found
    server.close()


async def test_a_webhook_hears_of_what_is_made_changed_and_deleted(
    product: Dataverse, api: httpx.AsyncClient, receiver: Receiver
) -> None:
    await product.endpoints.register(Webhook("tillbus", receiver.url, "k&y"), INTERESTS)
    path = "contacts(11111111-2222-3333-4444-555555555555)"
    await api.patch(path, json={"lastname": "Weil", "emailaddress1": "a@example.com"})
    await api.patch(path, json={"address1_city": "Paris"})  # nobody asked for that
    await api.patch(path, json={"creditlimit": 12.5})
    await api.delete(path)
    created, updated, deleted = await receiver.changes(3)

    assert (created.message, updated.message, deleted.message) == ("Create", "Update", "Delete")
    assert {each.id for each in (created, updated, deleted)} == {path[9:-1]}
    assert created.after["fullname"] == "Weil"
    assert updated.changed["creditlimit"] == Decimal("12.5")
    assert updated.after["emailaddress1"] == "a@example.com"
    assert deleted.before["fullname"] == "Weil"
    line, headers, _ = receiver.told[0]
    assert "?code=k%26y" in line
    assert headers["x-ms-dynamics-entity-name"] == "contact"
    assert headers["x-ms-dynamics-request-name"] == "Create"


async def test_registering_again_leaves_one_of_each(
    product: Dataverse, simulator: DynamicsSimulator
) -> None:
    webhook = Webhook("tillbus", "https://a.example", "k")
    first = await product.endpoints.register(webhook, INTERESTS)
    sets = ("sdkmessageprocessingsteps", "sdkmessageprocessingstepimages")
    before = [await held(simulator, name) for name in sets]
    assert await product.endpoints.register(webhook, INTERESTS) == first
    assert [await held(simulator, name) for name in sets] == before
    assert len(await held(simulator, "serviceendpoints")) == 1


async def test_what_somebody_changed_is_set_back(
    product: Dataverse, simulator: DynamicsSimulator, api: httpx.AsyncClient
) -> None:
    webhook = Webhook("tillbus", "https://a.example", "k")
    await product.endpoints.register(webhook, INTERESTS)
    step = (await held(simulator, "sdkmessageprocessingsteps"))[1]
    path = f"sdkmessageprocessingsteps({step['sdkmessageprocessingstepid']})"
    await api.patch(path, json={"filteringattributes": "lastname"})
    await product.endpoints.register(webhook, INTERESTS)
    after = await held(simulator, "sdkmessageprocessingsteps")
    assert "emailaddress1,creditlimit" in {each["filteringattributes"] for each in after}


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE_COMMIT, FaultKind.DROP_AFTER_COMMIT])
async def test_lost_answers_register_nothing_twice(
    product: Dataverse, simulator: DynamicsSimulator, kind: FaultKind
) -> None:
    for skip in range(3):
        simulator.faults.add(Fault(kind=kind, method="POST", path="/api/data", skip=skip))
    queue = ServiceBusEntity("queue", "sb://bus.example/", "changes", "send", "secret")
    await product.endpoints.register(queue, INTERESTS)
    assert len(await held(simulator, "serviceendpoints")) == 1
    assert len(await held(simulator, "sdkmessageprocessingsteps")) == 3
    assert len(await held(simulator, "sdkmessageprocessingstepimages")) == 3


async def test_a_table_that_is_not_there_is_named(product: Dataverse) -> None:
    webhook = Webhook("tillbus", "https://a.example", "k")
    with pytest.raises(MissingParent, match="Create of unheard"):
        await product.endpoints.register(webhook, [Interest("unheard", "Create")])


async def test_our_own_writes_are_told_like_everybody_s(
    product: Dataverse, receiver: Receiver
) -> None:
    await product.endpoints.register(Webhook("tillbus", receiver.url, "k"), INTERESTS)
    await product.customers.save([customer("1"), customer("2")])
    changes = await receiver.changes(2)
    assert {each.after["tillbus_number"] for each in changes} == {"1", "2"}


async def test_a_row_too_large_to_be_sent_is_told_without_its_columns(
    product: Dataverse, api: httpx.AsyncClient, receiver: Receiver
) -> None:
    webhook = Webhook("tillbus", receiver.url, "k")
    await product.endpoints.register(webhook, [Interest("annotation", "Create")])
    await api.post("annotations", json={"subject": "Long", "notetext": "語" * 100_000})
    [change] = await receiver.changes(1)
    assert change.is_stripped
    assert change.id
    assert receiver.told[0][1]["x-ms-dynamics-msg-size-exceeded"] == "true"


async def test_a_topic_is_told_at_its_own_address_in_json() -> None:
    sent: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        sent.put_nowait((url, body))
        return 200, ""

    topic = ServiceBusEntity("t", "sb://bus.example/", "changes", "send", "secret", is_topic=True)
    async with (
        DynamicsSimulator(senders={"sb": send}) as simulator,
        dataverse(settings_for(simulator)) as product,
    ):
        await product.endpoints.register(topic, INTERESTS)
        await product.customers.save([customer("1")])
        async with asyncio.timeout(60):
            url, body = await sent.get()
    assert url == "sb://bus.example/changes"
    assert row_change(json.loads(body)).after["tillbus_number"] == "1"
