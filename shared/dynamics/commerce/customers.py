"""The `CustomerDirectory` port on Commerce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.dynamics.commerce.members import CUSTOMER, SEARCH_CUSTOMERS
from shared.dynamics.commerce.requests import action, entity, one, window
from shared.dynamics.commerce.settings import CommerceSettings
from shared.dynamics.odata.responses import json_object
from shared.dynamics.ports.master_data import Customer
from shared.dynamics.service import Service

_PERSON = 1
_EVERYWHERE = {"Name": "Default", "Value": 0}
"""The search field that looks in all of them."""


class CommerceCustomers:
    def __init__(self, service: Service, settings: CommerceSettings) -> None:
        self._service = service
        self._settings = settings

    async def find(self, company: str, number: str) -> Customer | None:
        """Raises DynamicsError."""
        self._settings.check(company)
        found = await one(self._service, entity(CUSTOMER, number))
        return None if found is None else _customer(company, found)

    async def search(self, company: str, text: str, most: int = 20) -> Sequence[Customer]:
        """Only number, name, kind, e-mail address and telephone number are told."""
        self._settings.check(company)
        criteria = {
            "Criteria": [{"SearchTerm": text, "SearchField": _EVERYWHERE}],
            "DataLevelValue": 1,
        }
        asked = action(
            SEARCH_CUSTOMERS, {"CustomerSearchByFieldCriteria": criteria}, window(0, most)
        )
        rows = json_object(await self._service.read(asked)).get("value") or ()
        return [
            Customer(
                company=company,
                number=str(row["AccountNumber"]),
                name=str(row["FullName"]),
                email=str(row.get("Email") or ""),
                phone=str(row.get("Phone") or ""),
                is_person=row.get("CustomerTypeValue") == _PERSON,
            )
            for row in rows
        ]


def _customer(company: str, row: Mapping[str, Any]) -> Customer:
    addresses = row.get("Addresses") or ()
    primary: Mapping[str, Any] = next((each for each in addresses if each.get("IsPrimary")), {})
    street = f"{primary.get('Street') or ''} {primary.get('StreetNumber') or ''}".strip()
    return Customer(
        company=company,
        number=str(row["AccountNumber"]),
        name=str(row["Name"]),
        group=str(row.get("CustomerGroup") or ""),
        currency=str(row.get("CurrencyCode") or ""),
        language=str(row.get("Language") or ""),
        email=str(row.get("Email") or ""),
        phone=str(row.get("Phone") or ""),
        street=street,
        city=str(primary.get("City") or ""),
        postal_code=str(primary.get("ZipCode") or ""),
        country=str(primary.get("ThreeLetterISORegionName") or ""),
        is_person=row.get("CustomerTypeValue") == _PERSON,
    )
