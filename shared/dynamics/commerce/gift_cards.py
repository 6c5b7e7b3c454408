"""The `GiftCardBalances` port on Commerce."""

from __future__ import annotations

from decimal import Decimal

from shared.dynamics.commerce.members import GIFT_CARD
from shared.dynamics.commerce.requests import action
from shared.dynamics.commerce.settings import CommerceSettings
from shared.dynamics.odata.errors import MissingParent
from shared.dynamics.odata.responses import json_object
from shared.dynamics.service import Service


class CommerceGiftCards:
    def __init__(self, service: Service, settings: CommerceSettings) -> None:
        self._service = service
        self._settings = settings

    async def balance(self, company: str, card: str) -> Decimal | None:
        """In the channel's currency."""
        self._settings.check(company)
        try:
            asked = action(GIFT_CARD, {"giftCardId": card})
            found = json_object(await self._service.read(asked))
        except MissingParent:
            return None
        return Decimal(found["Balance"])
