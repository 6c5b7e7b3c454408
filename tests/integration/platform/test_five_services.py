"""All five services on one platform: one fact of every topic ends where it should."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from infra.local.platform import Platform, PlatformOptions
from shared.clock import utc_now
from shared.events import (
    FACTS,
    DocumentPosted,
    DocumentRejected,
    OrderCancelled,
    OrderStatusChanged,
)
from shared.events.reversal import ReversalOrdered
from tests.e2e.chain import Chain, becomes
from tests.integration.platform import trade

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

SERVICES = ("sales", "inventory", "customers", "orders", "completeness")
OURS = {DocumentPosted, DocumentRejected, OrderStatusChanged, ReversalOrdered}
"""What services and operators publish."""

GROWTH: dict[str, dict[str, int]] = {
    "finance-operations": {
        # A sale, a return, a count of the drawer and a drop into the safe.
        "RetailTransactions": 4,
        # Both versions of the changed order, and the cancelled one.
        "SalesOrderHeadersV4": 3,
        "CustomerPaymentJournalHeaders": 1,
        "CustomersV3": 1,
        "RetailGiftCardTransactions": 2,
    },
    "business-central": {
        # The cancelled one and the version that was changed are deleted.
        "salesOrders": 1,
        "customerPayments": 1,
        "salesInvoices": 1,
    },
    "commerce": {"SalesOrders": 1},
    "dataverse": {"contacts": 1, "annotations": 1, "tillbus_pointsentries": 2},
    # What usrt sold, took back, received and counted, and what was sold through its channel.
    "inventory-visibility": {"events": 5},
}
"""Rows that are there in the end and were not in the beginning."""

BEFORE_THE_CANCELLING = GROWTH | {
    "business-central": GROWTH["business-central"] | {"salesOrders": 2}
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    options = PlatformOptions(
        tmp_path_factory.mktemp("five"), settings={"RETRY_DELAYS": "PT1S,PT2S,PT4S,PT8S,PT16S"}
    )
    async with Platform(options) as platform, Chain(platform) as running:
        yield running


def facts() -> list[Any]:
    return [
        *trade.tills(),
        *trade.back_office(utc_now()),
        *trade.web_shop("usrt", "USD", "C-1001", "20117", "ea"),
        *trade.web_shop("gbbc", "GBP", "C10001", "10002", "PCS"),
        trade.sale("gbbc", 1, "GBP", "10002", "PCS"),
        trade.sale("deag", 1, "EUR", "10002", "PCS"),
        trade.sale("uscs", 1, "USD"),
    ]


async def test_there_is_a_fact_of_every_topic_that_others_than_we_publish() -> None:
    assert {type(fact) for fact in facts()} == set(FACTS.values()) - OURS


async def test_one_fact_of_every_topic_ends_where_it_should(chain: Chain) -> None:
    before = await chain.simulator("entities")
    everything = facts()
    cancellings = [each for each in everything if isinstance(each, OrderCancelled)]
    await chain.publish(*(each for each in everything if each not in cancellings))

    async def grown() -> dict[str, dict[str, int]]:
        after = await chain.simulator("entities")
        return {
            product: {
                name: after[product].get(name, 0) - before[product].get(name, 0) for name in sets
            }
            for product, sets in GROWTH.items()
        }

    # An order whose cancelling overtakes it is never written, so that one is published later.
    await becomes(grown, BEFORE_THE_CANCELLING)
    await chain.publish(*cancellings)
    await becomes(grown, GROWTH)


async def test_orders_end_as_the_shop_last_said(chain: Chain) -> None:
    async def standing() -> dict[str, float | None]:
        page = "entities?product=finance-operations&set=SalesOrderHeadersV4"
        orders = (await chain.simulator(page))["value"]
        return {
            # A header has no total before its first line.
            each["CustomersOrderReference"]: each.get("OrderTotalAmount")
            for each in orders
            if each["SalesOrderStatus"] != "Canceled"
        }

    await becomes(standing, {"W-1/1": 15})


async def test_a_day_of_tickets_becomes_one_invoice_once_it_is_closed(chain: Chain) -> None:
    # Not earlier: a ticket that comes after its day's close waits for others that are late.
    await chain.publish(trade.closed("deag", "EUR", "12.00"))

    async def totals() -> list[float]:
        page = "entities?product=business-central&set=salesInvoices"
        invoices = (await chain.simulator(page))["value"]
        return [each["totalAmountIncludingTax"] for each in invoices]

    await becomes(totals, [12, 12])


async def test_every_store_day_that_was_closed_balances(chain: Chain) -> None:
    async def balanced() -> set[str]:
        certificates = await chain.certificates()
        return {each["company"] for each in certificates if each["verdict"] == "balanced"}

    await becomes(balanced, {"usrt", "deag"})


async def test_nothing_waits_and_nothing_was_refused(chain: Chain) -> None:
    async def left() -> list[Any]:
        letters = [each for service in SERVICES for each in await chain.dead_letters(service)]
        return [*letters, *await chain.tillbus("parked", "list")]

    await becomes(left, [])
