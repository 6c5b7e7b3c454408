"""Business Central: sign-in, API v2.0 and its adapters, opened and closed as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.clock import Clock, utc_now
from shared.dynamics.business_central.settings import BusinessCentralSettings

if TYPE_CHECKING:
    import httpx

    from shared.dynamics.business_central.api import Api
    from shared.dynamics.business_central.master_data import BusinessCentralMasterData
    from shared.dynamics.business_central.sales_documents import BusinessCentralSalesDocuments
    from shared.dynamics.business_central.webhooks import Subscriptions
    from shared.dynamics.fields import EntityFields
    from shared.dynamics.governor import Book
    from shared.dynamics.ports.documents import CustomerPayments, LedgerJournals, SalesDocuments
    from shared.dynamics.ports.master_data import Customers, ItemPrices
    from shared.dynamics.ports.stock import Stock

    FIELDS: tuple[EntityFields, ...]

__all__ = ["FIELDS", "BusinessCentral", "BusinessCentralSettings", "business_central"]


@dataclass(frozen=True, slots=True)
class BusinessCentral:
    """The ports on one environment, and what this product has beyond them."""

    sales_documents: SalesDocuments
    late_documents: SalesDocuments
    """The same in the lane of what comes late in bulk."""
    customer_payments: CustomerPayments
    ledger_journals: LedgerJournals
    customers: Customers
    master_data: BusinessCentralMasterData
    """`MasterData`, and the codes of categories, units, currencies and dimensions."""
    item_prices: ItemPrices
    stock: Stock
    late_stock: Stock
    """The same in the lane of what comes late in bulk."""
    documents: BusinessCentralSalesDocuments
    """Documents by the standard API: shipping and invoicing an order, PDF."""
    subscriptions: Subscriptions
    api: Api


@asynccontextmanager
async def business_central(
    settings: BusinessCentralSettings, clock: Clock = utc_now, book: Book | None = None
) -> AsyncIterator[BusinessCentral]:
    """Give the ports on the environment the settings name; connections close on leaving.

    Signs in with the first request. Imports httpx and azure-identity only here: a worker starts
    without them. With a `book` the calls of all workers share one rate budget.
    """
    from shared.dynamics.business_central.api import Api
    from shared.dynamics.business_central.customer_payments import (
        BusinessCentralCustomerPayments,
    )
    from shared.dynamics.business_central.customers import BusinessCentralCustomers
    from shared.dynamics.business_central.errors import RULES
    from shared.dynamics.business_central.item_prices import BusinessCentralItemPrices
    from shared.dynamics.business_central.ledger_journals import BusinessCentralLedgerJournals
    from shared.dynamics.business_central.master_data import BusinessCentralMasterData
    from shared.dynamics.business_central.pos_documents import BusinessCentralPosDocuments
    from shared.dynamics.business_central.references import References
    from shared.dynamics.business_central.sales_documents import BusinessCentralSalesDocuments
    from shared.dynamics.business_central.stock import BusinessCentralStock
    from shared.dynamics.business_central.webhooks import Subscriptions
    from shared.dynamics.claims import Claims
    from shared.dynamics.connection import connect
    from shared.dynamics.governor import Lane, Pace

    async with connect(
        settings,
        settings.api_path,
        clock=clock,
        rules=RULES,
        headers={"Accept-Language": "en-US"},
        auths=_web_service_key(settings),
        book=book,
        pace=Pace(_FIRST_RATE),
    ) as service:
        api = Api(service, "v2.0")
        custom = None
        if settings.custom_api:
            custom = Api(service, settings.custom_api.strip("/"), api.companies)
        references = References(api)
        claims = Claims(f"{settings.base_url}{settings.api_path}", clock, book)
        documents = BusinessCentralSalesDocuments(api, references, claims)
        invoices = documents if custom is None else BusinessCentralPosDocuments(custom, documents)
        yield BusinessCentral(
            sales_documents=invoices,
            late_documents=invoices.in_lane(Lane.BULK),
            customer_payments=BusinessCentralCustomerPayments(
                api, references, claims, settings.payment_journal
            ),
            ledger_journals=BusinessCentralLedgerJournals(api),
            customers=BusinessCentralCustomers(api),
            master_data=BusinessCentralMasterData(
                api.in_lane(Lane.BULK), custom and custom.in_lane(Lane.PRICE)
            ),
            item_prices=BusinessCentralItemPrices(api, custom),
            stock=BusinessCentralStock(
                api.in_lane(Lane.STOCK), custom and custom.in_lane(Lane.STOCK)
            ),
            late_stock=BusinessCentralStock(
                api.in_lane(Lane.BULK), custom and custom.in_lane(Lane.BULK)
            ),
            documents=documents,
            subscriptions=Subscriptions(api),
            api=api,
        )


_FIRST_RATE = 20.0
"""Requests per second: 6,000 in five minutes are allowed (Microsoft: operational limits)."""


def _web_service_key(settings: BusinessCentralSettings) -> dict[str, httpx.Auth] | None:
    """Return the sign-in of a server on premises that takes user and web service access key."""
    if settings.web_service_key is None:
        return None
    import httpx

    key = settings.web_service_key.get_secret_value()
    return {settings.user: httpx.BasicAuth(settings.user, key)}


def __getattr__(name: str) -> object:
    # The table imports every adapter, and with them httpx.
    if name == "FIELDS":
        from shared.dynamics.business_central.tables import FIELDS

        return FIELDS
    raise AttributeError(name)
