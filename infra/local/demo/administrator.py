"""What a clerk does in Dynamics by hand: here, entering an article in Business Central."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import httpx

from infra.local.demo.corner_shops import Goods
from infra.local.platform import Addresses


class Administrator:
    """Signs in as the services do, and works on master data."""

    def __init__(self, addresses: Addresses, settings: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._settings = settings

    async def enter_article(self, company: str, goods: Goods) -> None:
        """Create an item in a company of Business Central."""
        token = await self._token()
        root = f"{self._addresses.dynamics}/v2.0/production/api/v2.0"
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(headers=headers, timeout=30) as http:
            answer = await http.get(f"{root}/companies")
            ids = {row["name"]: row["id"] for row in answer.raise_for_status().json()["value"]}
            body = {
                "number": goods.item,
                "displayName": goods.name,
                "unitPrice": float(goods.price),
                "baseUnitOfMeasureCode": goods.unit,
                "taxGroupCode": "STANDARD",
            }
            created = await http.post(f"{root}/companies({ids[company]})/items", json=body)
            created.raise_for_status()

    async def _token(self) -> str:
        tenant = self._settings["BUSINESS_CENTRAL_TENANT_ID"]
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings["BUSINESS_CENTRAL_CLIENT_ID"],
            "client_secret": self._settings["BUSINESS_CENTRAL_CLIENT_SECRET"],
            "scope": f"{self._addresses.dynamics}/.default",
        }
        trust = ssl.create_default_context(cafile=self._addresses.identity_ca)
        async with httpx.AsyncClient(verify=trust, timeout=30) as http:
            answer = await http.post(
                f"{self._addresses.identity}/{tenant}/oauth2/v2.0/token", data=form
            )
        return str(answer.raise_for_status().json()["access_token"])
