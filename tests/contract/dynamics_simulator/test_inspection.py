"""What the simulator tells about itself."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.dynamics_simulator.talking import (
    batch,
    changeset,
    header,
    sale,
    send_batch,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_summary_sums_exactly_per_currency_and_store_day(api: httpx.AsyncClient) -> None:
    for number in range(1, 11):
        await api.post("/data/RetailTransactions", json=header(str(number), NetAmount=-0.1))
    await api.post(
        "/data/RetailTransactions",
        json=header(
            "1",
            "kwrt",
            Currency="KWD",
            NetAmount=1.005,
            SaleIsReturnSale="Yes",
            ChannelReferenceId="r",
        ),
    )

    summary = (await api.get("/_simulator/transactions")).json()
    only = (await api.get("/_simulator/transactions?company=kwrt")).json()

    assert summary["count"] == 11
    assert summary["distinct_channel_references"] == 2
    assert [
        (each["company"], each["currency"], each["count"], each["returns"], each["NetAmount"])
        for each in summary["by_currency"]
    ] == [("kwrt", "KWD", 1, 1, "1.005"), ("usrt", "USD", 10, 0, "-1")]
    assert [
        (each["company"], each["store"], each["day"], each["GrossAmount"])
        for each in only["by_store_day"]
    ] == [("kwrt", "052", "2026-03-02", "-12.6")]


async def test_requests_are_counted_by_kind(api: httpx.AsyncClient) -> None:
    before = (await api.get("/_simulator/requests")).json()
    await api.get("/data/RetailTransactions")
    await send_batch(api, batch(changeset(sale("1")), changeset(sale("2"))))

    counts = (await api.get("/_simulator/requests")).json()

    assert before == {"token": 1}
    assert counts == {"token": 1, "single": 1, "batch": 1, "changesets": 2, "operations": 8}


async def test_listing_pages_through_every_header(api: httpx.AsyncClient) -> None:
    for number in range(5):
        await api.post("/data/RetailTransactions", json=header(str(number)))
    seen: list[str] = []
    following: int | None = 0

    while following is not None:
        page = await api.get(f"/_simulator/transactions/list?top=2&skip={following}")
        seen += [row["TransactionNumber"] for row in page.json()["value"]]
        following = page.json()["next"]

    assert seen == ["0", "1", "2", "3", "4"]


async def test_listing_refuses_a_page_that_cannot_be(api: httpx.AsyncClient) -> None:
    for query in ("top=0", "skip=-1", "top=x"):
        assert (await api.get(f"/_simulator/transactions/list?{query}")).status_code == 400


async def test_reset_forgets_books_and_counts_but_not_the_companies(
    api: httpx.AsyncClient,
) -> None:
    await send_batch(api, batch(changeset(sale())))

    await api.post("/_simulator/reset")

    summary = (await api.get("/_simulator/transactions")).json()
    assert set(summary["rows"].values()) == {0}
    assert (await api.get("/_simulator/requests")).json() == {}
    assert len((await api.get("/data/Companies")).json()["value"]) == 6
