"""Prices of a few items for one customer, read while somebody waits for the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from shared.dynamics.finance_operations.comparing import comparable
from shared.dynamics.finance_operations.customers import CUSTOMERS
from shared.dynamics.finance_operations.entities import Entity
from shared.dynamics.finance_operations.master_data import PRICES, PRODUCTS, per_unit, price_of
from shared.dynamics.finance_operations.queries import rows_of
from shared.dynamics.odata.requests import literal, read
from shared.dynamics.ports.master_data import Price
from shared.dynamics.service import Service

ITEMS_AT_ONCE = 20
"""Items of one filter; each adds some forty characters to the URL."""

PRICE_GROUP = "DiscountPriceGroupId"
"""Of a customer. [U]: no extract we have shows the field, so nothing else reads it."""


class FinanceOperationsItemPrices:
    """The `ItemPrices` port: trade agreements, and the released products' own prices."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def of_items(self, company: str, items: Sequence[str], customer: str) -> Sequence[Price]:
        """See the port."""
        names = list(dict.fromkeys(items))
        group = await self._group(company, customer)
        found: list[Price] = []
        for at in range(0, len(names), ITEMS_AT_ONCE):
            some = names[at : at + ITEMS_AT_ONCE]
            found += [_card(row) async for row in self._rows(PRODUCTS, company, some)]
            found += [
                price_of(row)
                async for row in self._rows(
                    PRICES,
                    company,
                    some,
                    CustomerAccountNumber=customer,
                    PriceCustomerGroupCode=group,
                )
            ]
        return found

    async def _group(self, company: str, customer: str) -> str:
        key = {"dataAreaId": company, "CustomerAccount": customer}
        select = (*CUSTOMERS.key, PRICE_GROUP)
        row = await self._service.entity(read(CUSTOMERS.entity_set, key, select))
        return "" if row is None else str(row[PRICE_GROUP])

    async def _rows(
        self, entity: Entity[Any], company: str, items: Sequence[str], **his_or_empty: str
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the rows of these items; a field of `his_or_empty` has that value or none."""
        wanted: dict[str, set[str]] = {"ItemNumber": set(items)}
        wanted |= {name: {"", value} for name, value in his_or_empty.items()}
        conditions = [f"dataAreaId eq {literal(company)}"]
        conditions += [_any_of(name, values) for name, values in wanted.items()]
        select = (*entity.key, *entity.read)
        operation = rows_of(entity.entity_set, " and ".join(conditions), select)
        async for row in self._service.rows(operation):
            # A `*` in a value stands for anything in Dynamics' filters; here it is a sign.
            if all(_is_one_of(row, name, values) for name, values in wanted.items()):
                yield row


def _any_of(name: str, values: set[str]) -> str:
    return "(" + " or ".join(f"{name} eq {literal(value)}" for value in sorted(values)) + ")"


def _is_one_of(row: Mapping[str, Any], name: str, values: set[str]) -> bool:
    return comparable(row.get(name) or "") in {comparable(value) for value in values}


def _card(row: Mapping[str, Any]) -> Price:
    return Price(
        company=row["dataAreaId"],
        item=row["ItemNumber"],
        amount=per_unit(row["SalesPrice"], row["SalesPriceQuantity"]),
        currency="",
        unit=row["SalesUnitSymbol"],
        is_card=True,
    )
