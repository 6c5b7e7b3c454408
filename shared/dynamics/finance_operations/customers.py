"""Customers in Finance & Operations, under our account number (a manual number sequence)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from shared.dynamics.finance_operations.concurrency import each
from shared.dynamics.finance_operations.custom_services import BALANCE, CustomServices
from shared.dynamics.finance_operations.entities import Entity
from shared.dynamics.odata.errors import AlreadyExists, DynamicsError, TryLater
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.requests import create, entity_path, read, to_json
from shared.dynamics.ports.master_data import Credit, Customer
from shared.dynamics.ports.posting import Booked, Failed, Posting
from shared.dynamics.service import Service, Uncertain

if TYPE_CHECKING:
    from shared.dynamics.finance_operations.packages import Packages

_ROUNDS = 3


def _person(customer: Customer) -> tuple[str, str]:
    first, _, last = customer.name.rpartition(" ")
    return first, last


CUSTOMERS: Entity[Customer] = Entity(
    "CustomersV3",
    ("dataAreaId", "CustomerAccount"),
    {
        "dataAreaId": lambda customer: customer.company,
        "CustomerAccount": lambda customer: customer.number,
        "PartyType": lambda customer: "Person" if customer.is_person else "Organization",
        "OrganizationName": lambda customer: "" if customer.is_person else customer.name,
        "PersonFirstName": lambda customer: _person(customer)[0] if customer.is_person else "",
        "PersonLastName": lambda customer: _person(customer)[1] if customer.is_person else "",
        "CustomerGroupId": lambda customer: customer.group,
        "SalesCurrencyCode": lambda customer: customer.currency,
        "LanguageId": lambda customer: customer.language,
        "PrimaryContactEmail": lambda customer: customer.email,
        "PrimaryContactPhone": lambda customer: customer.phone,
        "AddressStreet": lambda customer: customer.street,
        "AddressCity": lambda customer: customer.city,
        "AddressZipCode": lambda customer: customer.postal_code,
        "AddressCountryRegionId": lambda customer: customer.country,
    },
    compared=(
        *("PartyType", "OrganizationName", "PersonFirstName", "PersonLastName"),
        *("CustomerGroupId", "SalesCurrencyCode", "LanguageId", "PrimaryContactEmail"),
        *("PrimaryContactPhone", "AddressStreet", "AddressCity", "AddressZipCode"),
        "AddressCountryRegionId",
    ),
    read=("CreditLimit", "CreditLimitIsMandatory", "OnHoldStatus"),
    symbols={"PartyType": ("Person", "Organization")},
    used_by=("Customers.save", "Customers.find", "Customers.credit"),
)
PACKAGE_ENTITY = "Customers V3"
"""As data management calls it."""

_FIXED = frozenset({"dataAreaId", "CustomerAccount", "PartyType"})
"""Written once."""

_HELD = frozenset({"All", "Invoice"})


class FinanceOperationsCustomers:
    """The `Customers` port. From `package_rows` customers on a data package takes them."""

    def __init__(
        self,
        service: Service,
        custom_services: CustomServices,
        packages: Packages,
        *,
        group: str,
    ) -> None:
        self._service = service
        self._custom_services = custom_services
        self._packages = packages
        self._group = group

    async def save(self, customers: Sequence[Customer]) -> Sequence[Posting]:
        """See the port. A field that is '' is left as it is."""
        if self._packages.takes(len(customers)):
            bodies = [self._body(each) for each in customers]
            return await self._packages.save(PACKAGE_ENTITY, CUSTOMERS.key, bodies)
        return await each(self._save, customers)

    async def find(self, company: str, number: str) -> Customer | None:
        row = await self._row(company, number)
        return None if row is None else _customer(row)

    async def credit(self, company: str, number: str) -> Credit | None:
        """See the port; the balance comes from the custom service `balance`, where it is set."""
        row = await self._row(company, number)
        if row is None:
            return None
        limit = Decimal(row["CreditLimit"])
        unlimited = not limit and row["CreditLimitIsMandatory"] == "No"
        return Credit(
            limit=None if unlimited else limit,
            balance=await self._balance(company, number),
            on_hold=row["OnHoldStatus"] in _HELD,
            currency=row["SalesCurrencyCode"],
        )

    async def _balance(self, company: str, number: str) -> Decimal | None:
        if not self._custom_services.has(BALANCE):
            return None
        try:
            answer = await self._custom_services.call(
                BALANCE, document=CUSTOMERS.entity_set, company=company, number=number
            )
        except Uncertain as error:
            raise TryLater(f"Dynamics gave no answer: {error}") from error
        return Decimal(answer["Balance"])

    async def _row(self, company: str, number: str) -> dict[str, Any] | None:
        key = {"dataAreaId": company, "CustomerAccount": number}
        select = (*CUSTOMERS.key, *CUSTOMERS.compared, *CUSTOMERS.read)
        return await self._service.entity(read(CUSTOMERS.entity_set, key, select))

    def _body(self, customer: Customer) -> dict[str, object]:
        body = CUSTOMERS.body(customer)
        return (
            body if customer.group or not self._group else body | {"CustomerGroupId": self._group}
        )

    async def _save(self, customer: Customer) -> Posting:
        """Read, then create or change what differs; either repeated does no harm."""
        ours = self._body(customer)
        key = {name: ours[name] for name in CUSTOMERS.key}
        path = entity_path(CUSTOMERS.entity_set, key)
        reason: DynamicsError = TryLater("Dynamics gave no certain answer.")
        written = False
        for _ in range(_ROUNDS):
            try:
                there = await self._row(customer.company, customer.number)
                if there is None:
                    await self._service.write(create(CUSTOMERS.entity_set, ours))
                    return Booked(path, already_there=False)
                if not CUSTOMERS.differences(ours, there):
                    return Booked(path, already_there=not written)
                written = True
                changes = {name: value for name, value in ours.items() if name not in _FIXED}
                tag = (("If-Match", str(there.get("@odata.etag", "*"))),)
                await self._service.write(
                    Operation("PATCH", f"{path}?cross-company=true", to_json(changes), tag)
                )
                return Booked(path, already_there=False)
            except (Uncertain, AlreadyExists):
                continue
            except TryLater as error:
                if not error.at_once:
                    return Failed(error)
                reason = error
            except DynamicsError as error:
                return Failed(error)
        return Failed(reason)


def _customer(row: dict[str, Any]) -> Customer:
    is_person = row["PartyType"] == "Person"
    name = f"{row['PersonFirstName']} {row['PersonLastName']}".strip()
    return Customer(
        company=row["dataAreaId"],
        number=row["CustomerAccount"],
        name=name if is_person else row["OrganizationName"],
        group=row["CustomerGroupId"],
        currency=row["SalesCurrencyCode"],
        language=row["LanguageId"],
        email=row["PrimaryContactEmail"],
        phone=row["PrimaryContactPhone"],
        street=row["AddressStreet"],
        city=row["AddressCity"],
        postal_code=row["AddressZipCode"],
        country=row["AddressCountryRegionId"],
        is_person=is_person,
    )
