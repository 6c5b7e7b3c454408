"""What the ambiguous-timeout drill writes to Business Central, one kind of write at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import Posting
from shared.dynamics.business_central import BusinessCentral, business_central
from shared.dynamics.ports.master_data import Customer
from shared.dynamics.ports.stock import Movement, StockChange
from tests.contract.dynamics_business_central.conftest import CUSTOM_API, rows, settings_for
from tests.contract.dynamics_business_central.documents import LINES, invoice, journal, payment
from tests.dynamics_drill import Drill, Target

_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

_POSTED = {"status": "Open"}
"""A draft that is left behind counts as lost."""

Write = Callable[[BusinessCentral, Sequence[int]], Awaitable[Sequence[Posting]]]


def _opener(
    write: Write,
    entity_set: str,
    key: str,
    custom_api: str = "",
    only: Mapping[str, object] | None = None,
) -> Callable[[DynamicsSimulator], AbstractAsyncContextManager[Target]]:
    """`key` names the document in a row of the set; of the rows those that equal `only`."""

    def is_counted(row: Mapping[str, Any]) -> bool:
        return all(row[name] == value for name, value in (only or {}).items())

    @asynccontextmanager
    async def opened(simulator: DynamicsSimulator) -> AsyncIterator[Target]:
        before = [row for row in await rows(simulator, entity_set) if is_counted(row)]

        async def stored() -> Sequence[Hashable]:
            found = [row for row in await rows(simulator, entity_set) if is_counted(row)]
            return [str(row[key]) for row in found[len(before) :]]

        settings = settings_for(simulator, custom_api=custom_api)
        async with business_central(settings) as bc:

            async def write_numbers(numbers: Sequence[int]) -> Sequence[Posting]:
                return await write(bc, numbers)

            yield Target(write_numbers, stored)

    return opened


async def _invoices(bc: BusinessCentral, numbers: Sequence[int]) -> Sequence[Posting]:
    return await bc.sales_documents.post([invoice(f"s:{n}", lines=LINES[:1]) for n in numbers])


async def _payments(bc: BusinessCentral, numbers: Sequence[int]) -> Sequence[Posting]:
    return await bc.customer_payments.post([payment(f"p:{n}") for n in numbers])


async def _journals(bc: BusinessCentral, numbers: Sequence[int]) -> Sequence[Posting]:
    return await bc.ledger_journals.post([journal(f"z:{n}") for n in numbers])


async def _customers(bc: BusinessCentral, numbers: Sequence[int]) -> Sequence[Posting]:
    return await bc.customers.save(
        [Customer("dert", f"L{n}", "Ada Example", city="Bonn") for n in numbers]
    )


async def _changes(bc: BusinessCentral, numbers: Sequence[int]) -> Sequence[Posting]:
    return await bc.stock.change(
        [
            StockChange(f"e:{n}", "dert", "10002", Decimal(-1), Movement.SOLD, "", "STORE1", _AT)
            for n in numbers
        ]
    )


DRILLS = tuple(
    Drill(f"business-central {name}", r"/api/", opener, batch=batch)
    for name, opener, batch in (
        (
            "invoices",
            _opener(_invoices, "salesInvoices", "externalDocumentNumber", only=_POSTED),
            1,
        ),
        (
            "invoices by POS key",
            _opener(_invoices, "salesInvoices", "externalDocumentNumber", CUSTOM_API, _POSTED),
            1,
        ),
        ("payments", _opener(_payments, "customerPayments", "externalDocumentNumber"), 1),
        (
            "journals",
            _opener(
                _journals, "generalLedgerEntries", "documentNumber", only={"accountNumber": "2910"}
            ),
            1,
        ),
        ("customers", _opener(_customers, "customers", "number"), 1),
        ("stock changes", _opener(_changes, "stockMovements", "entryKey", CUSTOM_API), 2),
    )
)
