"""Ids of the master data that documents refer to, read once each."""

from __future__ import annotations

from shared.dynamics.business_central import requests
from shared.dynamics.business_central.api import Api
from shared.dynamics.odata.errors import MissingParent


class References:
    """Business Central takes variants and locations by id only; the codes they have do not change
    their ids while they exist."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[tuple[str, ...], str] = {}

    async def location(self, company: str, code: str) -> str:
        """Raises MissingParent where there is none of this code, or another DynamicsError."""
        where = requests.equal("code", code.upper())
        return await self._id(company, "locations", where, f"location {code}")

    async def variant(self, company: str, item: str, code: str) -> str:
        where = requests.both(
            requests.equal("itemNumber", item.upper()), requests.equal("code", code.upper())
        )
        return await self._id(company, "itemVariants", where, f"variant {code} of item {item}")

    async def journal(self, company: str, entity_set: str, code: str) -> str:
        where = requests.equal("code", code.upper())
        return await self._id(company, entity_set, where, f"journal {code} in {entity_set}")

    async def _id(self, company: str, entity_set: str, where: str, what: str) -> str:
        key = (company, entity_set, where)
        if key not in self._known:
            path = await self._api.company(company, entity_set)
            found = await self._api.first(requests.rows(path, where=where, select=("id",)))
            if found is None:
                raise MissingParent(f"Business Central has no {what}.")
            self._known[key] = str(found["id"])
        return self._known[key]
