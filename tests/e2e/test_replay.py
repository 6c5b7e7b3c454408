"""Thousands of real invoices through every real process; some die on the way, no sale does.

The expected books come from a count of the file that shares no code with the till.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.local.platform import Platform, PlatformOptions
from infra.local.platform.platform import TOPOLOGY
from tests.e2e.chain import Chain, eventually
from tests.online_retail_count import Expected, expected
from tests.shared_data import shared_data

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

INVOICES = int(os.environ.get("TILLBUS_INVOICES", "2025"))
"""The invoices of December 2010, a full month; releases are tried on 5000."""

VICTIMS = ("servicebus", "functions", "dynamics")
TILL = "till"
KILLS = 30
SECONDS_BETWEEN_KILLS = 1.0
MOST_KILLS_OF_THE_TILL = 8
"""It starts slower than the others, and must get on in between."""
SEED = 2010


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[Chain]:
    """A platform whose locks are short, so that what a dead host held comes back soon."""
    topology = folder / "topology.json"
    topology.write_text(TOPOLOGY.read_text().replace('"PT1M"', '"PT10S"'))
    options = PlatformOptions(
        folder / "data",
        topology=topology,
        settings={"RETRY_DELAYS": "PT1S,PT2S,PT4S,PT8S,PT16S,PT30S"},
    )
    async with Platform(options) as platform, Chain(platform) as chain:
        yield chain


@pytest.fixture(scope="module")
def file() -> Path:
    return shared_data("retail/online-retail/online_retail_2010_2011.csv.gz")


async def _replay(chain: Chain, file: Path, invoices: int) -> dict[str, Any]:
    report: dict[str, Any] = await chain.tillbus("replay", str(file), "--invoices", str(invoices))
    return report


async def _booked_completely(chain: Chain, books: Expected) -> list[dict[str, Any]]:
    """Wait until every store-day balances; return the documents."""

    async def booked() -> int:
        return int((await chain.simulator("transactions"))["count"])

    async def balanced() -> int:
        certificates = await chain.certificates()
        assert len(certificates) <= len(books.store_days)
        return sum(each["verdict"] == "balanced" for each in certificates)

    # Hundreds of certificates cost the host seconds: ask for them when they can be complete.
    await _reached(books.sales + books.returns, booked, patience=150, poll=1)
    await _reached(len(books.store_days), balanced, patience=60, poll=3)
    return await chain.transactions()


async def _reached(
    goal: int, measure: Callable[[], Awaitable[int]], patience: float, poll: float
) -> None:
    """Wait as long as something moves: how much is done by when says how busy the machine is."""
    reached = 0

    async def further() -> bool:
        nonlocal reached
        before, reached = reached, await measure()
        return reached > before or reached >= goal

    while reached < goal:
        await eventually(further, patience, poll)


def _assert_equal_books(documents: list[dict[str, Any]], books: Expected) -> None:
    by_receipt = {row["RreceiptId"]: row for row in documents}
    assert len(by_receipt) == len(documents) == books.sales + books.returns
    assert {
        receipt: abs(Decimal(str(row["PaymentAmount"]))) for receipt, row in by_receipt.items()
    } == books.amount_by_invoice
    returns = [row for row in documents if row["SaleIsReturnSale"] == "Yes"]
    assert len(returns) == books.returns


async def test_replay_books_what_an_independent_count_expects_and_a_second_one_nothing_more(
    tmp_path: Path, file: Path
) -> None:
    books = expected(file, INVOICES)
    async with _running(tmp_path) as chain:
        report = await _replay(chain, file, INVOICES)
        first = await _booked_completely(chain, books)

        _assert_equal_books(first, books)
        assert sum(report["file"]["rows_by_rule"].values()) == books.rows_read
        assert report["file"]["excluded_by_rule"] == dict(books.rows_by_reason)
        before = await chain.simulator("requests")

        await _replay(chain, file, INVOICES)
        second = await _booked_completely(chain, books)

        assert len(second) == len(first)
        assert (await chain.simulator("transactions"))["distinct_channel_references"] == len(first)
        assert before["changesets"] <= len(first) * 1.01
        assert await chain.dead_letters("sales") == []


async def test_a_months_books_are_the_same_whichever_process_is_killed_whenever(
    tmp_path: Path, file: Path
) -> None:
    books = expected(file, INVOICES)
    chance = random.Random(SEED)
    async with _running(tmp_path) as chain:
        till = Till(chain, file, tmp_path / "till" / "outbox.db")
        uploaded = asyncio.create_task(till.upload())
        kills: Counter[str] = Counter()
        while sum(kills.values()) < KILLS or not uploaded.done():
            victim = chance.choice((*VICTIMS, TILL))
            if victim == TILL:
                killed = kills[TILL] < MOST_KILLS_OF_THE_TILL and till.kill()
            else:
                component = chain.platform.components[victim]
                await asyncio.wait_for(component.is_ready.wait(), 60)
                killed = True
                component.kill()
            kills[victim] += killed
            await asyncio.sleep(chance.uniform(0.2, 2) * SECONDS_BETWEEN_KILLS)
        await uploaded
        for name in VICTIMS:
            await asyncio.wait_for(chain.platform.components[name].is_ready.wait(), 60)

        documents = await _booked_completely(chain, books)

        assert set(kills) == {*VICTIMS, TILL}, f"not everybody was killed: {kills}"
        _assert_equal_books(documents, books)
        assert (await chain.simulator("transactions"))["count"] == len(documents)
        letters = await chain.dead_letters("sales")
        assert letters == [], json.dumps([letter.json() for letter in letters[:3]])


class Till:
    """The replay as a process of its own, whose outbox is all it has; started anew when it dies."""

    def __init__(self, chain: Chain, file: Path, outbox: Path) -> None:
        outbox.parent.mkdir()
        self._chain = chain
        self._arguments = (
            "replay",
            str(file),
            "--invoices",
            str(INVOICES),
            "--outbox",
            str(outbox),
        )
        self._process: asyncio.subprocess.Process | None = None

    def kill(self) -> bool:
        """Kill it if it runs; return whether it did."""
        if self._process is None or self._process.returncode is not None:
            return False
        self._process.kill()
        return True

    async def upload(self) -> None:
        """Return when one life of it was long enough."""
        ended = None
        while ended != 0:
            self._process = await self._chain.start_tillbus(*self._arguments)
            _, said = await self._process.communicate()
            ended = self._process.returncode
            assert ended in (0, -signal.SIGKILL), said.decode()
