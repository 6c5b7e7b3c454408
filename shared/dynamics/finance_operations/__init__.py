"""Finance & Operations: sign-in, HTTP client and adapters, opened and closed as one.

Nothing of httpx, azure-identity or an adapter is imported before it is used: a worker starts
without them, and one that books sales never loads the rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from shared.clock import Clock, utc_now
from shared.dynamics.governor.lanes import Lane
from shared.dynamics.settings import DynamicsSettings

if TYPE_CHECKING:
    from shared.dynamics.claims import Claims
    from shared.dynamics.finance_operations.cards import (
        FinanceOperationsGiftCards,
        FinanceOperationsLoyalty,
    )
    from shared.dynamics.finance_operations.changesets import Changesets
    from shared.dynamics.finance_operations.custom_services import CustomServices
    from shared.dynamics.finance_operations.customers import FinanceOperationsCustomers
    from shared.dynamics.finance_operations.item_prices import FinanceOperationsItemPrices
    from shared.dynamics.finance_operations.ledger import (
        FinanceOperationsJournals,
        FinanceOperationsPayments,
    )
    from shared.dynamics.finance_operations.master_data import FinanceOperationsMasterData
    from shared.dynamics.finance_operations.numbered import NumberedDocuments
    from shared.dynamics.finance_operations.packages import Packages
    from shared.dynamics.finance_operations.prices import FinanceOperationsPriceChanges
    from shared.dynamics.finance_operations.retail_transactions import (
        FinanceOperationsRetailTransactions,
    )
    from shared.dynamics.finance_operations.sales_documents import FinanceOperationsSalesDocuments
    from shared.dynamics.finance_operations.statements import FinanceOperationsStatements
    from shared.dynamics.finance_operations.stock import FinanceOperationsStock
    from shared.dynamics.governor import Book
    from shared.dynamics.service import Service

__all__ = ["FinanceOperations", "finance_operations"]


class FinanceOperations:
    """One environment, a port per attribute, each made when it is first used, in its lane."""

    def __init__(
        self, service: Service, settings: DynamicsSettings, clock: Clock, book: Book | None
    ) -> None:
        self._service = service
        self._settings = settings
        self._clock = clock
        self._book = book

    @cached_property
    def transactions(self) -> FinanceOperationsRetailTransactions:
        return self._transactions(self._service)

    @cached_property
    def late_transactions(self) -> FinanceOperationsRetailTransactions:
        """The same in the lane of what comes late in bulk."""
        return self._transactions(self._service.in_lane(Lane.BULK))

    def _transactions(self, service: Service) -> FinanceOperationsRetailTransactions:
        from shared.dynamics.client import ODataClient
        from shared.dynamics.finance_operations.retail_transactions import (
            FinanceOperationsRetailTransactions,
        )

        return FinanceOperationsRetailTransactions(
            ODataClient(service),
            clock=self._clock,
            batch_operations=self._settings.batch_operations,
        )

    @cached_property
    def documents(self) -> FinanceOperationsSalesDocuments:
        from shared.dynamics.finance_operations.sales_documents import (
            FinanceOperationsSalesDocuments,
        )

        settings = self._settings
        return FinanceOperationsSalesDocuments(
            self._numbered(Lane.SALE), settings.sales_order_headers, settings.sales_order_lines
        )

    @cached_property
    def payments(self) -> FinanceOperationsPayments:
        from shared.dynamics.finance_operations.ledger import FinanceOperationsPayments

        name = self._settings.journal_names.get("payment", "")
        return FinanceOperationsPayments(self._numbered(Lane.SALE), self.custom_services, name)

    @cached_property
    def journals(self) -> FinanceOperationsJournals:
        from shared.dynamics.finance_operations.ledger import FinanceOperationsJournals

        return FinanceOperationsJournals(self._numbered(Lane.SALE), self.custom_services)

    @cached_property
    def statements(self) -> FinanceOperationsStatements:
        from shared.dynamics.finance_operations.statements import FinanceOperationsStatements

        return FinanceOperationsStatements(self.custom_services)

    @cached_property
    def customers(self) -> FinanceOperationsCustomers:
        from shared.dynamics.finance_operations.customers import FinanceOperationsCustomers

        return FinanceOperationsCustomers(
            self._service, self.custom_services, self.packages, group=self._settings.customer_group
        )

    @cached_property
    def master_data(self) -> FinanceOperationsMasterData:
        from shared.dynamics.finance_operations.master_data import FinanceOperationsMasterData

        return FinanceOperationsMasterData(self._service.in_lane(Lane.BULK))

    @cached_property
    def item_prices(self) -> FinanceOperationsItemPrices:
        from shared.dynamics.finance_operations.item_prices import FinanceOperationsItemPrices

        return FinanceOperationsItemPrices(self._service)

    @cached_property
    def prices(self) -> FinanceOperationsPriceChanges:
        from shared.dynamics.finance_operations.prices import FinanceOperationsPriceChanges

        name = self._settings.journal_names.get("price", "")
        return FinanceOperationsPriceChanges(self._numbered(Lane.PRICE), self.custom_services, name)

    @cached_property
    def stock(self) -> FinanceOperationsStock:
        return self._stock(Lane.STOCK)

    @cached_property
    def late_stock(self) -> FinanceOperationsStock:
        """The same in the lane of what comes late in bulk."""
        return self._stock(Lane.BULK)

    def _stock(self, lane: Lane) -> FinanceOperationsStock:
        from shared.dynamics.finance_operations.stock import FinanceOperationsStock

        return FinanceOperationsStock(
            self._service.in_lane(lane),
            self._numbered(lane),
            self._custom_services(lane),
            journal_names=self._settings.journal_names,
            offset_account=self._settings.movement_offset_account,
        )

    @cached_property
    def loyalty(self) -> FinanceOperationsLoyalty:
        return self._loyalty(self._service)

    @cached_property
    def late_loyalty(self) -> FinanceOperationsLoyalty:
        """The same in the lane of what comes late in bulk."""
        return self._loyalty(self._service.in_lane(Lane.BULK))

    def _loyalty(self, service: Service) -> FinanceOperationsLoyalty:
        from shared.dynamics.finance_operations.cards import FinanceOperationsLoyalty

        return FinanceOperationsLoyalty(service, self._changesets(service))

    @cached_property
    def gift_cards(self) -> FinanceOperationsGiftCards:
        from shared.dynamics.finance_operations.cards import FinanceOperationsGiftCards

        return FinanceOperationsGiftCards(self._service, self._changesets(self._service))

    @cached_property
    def packages(self) -> Packages:
        from shared.dynamics.finance_operations.packages import Packages

        return Packages(
            self._service.in_lane(Lane.BULK),
            self._clock,
            self._claims,
            group=self._settings.package_group,
            threshold=self._settings.package_rows,
        )

    @cached_property
    def custom_services(self) -> CustomServices:
        return self._custom_services(Lane.SALE)

    @cached_property
    def _claims(self) -> Claims:
        from shared.dynamics.claims import Claims

        return Claims(self._settings.base_url, self._clock, self._book)

    def _changesets(self, service: Service) -> Changesets:
        from shared.dynamics.client import ODataClient
        from shared.dynamics.finance_operations.changesets import Changesets

        return Changesets(
            ODataClient(service),
            clock=self._clock,
            batch_operations=self._settings.batch_operations,
        )

    def _numbered(self, lane: Lane) -> NumberedDocuments:
        from shared.dynamics.finance_operations.numbered import NumberedDocuments

        return NumberedDocuments(
            self._service.in_lane(lane), self._clock, self._claims, self._custom_services(lane)
        )

    def _custom_services(self, lane: Lane) -> CustomServices:
        from shared.dynamics.finance_operations.custom_services import CustomServices

        return CustomServices(
            self._service.in_lane(lane), self._settings.base_url, self._settings.custom_services
        )


@asynccontextmanager
async def finance_operations(
    settings: DynamicsSettings, clock: Clock = utc_now, book: Book | None = None
) -> AsyncIterator[FinanceOperations]:
    """Give the ports on the environment the settings name; connections close on leaving.

    Signs in with the first request. With a `book` the calls of all workers share one rate budget,
    and a document that Dynamics numbers is booked by one of them at a time.
    """
    from shared.dynamics.connection import connect

    async with connect(settings, "/data", clock=clock, book=book) as service:
        yield FinanceOperations(service, settings, clock, book)
