"""Writes while connections break before and after the commit: none twice, none lost."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from infra.local.dynamics import DynamicsSimulator, Fault, FaultKind
from shared.dynamics.business_central import business_central
from shared.dynamics.odata.errors import TryLater
from shared.dynamics.ports.posting import Booked, Posting
from shared.dynamics.ports.stock import Movement, StockChange
from tests.contract.dynamics_business_central.conftest import CUSTOM_API, rows, settings_for
from tests.contract.dynamics_business_central.documents import LINES, invoice, journal, payment

WRITES = int(os.environ.get("TILLBUS_DRILL_WRITES", "300"))
_PER_WAVE = 100
_MOST_DELIVERIES = 30

T = TypeVar("T")


async def deliver(
    post: Callable[[Sequence[T]], Awaitable[Sequence[Posting]]], all_: list[T]
) -> None:
    """Hand each over until it is booked, as the bus would."""
    for start in range(0, len(all_), _PER_WAVE):
        open_ = all_[start : start + _PER_WAVE]
        for _ in range(_MOST_DELIVERIES):
            postings = await post(open_)
            for posting in postings:
                assert isinstance(posting, Booked) or isinstance(posting.error, TryLater), posting
            open_ = [
                each
                for each, posting in zip(open_, postings, strict=True)
                if not isinstance(posting, Booked)
            ]
            if not open_:
                break
        assert not open_, "every delivery must bring some of them on"


async def test_ambiguous_timeouts_double_nothing_and_lose_nothing() -> None:
    faults = [
        Fault(kind=kind, percent=5, count=None, seed=seed, method="POST")
        for seed, kind in enumerate([FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT])
    ]
    share = WRITES // 5
    async with DynamicsSimulator(faults=faults) as simulator:
        settings = settings_for(simulator)
        extended = settings_for(simulator, custom_api=CUSTOM_API)
        async with business_central(settings) as bc, business_central(extended) as custom:
            lines = LINES[:1]
            await deliver(
                bc.sales_documents.post,
                [invoice(f"standard:{n}", lines=lines) for n in range(share)],
            )
            await deliver(
                custom.sales_documents.post,
                [invoice(f"pos:{n}", lines=lines) for n in range(share)],
            )
            await deliver(bc.customer_payments.post, [payment(f"p:{n}") for n in range(share)])
            await deliver(bc.ledger_journals.post, [journal(f"z:{n}") for n in range(share)])
            at = datetime(2026, 3, 1, 12, tzinfo=UTC)
            await deliver(
                custom.stock.change,
                [
                    StockChange(
                        f"e:{n}", "dert", "10002", Decimal(-1), Movement.SOLD, "", "STORE1", at
                    )
                    for n in range(share)
                ],
            )
        hits = [taken for each in simulator.faults.listing() if (taken := each["taken"])]
        invoices = await rows(simulator, "salesInvoices")
        payments = await rows(simulator, "customerPayments")
        entries = await rows(simulator, "generalLedgerEntries")
        stock = await rows(simulator, "locationStocks")
    assert len(hits) == 2, "both kinds of fault must have struck"
    assert [made["status"] for made in invoices] == ["Open"] * 2 * share
    assert len({made["externalDocumentNumber"] for made in invoices}) == 2 * share
    assert len({made["externalDocumentNumber"] for made in payments}) == len(payments) == share
    booked = Counter(each["documentNumber"] for each in entries)
    assert len(booked) == 3 * share
    assert set(booked.values()) == {3}
    assert [each["inventory"] for each in stock] == [-share]
