"""Customers by their number, which is ours to choose: the series must allow manual numbers.

Groups and languages are the template's in Business Central and not in its API: they are not
written.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from shared.dynamics.business_central import requests
from shared.dynamics.business_central.api import Api, text_of
from shared.dynamics.odata.errors import DynamicsError
from shared.dynamics.once import book_once
from shared.dynamics.ports.master_data import Credit, Customer
from shared.dynamics.ports.posting import Failed, Posting
from shared.dynamics.service import Entity

TEXTS = {
    "displayName": "name", "currencyCode": "currency", "email": "email", "phoneNumber": "phone",
    "addressLine1": "street", "city": "city", "postalCode": "postal_code", "country": "country",
}  # fmt: skip
"""Their field -> ours."""
READ = ("id", "number", "type", *TEXTS)
FINANCES = "customerFinancialDetail"


class BusinessCentralCustomers:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def save(self, customers: Sequence[Customer]) -> Sequence[Posting]:
        return [await self._save(customer) for customer in customers]

    async def _save(self, customer: Customer) -> Posting:
        try:
            path = await self._api.company(customer.company, "customers")
        except DynamicsError as error:
            return Failed(error)

        async def write() -> Entity:
            found = await self._row(path, customer.number)
            if found is None:
                return await self._api.create(path, body(customer))
            changes = differing(customer, found)
            row, etag = requests.one(path, found["id"]), str(found["@odata.etag"])
            return await self._api.change(row, changes, etag) if changes else found

        async def look_up() -> Entity | None:
            found = await self._row(path, customer.number)
            return found if found is not None and not differing(customer, found) else None

        return await book_once(
            write,
            look_up,
            key=lambda found: str(found["number"]),
            differences=lambda _: "",
            look_first=True,
        )

    async def find(self, company: str, number: str) -> Customer | None:
        found = await self._row(await self._api.company(company, "customers"), number)
        if found is None:
            return None
        texts = {ours: text_of(found, theirs) for theirs, ours in TEXTS.items()}
        return Customer(company, number, is_person=found["type"] == "Person", **texts)

    async def credit(self, company: str, number: str) -> Credit | None:
        """See the port. No limit is entered as 0 in Business Central."""
        path = await self._api.company(company, "customers")
        where = requests.equal("number", number.upper())
        select = ("creditLimit", "blocked", "currencyCode")
        expand = f"{FINANCES}($select=balance)"
        found = await self._api.first(
            requests.rows(path, where=where, select=select, expand=expand)
        )
        if found is None:
            return None
        limit = Decimal(str(found["creditLimit"]))
        finances = found.get(FINANCES) or {}
        balance = finances.get("balance")
        return Credit(
            limit or None,
            None if balance is None else Decimal(str(balance)),
            text_of(found, "blocked") != "",
            text_of(found, "currencyCode"),
        )

    async def _row(self, path: str, number: str) -> Entity | None:
        where = requests.equal("number", number.upper())
        return await self._api.first(requests.rows(path, where=where, select=READ))


def body(customer: Customer) -> dict[str, object]:
    texts = {theirs: getattr(customer, ours) for theirs, ours in TEXTS.items()}
    kind = "Person" if customer.is_person else "Company"
    given = {name: text for name, text in texts.items() if text}
    return {"number": customer.number, "type": kind, **given}


def differing(customer: Customer, there: Entity) -> dict[str, object]:
    """Return what of ours they do not have; what we do not know stays as it is there."""
    ours = body(customer)
    del ours["number"]
    return {name: value for name, value in ours.items() if there.get(name) != value}
