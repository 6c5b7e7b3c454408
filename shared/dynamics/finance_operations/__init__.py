"""Finance & Operations: sign-in, HTTP client and adapters, opened and closed as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.clock import Clock, utc_now
from shared.dynamics.ports import RetailTransactions
from shared.dynamics.settings import DynamicsSettings


@asynccontextmanager
async def finance_operations(
    settings: DynamicsSettings, clock: Clock = utc_now
) -> AsyncIterator[RetailTransactions]:
    """Give the port on the environment the settings name; connections close on leaving.

    Signs in with the first request. Imports httpx and azure-identity only here: a worker starts
    without them.
    """
    import httpx

    from shared.dynamics.auth import TokenAuth, credential
    from shared.dynamics.client import ODataClient
    from shared.dynamics.finance_operations.retail_transactions import (
        FinanceOperationsRetailTransactions,
    )
    from shared.dynamics.service import Service

    auth = TokenAuth(lambda: credential(settings), settings.token_scope)
    timeout = httpx.Timeout(settings.timeout.total_seconds(), connect=10)
    async with httpx.AsyncClient(auth=auth, timeout=timeout) as http:
        service = Service(http, f"{settings.base_url}/data", clock=clock, timeout=settings.timeout)
        try:
            yield FinanceOperationsRetailTransactions(
                ODataClient(service), clock=clock, batch_operations=settings.batch_operations
            )
        finally:
            await auth.aclose()
