"""Customers: persons are contacts, all others accounts; both found by one alternate key.

An empty field of a customer says nothing: what Dataverse has there stays. The last word of a
person's name is the last name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from shared.dynamics.client import ODataClient
from shared.dynamics.dataverse.requests import by_id, by_key, read, write
from shared.dynamics.dataverse.rows import Rows, RowWrite
from shared.dynamics.dataverse.tables import CURRENCY, Table, Tables, row_id
from shared.dynamics.dataverse.values import differences, named
from shared.dynamics.odata.errors import DynamicsError, MissingParent, TryLater
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.responses import entity_of
from shared.dynamics.ports.master_data import Credit, Customer
from shared.dynamics.ports.posting import Failed, Posting
from shared.dynamics.service import Service

_ISO = "isocurrencycode"
_CURRENCY_OF = {"expand": f"transactioncurrencyid($select={_ISO})"}


class DataverseCustomers:
    """The `Customers` port on Dataverse. Remembers the currencies' ids."""

    def __init__(self, service: Service, tables: Tables, *, rows: int) -> None:
        self._service = service
        self._client = ODataClient(service)
        self._tables = tables
        self._rows = Rows(service, action="UpsertMultiple", at_once=rows, may_change=True)
        self._currencies: dict[str, str] = {}

    async def save(self, customers: Sequence[Customer]) -> Sequence[Posting]:
        """See the port. An attempt whose answer was lost is looked up before it is repeated."""
        postings: dict[int, Posting] = {}
        writes: dict[int, RowWrite] = {}
        for index, customer in enumerate(customers):
            try:
                writes[index] = self._write(customer, await self._currency(customer.currency))
            except DynamicsError as error:
                postings[index] = Failed(error)
        postings |= zip(writes, await self._rows.write(list(writes.values())), strict=True)
        return [postings[index] for index in range(len(customers))]

    async def find(self, company: str, number: str) -> Customer | None:
        """Raises DynamicsError."""
        for table, row in await self._both(company, number):
            return self._customer(table, row)
        return None

    async def credit(self, company: str, number: str) -> Credit | None:
        for _, row in await self._both(company, number):
            limit = row.get("creditlimit")
            return Credit(
                limit=None if limit is None else Decimal(limit),
                balance=None,
                on_hold=bool(row.get("creditonhold")),
                currency=_currency_of(row),
            )
        return None

    def _write(self, customer: Customer, currency: str) -> RowWrite:
        table = self._tables.contact if customer.is_person else self._tables.account
        ours = {name: value for name, value in _named(customer).items() if value}
        body: dict[str, object] = {
            column: ours[name] for name, column in table.columns.items() if name in ours
        }
        if currency:
            reference = f"/{by_id(CURRENCY.entity_set, currency)}"
            body["transactioncurrencyid@odata.bind"] = reference
        path = self._path(table, customer.company, customer.number)
        return RowWrite(
            table=table,
            key=path,
            target={**body, "@odata.id": path},
            single=write(path, body),
            look_up=self._read(table, path),
            differences=partial(self._differences, table, ours, customer.currency),
        )

    @staticmethod
    def _differences(
        table: Table, ours: Mapping[str, object], currency: str, theirs: Mapping[str, Any]
    ) -> str:
        other = _currency_of(theirs)
        if currency and other != currency:
            return f"currency: {other} there, {currency} here"
        return differences(ours, theirs, table.columns)

    def _path(self, table: Table, company: str, number: str) -> str:
        return by_key(table.entity_set, self._tables.key, row_id("customer", company, number))

    def _read(self, table: Table, path: str) -> Operation:
        columns = (*dict.fromkeys(table.columns.values()), *table.read)
        return read(path, columns, **_CURRENCY_OF)

    async def _both(self, company: str, number: str) -> list[tuple[Table, dict[str, Any]]]:
        """The contact and the account of a number, those of them that exist."""
        tables = (self._tables.contact, self._tables.account)
        answers = await self._client.batch(
            [self._read(table, self._path(table, company, number)) for table in tables]
        )
        found = []
        for table, answer in zip(tables, answers, strict=True):
            if not answer:
                raise TryLater("Dynamics gave no certain answer.")
            row = entity_of(answer[0], self._service.clock(), self._service.rules)
            if row is not None:
                found.append((table, row))
        return found

    def _customer(self, table: Table, row: Mapping[str, Any]) -> Customer:
        values = customer_values(row, table)
        return Customer(**values, currency=_currency_of(row))

    async def _currency(self, code: str) -> str:
        """Return the id of a currency, '' for ''. Raises MissingParent."""
        if code and code not in self._currencies:
            operation = read(CURRENCY.entity_set, CURRENCY.read)
            async for row in self._service.rows(operation):
                self._currencies[row[_ISO]] = row["transactioncurrencyid"]
            if code not in self._currencies:
                raise MissingParent(f"Dataverse has no currency {code}.")
        return self._currencies[code] if code else ""


def _named(customer: Customer) -> dict[str, object]:
    """The values of a customer by the names that tables map to columns."""
    first, _, last = customer.name.rpartition(" ")
    return {
        "name": customer.name,
        "first_name": first,
        "last_name": last,
        "account_number": customer.number,
        "company": customer.company,
        "number": customer.number,
        "group": customer.group,
        "language": customer.language,
        "email": customer.email,
        "phone": customer.phone,
        "street": customer.street,
        "city": customer.city,
        "postal_code": customer.postal_code,
        "country": customer.country,
    }


def customer_values(row: Mapping[str, Any], table: Table) -> dict[str, Any]:
    """Return a row's values by the names of the port's Customer, but the currency."""
    values = named(row, table.columns)
    first, last = values.pop("first_name", ""), values.pop("last_name", "")
    values.setdefault("name", f"{first} {last}".strip())
    values.pop("account_number", None)
    return {"company": "", "number": "", **values, "is_person": table.logical == "contact"}


def _currency_of(row: Mapping[str, Any]) -> str:
    return str((row.get("transactioncurrencyid") or {}).get(_ISO) or "")
