"""One environment's API in terms of companies, rows and actions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from shared.dynamics.business_central import requests
from shared.dynamics.governor.lanes import Lane
from shared.dynamics.odata.errors import Refused, SetUpWrong
from shared.dynamics.odata.messages import Operation
from shared.dynamics.odata.responses import json_object
from shared.dynamics.service import Entity, Service


class Api:
    """`name` is `v2.0` or `publisher/group/version`; the service's root is what is before it.

    Company ids and currencies are read once: they do not change while a company lives."""

    def __init__(self, service: Service, name: str, companies: Companies | None = None) -> None:
        self.service = service
        self.name = name
        self.companies = companies or Companies(self)

    def in_lane(self, lane: Lane) -> Api:
        """Return the same API for calls of another urgency."""
        return Api(self.service.in_lane(lane), self.name, self.companies)

    def path(self, company_id: str, entity_set: str) -> str:
        return f"{self.name}/companies({company_id})/{entity_set}"

    async def company(self, name: str, entity_set: str) -> str:
        """Return the path of a set in the company of this name. Raises DynamicsError."""
        return self.path(await self.companies.id(name), entity_set)

    async def first(self, operation: Operation) -> Entity | None:
        """Return the first row, None where there is none. Raises DynamicsError."""
        found = json_object(await self.service.read(operation)).get("value", ())
        return dict(found[0]) if found else None

    def rows(self, operation: Operation) -> AsyncIterator[Entity]:
        return self.service.rows(operation)

    async def create(self, path: str, body: requests.Body) -> Entity:
        """Raises DynamicsError or Uncertain, as every write."""
        return json_object(await self.service.write(requests.create(path, body)))

    async def change(self, path: str, body: requests.Body, etag: str) -> Entity:
        return json_object(await self.service.write(requests.change(path, body, etag)))

    async def delete(self, path: str, etag: str) -> None:
        await self.service.write(requests.delete(path, etag))

    async def act(self, path: str, action: str) -> None:
        await self.service.write(requests.act(path, action))

    async def get(self, path: str, expand: str = "") -> Entity | None:
        return await self.service.entity(requests.rows(path, expand=expand))


class Companies:
    """Companies by name, as `companies` lists them."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._ids: dict[str, str] = {}
        self._currencies: dict[str, str] = {}

    async def id(self, name: str) -> str:
        """Return the company's id; raises Refused where there is no such company."""
        if name not in self._ids:
            listed = requests.rows(f"{self._api.name}/companies", select=("id", "name"))
            async for row in self._api.rows(listed):
                self._ids[str(row["name"])] = str(row["id"])
        if name not in self._ids:
            raise Refused(f"Business Central has no company '{name}'.")
        return self._ids[name]

    async def currency(self, name: str) -> str:
        """Return the company's local currency, in which its journals are kept."""
        if name not in self._currencies:
            path = await self._api.company(name, "companyInformation")
            found = await self._api.first(requests.rows(path, select=("currencyCode",)))
            if found is None or not found["currencyCode"]:
                raise SetUpWrong(f"Company '{name}' has no local currency set up.")
            self._currencies[name] = str(found["currencyCode"])
        return self._currencies[name]


def text_of(row: Entity, name: str) -> str:
    """Return a text field, '' where it is absent or an empty enum symbol."""
    value: Any = row.get(name)
    return "" if value in (None, " ", "_x0020_") else str(value)
