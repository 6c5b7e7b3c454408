"""What people do in Dynamics meanwhile, through clients of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Protocol

from shared.dynamics import Booked, DynamicsSettings, finance_operations
from shared.dynamics.business_central import (
    BusinessCentral,
    BusinessCentralSettings,
    business_central,
    requests,
)
from shared.dynamics.finance_operations import FinanceOperations
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import entity_path, to_json
from shared.dynamics.ports.documents import DocumentKind
from shared.dynamics.ports.master_data import Price, PriceChange


class People(Protocol):
    async def limit(self, customer: str, amount: Decimal) -> None: ...

    async def hold(self, customer: str) -> None: ...

    async def invoice(self, key: str) -> None:
        """Ship and invoice the sales order of this key."""
        ...


class AtFinanceOperations:
    company = "dert"

    def __init__(self, finance: FinanceOperations) -> None:
        self._finance = finance

    async def limit(self, customer: str, amount: Decimal) -> None:
        await self._change(customer, {"CreditLimit": amount})

    async def hold(self, customer: str) -> None:
        await self._change(customer, {"OnHoldStatus": "All"})

    async def invoice(self, key: str) -> None:
        order = await self._finance.documents.status(DocumentKind.ORDER, self.company, key)
        assert order is not None
        await self._finance.custom_services.call(
            "invoice", document="SalesOrderHeadersV4", company=self.company, number=order.number
        )

    async def agree(self, *prices: Price) -> None:
        [posting] = await self._finance.prices.post([PriceChange(self.company, "agreed", prices)])
        assert isinstance(posting, Booked), posting

    async def _change(self, customer: str, values: dict[str, object]) -> None:
        key = {"dataAreaId": self.company, "CustomerAccount": customer}
        path = f"{entity_path('CustomersV3', key)}?cross-company=true"
        await self._finance.customers._service.write(
            Operation("PATCH", path, to_json(values), (("If-Match", "*"),))
        )


class AtBusinessCentral:
    company = "gbrt"

    def __init__(self, central: BusinessCentral) -> None:
        self._central = central

    async def limit(self, customer: str, amount: Decimal) -> None:
        await self._change(customer, {"creditLimit": amount})

    async def hold(self, customer: str) -> None:
        await self._change(customer, {"blocked": "All"})

    async def invoice(self, key: str) -> None:
        posting = await self._central.documents.ship_and_invoice(self.company, key)
        assert isinstance(posting, Booked), posting

    async def _change(self, customer: str, values: dict[str, object]) -> None:
        api = self._central.api
        path = await api.company(self.company, "customers")
        row = await api.first(requests.rows(path, where=requests.equal("number", customer)))
        assert row is not None
        await api.change(requests.one(path, row["id"]), values, "*")


@asynccontextmanager
async def people_at(product: str) -> AsyncIterator[AtFinanceOperations | AtBusinessCentral]:
    """Give the people who work with a product; they sign in by the settings of the environment."""
    if product == "finance-operations":
        async with finance_operations(DynamicsSettings()) as finance:
            yield AtFinanceOperations(finance)
    else:
        async with business_central(BusinessCentralSettings()) as central:
            yield AtBusinessCentral(central)
