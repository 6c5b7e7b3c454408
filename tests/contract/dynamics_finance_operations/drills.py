"""What the ambiguous-timeout drill writes to Finance & Operations beside retail transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from infra.local.dynamics import DynamicsSimulator
from shared.dynamics import Posting
from shared.dynamics.finance_operations import FinanceOperations, finance_operations
from tests.contract.dynamics_finance_operations import samples
from tests.contract.dynamics_finance_operations.conftest import all_rows, all_settings
from tests.dynamics_drill import Drill, Target

Port = Callable[[FinanceOperations], Any]


def _opener(
    port: Port, make: Callable[[int], Any], entity_set: str, key: str
) -> Callable[[DynamicsSimulator], AbstractAsyncContextManager[Target]]:
    @asynccontextmanager
    async def opened(simulator: DynamicsSimulator) -> AsyncIterator[Target]:
        before = len(await all_rows(simulator, entity_set))

        async def stored() -> Sequence[Hashable]:
            return [row[key] for row in (await all_rows(simulator, entity_set))[before:]]

        async with finance_operations(all_settings(simulator)) as finance:
            write = port(finance)

            async def write_numbers(numbers: Sequence[int]) -> Sequence[Posting]:
                postings: Sequence[Posting] = await write([make(number) for number in numbers])
                return postings

            yield Target(write_numbers, stored)

    return opened


_PATH = r"^/(data|api/services)/"

DRILLS = tuple(
    Drill(f"finance-operations {name}", _PATH, _opener(port, make, entity_set, key))
    for name, port, make, entity_set, key in (
        (
            "orders",
            lambda finance: finance.documents.post,
            samples.document,
            "SalesOrderHeadersV4",
            "CustomersOrderReference",
        ),
        (
            "stock adjustments",
            lambda finance: finance.stock.change,
            samples.change,
            "InventoryAdjustmentJournalHeaders",
            "Description",
        ),
        (
            "ledger journals",
            lambda finance: finance.journals.post,
            samples.journal,
            "LedgerJournalHeaders",
            "IntegrationKey",
        ),
        (
            "gift cards",
            lambda finance: finance.gift_cards.record,
            samples.gift_card,
            "RetailGiftCardTransactions",
            "TransactionId",
        ),
        (
            "customers",
            lambda finance: finance.customers.save,
            samples.customer,
            "CustomersV3",
            "CustomerAccount",
        ),
    )
)
