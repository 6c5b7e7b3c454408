"""The `GiftCardBalances` port on Commerce."""

from __future__ import annotations

from decimal import Decimal

from shared.dynamics.commerce.members import GIFT_CARD
from shared.dynamics.commerce.requests import action, one
from shared.dynamics.commerce.settings import CommerceSettings
from shared.dynamics.service import Service


class CommerceGiftCards:
    def __init__(self, service: Service, settings: CommerceSettings) -> None:
        self._service = service
        self._settings = settings

    async def balance(self, company: str, card: str) -> Decimal | None:
        """In the channel's currency."""
        self._settings.check(company)
        found = await one(self._service, action(GIFT_CARD, {"giftCardId": card}))
        return None if found is None else Decimal(found["Balance"])
