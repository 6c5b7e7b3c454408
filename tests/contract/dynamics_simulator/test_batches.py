"""`$batch` over HTTP: atomic changesets, what stops a batch, what makes it unreadable."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.dynamics_simulator.talking import (
    batch,
    changeset,
    header,
    http_part,
    key_path,
    sale,
    send_batch,
)
from tests.shared_data import shared_data

pytestmark = pytest.mark.asyncio(loop_scope="session")

_MIXED = {"Content-Type": "multipart/mixed; boundary=b"}


async def _rows(api: httpx.AsyncClient) -> dict[str, int]:
    rows: dict[str, int] = (await api.get("/_simulator/transactions")).json()["rows"]
    return {name.removeprefix("RetailTransaction"): count for name, count in rows.items()}


@pytest.mark.parametrize("end", ["\r\n", "\n"])
async def test_changeset_books_a_whole_sale_and_answers_each_operation(
    api: httpx.AsyncClient, end: str
) -> None:
    answers = await send_batch(api, batch(changeset(sale(), end), end=end))

    assert [(each.status, each.content_id) for each in answers[0]] == [
        (201, "1"),
        (201, "2"),
        (201, "3"),
        (201, "4"),
    ]
    assert await _rows(api) == {
        "s": 1,
        "SalesLinesV2": 1,
        "PaymentLinesV2": 1,
        "DiscountLines": 0,
        "IncomeExpenseLines": 0,
        "LoyaltyRewardPointsLines": 0,
        "TaxLines": 1,
    }


async def test_refused_changeset_leaves_nothing_and_answers_once_under_its_first_id(
    api: httpx.AsyncClient,
) -> None:
    writes = sale()
    writes.append(writes[-1])

    [refused] = await send_batch(api, batch(changeset(writes)))

    assert [(each.status, each.content_id) for each in refused] == [(500, "1")]
    assert "Infolog" in refused[0].text
    assert "The record already exists.." in refused[0].text
    assert set((await _rows(api)).values()) == {0}


async def test_unreadable_row_in_a_changeset_is_answered_400(api: httpx.AsyncClient) -> None:
    [refused] = await send_batch(api, batch(changeset(sale(NetAmount="text"))))

    assert refused[0].status == 400
    assert "internalexception" in refused[0].text


async def test_batch_stops_after_its_first_failure(api: httpx.AsyncClient) -> None:
    body = batch(changeset(sale("1")), changeset(sale("1")), changeset(sale("2")))

    answers = await send_batch(api, body)

    assert [part[0].status for part in answers] == [201, 500]
    assert (await _rows(api))["s"] == 1


async def test_batch_goes_on_after_a_failure_when_asked(api: httpx.AsyncClient) -> None:
    body = batch(changeset(sale("1")), changeset(sale("1")), changeset(sale("2")))

    answers = await send_batch(api, body, continue_on_error=True)

    assert [part[0].status for part in answers] == [201, 500, 201]
    assert (await _rows(api))["s"] == 2


async def test_gets_outside_changesets_see_what_earlier_parts_booked(
    api: httpx.AsyncClient,
) -> None:
    body = batch(
        http_part(f"GET {key_path('1')}?$select=NetAmount"),
        changeset(sale("1")),
        http_part(f"GET {key_path('1')}?$select=NetAmount", "look-up"),
    )

    answers = await send_batch(api, body, continue_on_error=True)

    assert [part[0].status for part in answers] == [404, 201, 200]
    assert answers[2][0].content_id == "look-up"
    assert answers[2][0].body["NetAmount"] == -10.5


async def test_urls_in_parts_may_be_absolute_or_relative_to_the_service(
    api: httpx.AsyncClient,
) -> None:
    path = key_path("1")
    await send_batch(api, batch(changeset(sale("1"))))

    answers = await send_batch(
        api,
        batch(
            http_part(f"GET {api.base_url.copy_with(path='')}{path}"),
            http_part(f"GET {path}"),
            http_part(f"GET {path.removeprefix('/data/')}"),
        ),
    )

    assert [part[0].status for part in answers] == [200, 200, 200]


async def test_changeset_may_change_and_delete(api: httpx.AsyncClient) -> None:
    await send_batch(api, batch(changeset(sale("1")), changeset(sale("2"))))
    change = http_part(f"PATCH {key_path('1')}", "1", {"Staff": "7"})
    deletion = http_part(f"DELETE {key_path('2')}", "2")
    nested = f"--c\r\n{change}--c\r\n{deletion}--c--\r\n"

    [answers] = await send_batch(
        api, batch(f"Content-Type: multipart/mixed; boundary=c\r\n\r\n{nested}")
    )

    assert [each.status for each in answers] == [204, 204]
    assert (await api.get(key_path())).json()["Staff"] == "7"
    assert (await _rows(api))["s"] == 1


async def test_captured_request_without_its_inner_closing_boundary_is_understood(
    api: httpx.AsyncClient,
) -> None:
    """Its entity set is not one of ours, so it is answered as a refused changeset."""
    captured = shared_data("payloads/fo/batch_request_changeset.http.txt").read_bytes()
    body = captured.partition(b"\n\n")[2]

    response = await api.post(
        "/data/$batch",
        content=body,
        headers={"Content-Type": "multipart/mixed; boundary=batch_boundary"},
    )

    assert response.status_code == 200
    assert "HTTP/1.1 404" in response.text
    assert "Content-ID: 1" in response.text


_GOOD = batch(changeset(sale()))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (_GOOD.removesuffix(b"--b--\r\n"), "closing boundary"),
        (_GOOD[:500], "closing boundary"),
        (b"", "closing boundary"),
        (b"--b\r\n\r\n--b--\r\n", "neither"),
        (b"--b\r\nno header\r\n\r\nx\r\n--b--\r\n", "not a header line"),
        (batch(http_part("NONSENSE")), "request line"),
        (_GOOD.replace(b"Content-ID: 2", b"Content-ID: 1"), "Content-ID"),
        (_GOOD.replace(b"Content-ID: 2\r\n", b""), "Content-ID"),
        (_GOOD.replace(b"boundary=c", b"border=c"), "boundary"),
        (_GOOD.replace(b"boundary=c", b"boundary=d"), "no operation"),
        (
            _GOOD.replace(b"POST /data/RetailTransactionTax", b"GET /data/RetailTransactionTax"),
            "GET",
        ),
    ],
)
async def test_malformed_batch_is_a_400_and_books_nothing(
    api: httpx.AsyncClient, body: bytes, words: str
) -> None:
    refused = await api.post("/data/$batch", content=body, headers=_MIXED)

    assert refused.status_code == 400
    assert words in refused.json()["error"]["innererror"]["message"]
    assert set((await _rows(api)).values()) == {0}


async def test_batch_of_another_content_type_is_a_400(api: httpx.AsyncClient) -> None:
    refused = await api.post("/data/$batch", json={"requests": []})

    assert refused.status_code == 400


async def test_batch_of_more_than_5000_operations_is_refused_whole(api: httpx.AsyncClient) -> None:
    writes = [("RetailTransactions", header(str(number))) for number in range(1001)]
    parts = [changeset(writes[:1000])] + [changeset(writes[:1000])] * 4 + [changeset(writes[-1:])]

    refused = await api.post("/data/$batch", content=batch(*parts), headers=_MIXED)

    assert refused.status_code == 400
    assert "5000 operations" in refused.text
    assert (await _rows(api))["s"] == 0


async def test_batch_needs_a_token(api: httpx.AsyncClient) -> None:
    refused = await api.post(
        "/data/$batch", content=_GOOD, headers={**_MIXED, "Authorization": "Bearer x"}
    )

    assert refused.status_code == 401
    assert (await _rows(api))["s"] == 0
