"""Finance & Operations: sign-in, HTTP client and adapters, opened and closed as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shared.clock import Clock, utc_now
from shared.dynamics.ports import RetailTransactions
from shared.dynamics.settings import DynamicsSettings

if TYPE_CHECKING:
    from shared.dynamics.governor import Book


@asynccontextmanager
async def finance_operations(
    settings: DynamicsSettings, clock: Clock = utc_now, book: Book | None = None
) -> AsyncIterator[RetailTransactions]:
    """Give the port on the environment the settings name; connections close on leaving.

    Signs in with the first request. Imports httpx and azure-identity only here: a worker starts
    without them. With a `book` the calls of all workers share one rate budget.
    """
    from shared.dynamics.client import ODataClient
    from shared.dynamics.connection import connect
    from shared.dynamics.finance_operations.retail_transactions import (
        FinanceOperationsRetailTransactions,
    )

    async with connect(settings, "/data", clock=clock, book=book) as service:
        yield FinanceOperationsRetailTransactions(
            ODataClient(service), clock=clock, batch_operations=settings.batch_operations
        )
