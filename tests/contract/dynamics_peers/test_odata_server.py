"""The connector's HTTP interface against SAP CAP, an OData 4 server that nobody here wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from shared.clock import utc_now
from shared.dynamics import Booked, Conflict, Failed, TryLater
from shared.dynamics.metadata.csdl import read_metadata
from shared.dynamics.odata.batch import (
    Changeset,
    Item,
    batch_headers,
    build_batch,
    line_up,
    parse_batch,
)
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import create, entity_path, to_json
from shared.dynamics.odata.responses import json_object
from shared.dynamics.once import book_once
from shared.dynamics.service import Service
from tests.contract.dynamics_peers.node import cap_server, needs_node

pytestmark = needs_node

_PAGE = 3
"""Rows of a page, as the model says."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with cap_server(tmp_path_factory.mktemp("cap")) as url:
        yield url


class _Losing(httpx.AsyncBaseTransport):
    """Carries requests out and loses the next answers to posts."""

    def __init__(self) -> None:
        self._real = httpx.AsyncHTTPTransport()
        self.to_lose = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._real.handle_async_request(request)
        if request.method == "POST" and self.to_lose:
            self.to_lose -= 1
            await response.aclose()
            raise httpx.ReadError("the connection broke")
        return response

    async def aclose(self) -> None:
        await self._real.aclose()


@pytest.fixture
def transport() -> _Losing:
    return _Losing()


@pytest.fixture
async def service(root: str, transport: _Losing) -> AsyncIterator[Service]:
    async with httpx.AsyncClient(transport=transport) as http:
        service = Service(http, root, clock=utc_now, timeout=timedelta(seconds=20))
        for number in await _numbers(service):
            await service.write(Operation("DELETE", _path(number), headers=(("If-Match", "*"),)))
        yield service


def _key(number: str) -> dict[str, object]:
    return {"company": "usrt", "number": number}


def _path(number: str) -> str:
    return entity_path("Sales", _key(number))


def _sale(number: str, amount: str = "10.50") -> dict[str, object]:
    return {**_key(number), "amount": Decimal(amount), "customer": "C1"}


async def _post(service: Service, number: str, amount: str = "10.50") -> dict[str, Any]:
    return json_object(await service.write(create("Sales", _sale(number, amount))))


async def _book(service: Service, number: str, amount: str = "10.50") -> Booked | Failed:
    async def look_up() -> dict[str, Any] | None:
        return await service.entity(Operation("GET", _path(number)))

    def differences(found: dict[str, Any]) -> str:
        return "" if found["amount"] == Decimal(amount) else "amount"

    return await book_once(
        lambda: _post(service, number, amount),
        look_up,
        key=lambda found: str(found["number"]),
        differences=differences,
    )


async def _numbers(service: Service) -> list[str]:
    rows = service.rows(Operation("GET", "Sales?$orderby=number"))
    return [row["number"] async for row in rows]


async def test_a_row_comes_back_as_it_was_written(service: Service) -> None:
    number = "K'1 /52%?#ä"
    await _post(service, number, "12345678.90")

    found = await service.entity(Operation("GET", _path(number)))

    assert found is not None
    assert (found["number"], found["amount"]) == (number, Decimal("12345678.90"))
    assert await service.entity(Operation("GET", _path("none"))) is None


async def test_rows_are_followed_from_page_to_page(service: Service) -> None:
    numbers = [f"{number:02}" for number in range(2 * _PAGE + 2)]
    for number in numbers:
        await _post(service, number)

    assert await _numbers(service) == numbers


async def test_a_sale_whose_answer_was_lost_is_found_and_not_booked_again(
    service: Service, transport: _Losing
) -> None:
    transport.to_lose = 1

    booked = await _book(service, "1")

    assert booked == Booked("1", already_there=True)
    assert await _numbers(service) == ["1"]


async def test_a_key_that_is_taken_is_compared(service: Service) -> None:
    await _post(service, "1", "10.50")

    same, other = await _book(service, "1", "10.50"), await _book(service, "1", "11")

    assert same == Booked("1", already_there=True)
    assert isinstance(other, Failed)
    assert isinstance(other.error, Conflict)


async def test_a_change_made_meanwhile_is_not_overwritten(service: Service) -> None:
    etag = (await _post(service, "1"))["@odata.etag"]
    current = (("If-Match", str(etag)),)
    change = Operation("PATCH", _path("1"), to_json({"customer": "C2"}), current)
    await service.write(change)

    with pytest.raises(TryLater) as stale:
        await service.write(change)

    assert stale.value.at_once


async def test_a_changeset_is_booked_whole_or_not_at_all(service: Service) -> None:
    await _post(service, "taken")
    items: list[Item] = [
        Changeset((create("Sales", _sale("1")), create("Sales", _sale("2")))),
        Changeset((create("Sales", _sale("3")), create("Sales", _sale("taken")))),
        Operation("GET", _path("1")),
    ]
    # CAP takes the URLs in a batch as relative to the service, absolute ones included.
    body = build_batch(items, root="")

    answer = await service.call(Operation("POST", "$batch", body, tuple(batch_headers().items())))
    answers = line_up(items, parse_batch(answer.headers["content-type"], answer.body))

    statuses = [[each.status for each in answer or ()] for answer in answers]
    assert statuses[0] == [204, 204]  # as it was asked to: without bodies
    assert all(status >= 400 for status in statuses[1])
    assert statuses[2] == [200]
    assert await _numbers(service) == ["1", "2", "taken"]


async def test_metadata_of_another_server_is_understood(service: Service) -> None:
    document = await service.read(
        Operation("GET", "$metadata", headers=(("Accept", "application/xml"),))
    )

    metadata = read_metadata([document.body])

    type_name = metadata.sets["Sales"].type
    amount = metadata.properties(type_name)["amount"]
    assert metadata.key(type_name) == ("company", "number")
    assert (amount.type, amount.precision, amount.scale) == ("Edm.Decimal", 15, 2)
    assert metadata.properties(type_name)["customer"].max_length == 20
